"""Whether a rotation may take its next step: from what is seen of every cluster, and from nothing else.

Two sentences are all there is to it. Nothing may be signed by an anchor that somebody doesn't trust; and no anchor may
be taken away while somebody holds a certificate below it. Linkerd's proxies know the anchors that they were started
with; its identity controller reads them once, and skips an issuer that they don't verify
(linkerd2 ``controller/cmd/identity/main.go``, ``pkg/identity/service.go``). What can't be told is never taken for good.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from meshwright.certs import proxies, signing
from meshwright.certs.checks import Check, Move, Verdict
from meshwright.certs.generations import Told, standing
from meshwright.certs.pem import called, is_trusted
from meshwright.certs.rotation import Stand, stand

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from cryptography import x509

    from meshwright.certs.observed import Observed


def gate(clusters: Sequence[Observed], move: Move, now: datetime, told: Sequence[Told] = ()) -> tuple[Check, ...]:
    """The conditions of a step, in every cluster of a trust domain.

    Args:
        clusters: All of them: a certificate of each meets proxies of each.
        move: Which step.
        now: The moment at which they were seen.
        told: Of each, what its stack file says of its anchors. Without, they are told apart by age.
    """
    known = [(each, says or Told()) for each, says in zip_longest(clusters, told[: len(clusters)])]
    checks = [check for each, says in known for check in _of_cluster(each, says, move, now)]
    return (*checks, *_together(clusters), *_named(known, move)) if clusters else ()


def _of_cluster(seen: Observed, told: Told, move: Move, now: datetime) -> Iterator[Check]:
    for what, why in seen.gaps.items():
        yield Check(seen.name, f"{what} can be read", Verdict.UNKNOWN, (why,), "let this account read it")
    stands = standing(seen.bundle, move.step, told)
    yield _bundle(seen, told, move, stands)
    if stands is None:
        return
    yield _issuer(seen, move, stands, now)
    yield signing.controllers(seen)
    yield proxies.proxies(seen, now)
    if seen.outside:
        title, remedy = (
            "every proxy outside of the cluster has the bundle",
            "look there, and say by --reason what you saw",
        )
        yield Check(seen.name, title, Verdict.UNKNOWN, seen.outside, remedy)
    yield signing.unrefused(seen, move)
    if move.step == move.steps.names[2] and move.drops_an_anchor:
        yield signing.switched(seen, move)
    if move.drops_an_anchor:
        yield signing.reissued(seen, move, now)


def _bundle(seen: Observed, told: Told, move: Move, stands: Stand[x509.Certificate] | None) -> Check:
    title = f"the bundle is that of {move.step}"
    if stands is not None:
        return Check(seen.name, title, Verdict.PASSED)
    held = ", ".join(map(called, seen.bundle)) or "no anchor"
    wanted = len(stand(move.step, "old", "new").trusts)
    # With anchors of other clusters among them, nobody can tell which is the old one.
    is_blurred = told.others and told.old is None
    verdict = Verdict.FAILED if 0 < len(seen.bundle) <= wanted and not is_blurred else Verdict.UNKNOWN
    return Check(seen.name, title, verdict, (f"it holds {held}",), "run `meshwright up`, and wait for trust-manager")


def _issuer(seen: Observed, move: Move, stands: Stand[x509.Certificate], now: datetime) -> Check:
    title = f"{called(stands.signs)} has signed the issuer, which is valid"
    if not seen.issuer:
        return Check(
            seen.name, title, Verdict.UNKNOWN, ("no issuer is seen",), "look at Secret linkerd-identity-issuer"
        )
    if is_trusted(seen.issuer, frozenset({stands.signs}), now):
        return Check(seen.name, title, Verdict.PASSED)
    ends = seen.issuer[0].not_valid_after_utc
    why = f"{called(seen.issuer[0])} ends on {ends:%Y-%m-%d %H:%M}, and does not lead to it"
    return Check(seen.name, title, Verdict.FAILED, (why,), f"finish the update to {move.step}")


def _together(clusters: Sequence[Observed]) -> Iterator[Check]:
    title = "every cluster has the same anchors"
    first, *others = clusters
    for other in others:
        if set(other.bundle) != set(first.bundle):
            why = f"{first.name} and {other.name} trust different ones"
            yield Check(other.name, title, Verdict.FAILED, (why,), "finish the step in the one that lags behind")


def _named(clusters: Sequence[tuple[Observed, Told]], move: Move) -> Iterator[Check]:
    """Clusters that are linked, and for which no stack was named: their proxies are nowhere looked at.

    A stack that doesn't tell its cluster's name may be that of any.
    """
    named = move.clusters or tuple(told.cluster for _, told in clusters)
    for each, told in clusters:
        missing = [name for name in each.linked if name not in named]
        nameless = named.count("") - (not told.cluster)
        if len(missing) > nameless:
            title, remedy = "every linked cluster is looked at", "name the stacks of all by --stack"
            why = f"it is linked with {', '.join(missing)}; stacks that were named, and may be theirs: {nameless}"
            yield Check(each.name, title, Verdict.UNKNOWN, (why,), remedy)
