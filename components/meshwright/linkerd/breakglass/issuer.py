"""The identity issuer has expired, or another has come and the identity controller doesn't use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meshwright.breakglass.plan import Plan, refused
from meshwright.breakglass.restarts import restarted
from meshwright.certs.observed import INVALID, SKIPPED, UPDATED
from meshwright.certs.pem import called
from meshwright.linkerd.breakglass.restarting import ORDER, control_plane, workloads
from meshwright.linkerd.breakglass.trust import OPEN_STAY, moment, named, read
from meshwright.linkerd.labels import IDENTITY, ISSUER_SECRET, NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meshwright.certs.observed import Event, Proxy
    from meshwright.linkerd.breakglass.looking import Look
    from meshwright.linkerd.breakglass.trust import Trust

SCENARIO = "issuer-expired"
_NEW_ISSUER: Final = (
    "have the same anchor sign another: cert-manager does so once its reason is mended; else meshwright up STACK",
    "run this command again, with --had-ended: it looks whether the issuer is there, and restarts what has to read it",
)
_AFTER: Final = (
    "`meshwright certs status`: the issuer is valid, and no event of the identity controller's is newer than its start",
    "see why it was not renewed in time: its renewBefore has to be longer than a proxy's certificate lives",
)


def plan(look: Look, *, had_ended: bool = False) -> Plan:
    """Have an issuer that is valid, and used.

    Args:
        look: The cluster.
        had_ended: What the operator knows of the issuer before this one; the cluster forgets its events within an hour.

    Raises:
        ConfigError: MW-E172: the issuer is valid and used, its anchor is what is wrong, or it can't be told.
    """
    trust = read(look)
    if all(trust.has_ended(each) for each in trust.signers):
        what = "leads to no anchor of the bundle" if not trust.signers else "leads to an anchor that has expired"
        remedy = "finish the `up`" if not trust.signers else "see the scenario anchor-expired"
        raise refused(f"{called(trust.issuer)} {what}: another issuer below it would not help", remedy)
    if not trust.is_alive:
        return _all_restarted(look, trust, trust.seen.proxies, trust.ended(), (*_why(trust), *_NEW_ISSUER))
    told = _unused(trust)
    if told is None:
        return _gap_closed(look, trust, had_ended=had_ended)
    if told.reason == INVALID:
        said = f"downtime: at {moment(told.last)} the identity controller still held one that it may not sign with"
        return _all_restarted(look, trust, trust.seen.proxies, said, ())
    return Plan(
        SCENARIO,
        "the identity controller signs with the issuer of now",
        named(trust.issuer),
        (
            f"no downtime yet: the identity controller skipped it at {moment(told.last)}, and still has the one before",
            f"when that ends, nothing is signed, and each proxy's certificate ends within {_hours(trust)} of its issue",
        ),
        restarted("deployment", IDENTITY, NAMESPACE),
        _AFTER,
        mesh="linkerd",
    )


def _gap_closed(look: Look, trust: Trust, *, had_ended: bool) -> Plan:
    """After a time without an issuer: proxies that were there before hold what the old one signed, which is over."""
    since = trust.issuer.not_valid_before_utc
    before = [each for each in trust.seen.proxies if each.started is None or each.started < since]
    what = f"the issuer is {named(trust.issuer)}, and"
    if not before:
        raise refused(f"{what} every proxy was started since", "see `meshwright certs status`")
    if not had_ended and all(each.reason != INVALID for each in trust.seen.events):
        raise refused(
            f"{what} no event tells that it isn't used, or that one before it had ended",
            "if you know that one had, say so with --had-ended",
        )
    said = f"downtime: the issuer signs since {moment(since)}, and proxies that were started before: {len(before)}"
    return _all_restarted(look, trust, before, said, ())


def _all_restarted(look: Look, trust: Trust, proxies: Sequence[Proxy], downtime: str, before: tuple[str, ...]) -> Plan:
    found = workloads(look, proxies, at_once=True)
    return Plan(
        SCENARIO,
        "the issuer is valid, and every proxy has a certificate that it signed",
        f"{called(trust.issuer)} in Secret {NAMESPACE}/{ISSUER_SECRET}",
        (
            downtime,
            f"downtime lasts until both ends of a call have new pods; order: {ORDER}",
            OPEN_STAY,
            "the anchors stay: proxies of other clusters need nothing",
            "workloads restart all at once: rolling, but caches are cold and nodes are busy",
            *found.by_hand,
        ),
        (*control_plane(look), *found.steps),
        _AFTER,
        mesh="linkerd",
        before=before,
    )


def _why(trust: Trust) -> tuple[str, ...]:
    """Where cert-manager renews it, what it says."""
    return tuple(
        f"see why cert-manager didn't renew it: `kubectl describe certificate {each.name.partition('/')[2]} "
        f"--namespace={NAMESPACE}`" + (f"; it says: {each.message}" if each.ready is False and each.message else "")
        for each in trust.seen.managed
        if each.name.startswith(f"{NAMESPACE}/") and each.secret == ISSUER_SECRET
    )


def _unused(trust: Trust) -> Event | None:
    """The newest event that tells that the issuer isn't used. Raises `ConfigError` (MW-E172) where none can be read."""
    seen = trust.seen
    if why := seen.gaps.get("events") or seen.gaps.get("the identity controllers"):
        raise refused(f"it can't be told whether the issuer is used: {why}", "use an account that may read it")
    updated = max((each.last for each in seen.events if each.reason == UPDATED), default=None)
    told = [
        each
        for each in seen.events
        if each.reason in (SKIPPED, INVALID)
        and (updated is None or each.last >= updated)
        and any(pod.started is None or pod.started <= each.last for pod in seen.controllers)
    ]
    return max(told, key=lambda each: each.last, default=None)


def _hours(trust: Trust) -> str:
    return f"{trust.leaf_lifetime.total_seconds() / 3600:g} hours"
