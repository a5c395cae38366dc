"""Whether a rotation may take its next step: from what is seen of every cluster, and from nothing else.

Two sentences are all there is to it. Nothing may be signed by an anchor that somebody doesn't trust; and no anchor may
be taken away while somebody holds a certificate below it. Linkerd's proxies know the anchors that they were started
with; its identity controller reads them once, and skips an issuer that they don't verify
(linkerd2 ``controller/cmd/identity/main.go``, ``pkg/identity/service.go``). What can't be told is never taken for good.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from meshwright.certs.observed import INVALID, SKIPPED, UPDATED, Controller, Observed, Proxy
from meshwright.certs.pem import called, fingerprint, has_unit, is_same_authority, is_trusted, is_valid
from meshwright.certs.rotation import LINKERD_STEPS, Stand, Steps, stand
from meshwright.linkerd.labels import LEAF_LIFETIME_HOURS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cryptography import x509

LEAF_LIFETIME: Final = timedelta(hours=LEAF_LIFETIME_HOURS)
_SKEW: Final = timedelta(minutes=1)
"""On top of a leaf's lifetime; the identity controller allows for 20 s."""
SYNC: Final = timedelta(minutes=2)
"""How long a kubelet takes at most to show a changed ConfigMap or Secret to pods that run; cert-manager takes less."""


class Verdict(StrEnum):
    """Of a check; of several, the worst one."""

    PASSED = "passed"
    UNKNOWN = "unknown"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of a step, in one cluster."""

    cluster: str
    title: str
    verdict: Verdict
    reasons: tuple[str, ...] = ()
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """From one step of a rotation to another."""

    step: str
    to: str
    since: date | None = None
    """The day on which `step` began."""
    leaf_lifetime: timedelta = LEAF_LIFETIME
    steps: Steps = LINKERD_STEPS
    clusters: int = 0
    """How many the trust domain has, as far as stacks were named; 0 for those that are given."""


@dataclass(frozen=True, slots=True)
class Generation:
    """What an anchor is known by: the name of its generation, which is its organizational unit, or itself."""

    name: str = ""
    certificates: frozenset[x509.Certificate] = frozenset()

    def is_of(self, certificate: x509.Certificate) -> bool:
        """Whether a certificate is this generation's; signed anew with the old key it still is."""
        if self.certificates:
            return any(is_same_authority(certificate, each) for each in self.certificates)
        return has_unit(certificate, self.name)


@dataclass(frozen=True, slots=True)
class Told:
    """What a stack file says of a cluster's anchors."""

    old: Generation | None = None
    new: Generation | None = None
    """None for either where nothing tells what it looks like."""
    others: bool = False
    """Whether anchors of other clusters are in the bundle, too."""


def verdict_of(checks: Sequence[Check]) -> Verdict:
    """The worst; unknown where nothing was checked."""
    found = {check.verdict for check in checks}
    if Verdict.FAILED in found:
        return Verdict.FAILED
    return Verdict.UNKNOWN if Verdict.UNKNOWN in found or not found else Verdict.PASSED


def gate(clusters: Sequence[Observed], move: Move, now: datetime, told: Sequence[Told] = ()) -> tuple[Check, ...]:
    """The conditions of a step, in every cluster of a trust domain.

    Args:
        clusters: All of them: a certificate of each meets proxies of each.
        move: Which step.
        now: The moment at which they were seen.
        told: Of each, what its stack file says of its anchors. Without, they are told apart by age.
    """
    checks = [
        check
        for each, known in zip_longest(clusters, told[: len(clusters)])
        for check in _of_cluster(each, known or Told(), move, now)
    ]
    return (*checks, *_together(clusters), *_named(clusters, move)) if clusters else ()


def standing(bundle: Sequence[x509.Certificate], step: str, told: Told | None = None) -> Stand[x509.Certificate] | None:
    """What signs and what is trusted at a step, of the anchors in a bundle.

    Where nothing tells what they look like, the older is the old one. An anchor that was signed anew is young, and one
    that a company has had for long is old: what is told counts more.

    None where a bundle can't be that of the step: it has too many anchors for it, or too few, or others.
    """
    told = told or Told()
    anchors = sorted(set(bundle), key=lambda each: each.not_valid_before_utc)
    if told.old and (told.new or step == LINKERD_STEPS.names[0]):
        return _as_told(anchors, step, told)
    if not anchors or told.others:
        return None
    stands = stand(step, anchors[0], anchors[-1])
    return stands if sorted(map(fingerprint, stands.trusts)) == sorted(map(fingerprint, anchors)) else None


def _as_told(anchors: Sequence[x509.Certificate], step: str, told: Told) -> Stand[x509.Certificate] | None:
    generations = {"old": told.old, "new": told.new}
    found = {
        role: [each for each in anchors if generation and generation.is_of(each)]
        for role, generation in generations.items()
    }
    wanted = stand(step, "old", "new")
    if any(len(each) != (role in wanted.trusts) for role, each in found.items()):
        return None
    if len(anchors) > len(wanted.trusts) and not told.others:
        return None
    return Stand(found[wanted.signs][0], tuple(found[role][0] for role in wanted.trusts))


def restarts(observed: Observed, now: datetime | None = None) -> tuple[tuple[str, str], ...]:
    """Workloads whose proxies don't have the bundle: namespace and ``deployment/name``, sorted.

    Args:
        observed: The cluster.
        now: The moment; None for the one that the clock shows.
    """
    moment = now or datetime.now(UTC)
    found = {
        (each.namespace, each.workload) for each in observed.proxies if _has_bundle(each, observed, moment) is False
    }
    return tuple(sorted(found))


def _of_cluster(seen: Observed, told: Told, move: Move, now: datetime) -> Iterator[Check]:
    for what, why in seen.gaps.items():
        yield Check(seen.name, f"{what} can be read", Verdict.UNKNOWN, (why,), "let this account read it")
    stands = standing(seen.bundle, move.step, told)
    yield _bundle(seen, told, move, stands)
    if stands is None:
        return
    yield _issuer(seen, move, stands, now)
    yield _controllers(seen)
    yield _proxies(seen, now)
    if seen.outside:
        title, remedy = (
            "every proxy outside of the cluster has the bundle",
            "look there, and say by --reason what you saw",
        )
        yield Check(seen.name, title, Verdict.UNKNOWN, seen.outside, remedy)
    yield _events(seen, move)
    if move.step == move.steps.names[2] and _drops_an_anchor(move):
        yield _switched(seen, move)
    if _drops_an_anchor(move):
        yield _reissued(seen, move, now)


def _drops_an_anchor(move: Move) -> bool:
    """Whether fewer anchors are trusted after a step; beginning anew with ``steady`` takes none away."""
    before, after = (len(stand(each, "old", "new").trusts) for each in (move.step, move.to))
    return after < before


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


def _controllers(seen: Observed) -> Check:
    title = "every identity controller has read the bundle"
    if not seen.controllers or seen.bundle_since is None:
        why = (
            "no identity controller is seen" if seen.bundle_since else "nobody knows since when the bundle is as it is"
        )
        return Check(seen.name, title, Verdict.UNKNOWN, (why,))
    late = tuple(each.name for each in seen.controllers if not _started_after(each, seen.bundle_since))
    remedy = "restart deployment/linkerd-identity"
    return Check(seen.name, title, Verdict.FAILED, late, remedy) if late else Check(seen.name, title, Verdict.PASSED)


def _switched(seen: Observed, move: Move) -> Check:
    """Whether the issuer was changed in this step: what the anchor that goes has signed is older.

    Where nobody knows when it was changed, `_reissued` says so.
    """
    title = f"the issuer was changed since {move.step} began"
    began = _day(move.since)
    if seen.issuer_since is None or seen.issuer_since >= began:
        return Check(seen.name, title, Verdict.PASSED)
    why = f"it was last changed on {seen.issuer_since:%Y-%m-%d %H:%M}, and {move.step} began on {move.since}"
    return Check(seen.name, title, Verdict.FAILED, (why,), f"finish the update to {move.step}")


def _day(since: date | None) -> datetime:
    return datetime.combine(since, time(), UTC) if since else datetime.min.replace(tzinfo=UTC)


def _proxies(seen: Observed, now: datetime) -> Check:
    title = "every proxy was started with the bundle"
    if not seen.proxies:
        return Check(seen.name, title, Verdict.UNKNOWN, ("no proxy is seen",))
    known = {each.name: _has_bundle(each, seen, now) for each in seen.proxies}
    if stale := tuple(name for name, has in known.items() if has is False):
        names = " and ".join(f"{workload} in {namespace}" for namespace, workload in restarts(seen, now)[:5])
        return Check(seen.name, title, Verdict.FAILED, stale, f"restart {names}")
    if unknown := tuple(name for name, has in known.items() if has is None):
        return Check(seen.name, title, Verdict.UNKNOWN, unknown, "restart them")
    return Check(seen.name, title, Verdict.PASSED)


def _has_bundle(proxy: Proxy, seen: Observed, now: datetime) -> bool | None:
    if not seen.bundle:
        return None
    if proxy.anchors is not None:
        return proxy.anchors == frozenset(seen.bundle) or _is_as_good(proxy.anchors, seen.bundle, now)
    return None if seen.bundle_since is None else _started_after(proxy, seen.bundle_since)


def _is_as_good(held: frozenset[x509.Certificate], bundle: Sequence[x509.Certificate], now: datetime) -> bool:
    """Whether a proxy holds the same authorities, of which one was signed anew with its old key since.

    It goes on with what it holds until that ends; half of what was left at the renewal is time enough to restart it.
    """

    def stands_for(one: x509.Certificate, other: x509.Certificate) -> bool:
        if one == other:
            return True
        left = one.not_valid_after_utc - other.not_valid_before_utc
        until = other.not_valid_before_utc + left / 2
        return is_same_authority(one, other) and is_valid(one, now) and now <= until

    return all(any(stands_for(one, each) for one in held) for each in bundle) and all(
        any(stands_for(one, each) for each in bundle) for one in held
    )


def _started_after(pod: Proxy | Controller, moment: datetime) -> bool:
    return pod.started is not None and pod.started > moment


def _events(seen: Observed, move: Move) -> Check:
    title = "no identity controller has refused an issuer"
    began = _day(move.since)
    started = [each.started for each in seen.controllers]
    newest = max((each.last for each in seen.events if each.reason == UPDATED), default=began)
    # Who has started since has verified the issuer, or would not run.
    found = tuple(
        f"{each.reason} at {each.last:%Y-%m-%d %H:%M}: {each.message}"
        for each in seen.events
        if each.reason in (SKIPPED, INVALID)
        and each.last >= max(began, newest)
        and any(start is None or start <= each.last for start in started)
    )
    if not found:
        return Check(seen.name, title, Verdict.PASSED)
    return Check(seen.name, title, Verdict.FAILED, found, "restart deployment/linkerd-identity once it has the bundle")


def _reissued(seen: Observed, move: Move, now: datetime) -> Check:
    leaves = max(move.leaf_lifetime, seen.leaf_lifetime or timedelta())
    hours = leaves / timedelta(hours=1)
    title = f"every proxy has a new certificate: the issuer has signed for more than {hours:g} hours"
    signing = signing_since(seen)
    if signing is None:
        why = "nobody knows since when every identity controller signs with this issuer"
        return Check(seen.name, title, Verdict.UNKNOWN, (why,), "restart deployment/linkerd-identity, and wait")
    ready = signing + leaves + _SKEW
    if now > ready:
        return Check(seen.name, title, Verdict.PASSED)
    why = f"it signs since {signing:%Y-%m-%d %H:%M}"
    return Check(seen.name, title, Verdict.FAILED, (why,), f"wait until {ready:%Y-%m-%d %H:%M} UTC")


def signing_since(seen: Observed) -> datetime | None:
    """No later than this every identity controller signs with what the issuer's authority has signed.

    A controller that has started since did read it; of one that was there before, only its own event tells, for its
    watch of the file may end unnoticed (linkerd2 issue 15109). None where nothing does.
    """
    if seen.issuer_since is None or not seen.controllers:
        return None
    told = [each.last for each in seen.events if each.reason == UPDATED and each.last >= seen.issuer_since]
    moments = []
    for each in seen.controllers:
        if _started_after(each, seen.issuer_since + SYNC) and each.started:
            moments.append(each.started)
        elif told and len(seen.controllers) == 1:
            moments.append(max(min(told), seen.issuer_since + SYNC))
        else:
            return None
    return max(moments)


def _together(clusters: Sequence[Observed]) -> Iterator[Check]:
    title = "every cluster has the same anchors"
    first, *others = clusters
    for other in others:
        if set(other.bundle) != set(first.bundle):
            why = f"{first.name} and {other.name} trust different ones"
            yield Check(other.name, title, Verdict.FAILED, (why,), "finish the step in the one that lags behind")


def _named(clusters: Sequence[Observed], move: Move) -> Iterator[Check]:
    """More clusters that are linked than stacks that were named: their proxies are nowhere looked at."""
    count = max(move.clusters, len(clusters))
    for each in clusters:
        if len(each.linked) >= count:
            title, remedy = "every linked cluster is looked at", "name the stacks of all by --stack"
            why = f"it is linked with {', '.join(each.linked)}, and {count} in all are looked at"
            yield Check(each.name, title, Verdict.UNKNOWN, (why,), remedy)
