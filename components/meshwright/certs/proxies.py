"""Whether the proxies of a cluster trust the bundle: they know the anchors that they were started with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from meshwright.certs.checks import Check, Verdict
from meshwright.certs.pem import is_same_authority, is_valid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography import x509

    from meshwright.certs.observed import Observed, Proxy


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


def proxies(seen: Observed, now: datetime) -> Check:
    """Whether every proxy was started with the bundle."""
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
    return None if seen.bundle_since is None else proxy.started_after(seen.bundle_since)


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
