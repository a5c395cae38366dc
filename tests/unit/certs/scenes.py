"""Clusters as they are seen at each step of a rotation, with all as it should be."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509

from meshwright.certs.observed import Controller, Event, Observed, Proxy
from tests.servers.pki import Signer, signer

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
CHANGED = NOW - 30 * HOUR
"""When the bundle, and after it the issuer, last changed."""


GENERATIONS = {"old": "2026", "new": "2027"}


@cache
def root(name: str = "old") -> Signer:
    first = {"old": date(2026, 1, 1), "new": date(2026, 11, 1)}[name]
    return signer(f"{name} root", first=first, last=date(2036, 1, 1), unit=GENERATIONS[name])


def signed_anew(name: str = "old", first: date = date(2026, 11, 10)) -> x509.Certificate:
    """A root as cert-manager renews it by rotationPolicy Never: key and name stay."""
    was = root(name)
    return signer(f"{name} root", key=was.key, first=first, last=date(2046, 1, 1), unit=GENERATIONS[name]).certificate


@cache
def issuer(name: str = "old", last: date = date(2026, 12, 30)) -> Signer:
    return signer(f"{name} issuer", root(name), first=date(2026, 11, 22), last=last)


def anchors(*names: str) -> tuple[x509.Certificate, ...]:
    return tuple(root(name).certificate for name in names)


STANDS = {
    "steady": ("old", ("old",)),
    "both-trusted": ("old", ("old", "new")),
    "issuer-switched": ("new", ("old", "new")),
    "old-removed": ("new", ("new",)),
}


def proxy(name: str = "shop/cart-1", workload: str = "deployment/cart", *trusts: str) -> Proxy:
    return Proxy(name, workload, NOW - 28 * HOUR, frozenset(anchors(*trusts)) if trusts else None)


def seen(step: str = "both-trusted", name: str = "eu", **more: Any) -> Observed:
    """One cluster at a step; ``more`` is what differs."""
    signs, trusts = STANDS[step]
    whole = Observed(
        name=name,
        bundle=anchors(*trusts),
        bundle_since=CHANGED,
        issuer=(issuer(signs).certificate,),
        issuer_since=CHANGED,
        issuer_scheme="kubernetes.io/tls",
        proxies=(
            proxy("shop/cart-1", "deployment/cart", *trusts),
            Proxy("linkerd/linkerd-identity-1", "deployment/linkerd-identity", NOW - 29 * HOUR, None),
        ),
        controllers=(Controller("linkerd/linkerd-identity-1", NOW - 29 * HOUR),),
    )
    return replace(whole, **more)


def event(reason: str, ago: timedelta, message: str = "") -> Event:
    return Event(reason, message, NOW - ago)
