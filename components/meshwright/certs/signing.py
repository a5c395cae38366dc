"""What the identity controllers of a cluster sign with, and since when.

A controller reads the anchors once, when it starts, and skips an issuer that they don't verify.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from meshwright.certs.checks import Check, Move, Verdict
from meshwright.certs.observed import INVALID, SKIPPED, SYNC, UPDATED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.certs.observed import Event, Observed

_SKEW: Final = timedelta(minutes=1)
"""On top of a leaf's lifetime; the identity controller allows for 20 s."""


def controllers(seen: Observed) -> Check:
    """Whether every identity controller has read the bundle."""
    title = "every identity controller has read the bundle"
    if not seen.controllers or seen.bundle_since is None:
        why = (
            "no identity controller is seen" if seen.bundle_since else "nobody knows since when the bundle is as it is"
        )
        return Check(seen.name, title, Verdict.UNKNOWN, (why,))
    late = tuple(each.name for each in seen.controllers if not each.started_after(seen.bundle_since))
    remedy = "restart deployment/linkerd-identity"
    return Check(seen.name, title, Verdict.FAILED, late, remedy) if late else Check(seen.name, title, Verdict.PASSED)


def switched(seen: Observed, move: Move) -> Check:
    """Whether the issuer was changed in this step: what the anchor that goes has signed is older.

    Where nobody knows when it was changed, `reissued` says so.
    """
    title = f"the issuer was changed since {move.step} began"
    if seen.issuer_since is None or seen.issuer_since >= move.began:
        return Check(seen.name, title, Verdict.PASSED)
    why = f"it was last changed on {seen.issuer_since:%Y-%m-%d %H:%M}, and {move.step} began on {move.since}"
    return Check(seen.name, title, Verdict.FAILED, (why,), f"finish the update to {move.step}")


def unrefused(seen: Observed, move: Move) -> Check:
    """Whether no identity controller has refused an issuer in this step."""
    title = "no identity controller has refused an issuer"
    found = tuple(
        f"{each.reason} at {each.last:%Y-%m-%d %H:%M}: {each.message}"
        for each in refusals(seen)
        if each.last >= move.began
    )
    if not found:
        return Check(seen.name, title, Verdict.PASSED)
    return Check(seen.name, title, Verdict.FAILED, found, "restart deployment/linkerd-identity once it has the bundle")


def refusals(seen: Observed) -> Iterator[Event]:
    """What a controller has told of an issuer that it refused, and that nothing has made up for since.

    An event tells of the Deployment, and not which of its pods told it. So a pod has taken the issuer for sure where it
    has started since, for else it would not run, or where as many tell of an update since as were there before.
    """
    for each in seen.events:
        if each.reason in (SKIPPED, INVALID):
            there = sum(not pod.started_after(each.last) for pod in seen.controllers)
            told = sum(one.reason == UPDATED and one.last > each.last for one in seen.events)
            if told < there or not (told or seen.controllers):
                yield each


def reissued(seen: Observed, move: Move, now: datetime) -> Check:
    """Whether every proxy has a certificate below what signs now: older ones have ended."""
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
        if each.started_after(seen.issuer_since + SYNC) and each.started:
            moments.append(each.started)
        elif told and len(seen.controllers) == 1:
            moments.append(max(min(told), seen.issuer_since + SYNC))
        else:
            return None
    return max(moments)
