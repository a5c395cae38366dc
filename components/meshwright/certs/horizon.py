"""What is wrong with the certificates of a cluster, or will be before anybody has had the time to mend it.

The horizon is each certificate's own. One that is renewed by itself is in trouble as soon as its renewal is overdue,
however short it lives; one that nobody renews is, when less than a tenth of its life is left. A constant for all, as
the 60 days of `linkerd check`, warns of every short-lived issuer for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from meshwright.certs.checks import Verdict
from meshwright.certs.observed import LEAF_LIFETIME, Managed, Observed
from meshwright.certs.pem import called, is_trusted, is_valid, lifetime
from meshwright.certs.plan import restart_command
from meshwright.certs.proxies import restarts
from meshwright.certs.signing import refusals
from meshwright.linkerd.labels import ISSUER_SECRET, NAMESPACE, TRUST_ROOTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cryptography import x509

_UNRENEWED_SHARE: Final = 10
"""Of its life this part is the horizon of a certificate that nobody renews."""
_GRACE_SHARE: Final = 10
_GRACE_MOST: Final = timedelta(hours=1)
"""What a renewal may be late: a tenth of ``renewBefore``, an hour at most."""
_ISSUER: Final = f"{NAMESPACE}/{ISSUER_SECRET}"
_ANCHOR_LIFE: Final = timedelta(days=30)
"""An authority that lives longer, and renews itself, is an anchor."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One certificate of a cluster, as `status` lists it."""

    cluster: str
    role: str
    """``anchor``, ``issuer`` or ``webhook``."""
    place: str
    certificate: x509.Certificate
    left: timedelta
    horizon: timedelta
    """With less than this left, something is wrong."""

    @property
    def verdict(self) -> Verdict:
        """Whether there is enough of it."""
        return Verdict.PASSED if self.left > self.horizon else Verdict.FAILED


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong, or that can't be told."""

    cluster: str
    verdict: Verdict
    message: str
    remedy: str


def horizon(certificate: x509.Certificate, renew_before: timedelta | None) -> timedelta:
    """How much of a certificate has to be left.

    Args:
        certificate: The certificate.
        renew_before: How long before its end it is renewed; None where nobody does it.
    """
    if renew_before is None:
        return lifetime(certificate) / _UNRENEWED_SHARE
    return renew_before - min(renew_before / _GRACE_SHARE, _GRACE_MOST)


def shown(seen: Observed, now: datetime) -> tuple[Shown, ...]:
    """All certificates that a cluster shows, anchors first."""
    renewed = next(
        (each.renew_before for each in seen.managed if each.name.startswith(f"{NAMESPACE}/") and _is_issuer(each)), None
    )
    found: list[tuple[str, str, x509.Certificate, timedelta | None]]
    found = [("anchor", "bundle", each, _signed_anew(each, seen)) for each in seen.bundle]
    found += [("issuer", f"Secret {ISSUER_SECRET}", each, renewed) for each in seen.issuer[:1]]
    found += [("webhook", each.place, each.certificate, each.renew_before) for each in seen.served]
    return tuple(
        Shown(seen.name, role, place, each, each.not_valid_after_utc - now, horizon(each, renew_before))
        for role, place, each, renew_before in found
    )


def _signed_anew(anchor: x509.Certificate, seen: Observed) -> timedelta | None:
    """How long before its end cert-manager signs an anchor anew with its old key; None where it doesn't."""
    ends = anchor.not_valid_after_utc
    return next((each.renew_before for each in seen.managed if each.ends == ends and each.rotates_key is False), None)


def troubles(seen: Observed, now: datetime) -> Iterator[Trouble]:
    """What is wrong in a cluster, worst first, and what can't be told."""
    for what, why in {**seen.gaps, **seen.asides}.items():
        yield Trouble(seen.name, Verdict.UNKNOWN, f"{what} can't be read: {why}", "let this account read it")
    yield from _missing(seen)
    for each in shown(seen, now):
        yield from _ending(each)
    yield from _issuer(seen, now)
    yield from _events(seen)
    yield from renewals(seen)
    for namespace, workload in restarts(seen, now):
        message = f"{workload} in {namespace} was started with another bundle than that of now"
        yield Trouble(seen.name, Verdict.FAILED, message, restart_command(workload, namespace))


def _missing(seen: Observed) -> Iterator[Trouble]:
    """Where proxies run there are a bundle and an issuer; what can't be read was told of."""
    if not (seen.proxies or seen.controllers):
        return
    for found, kind, name in (
        (seen.bundle, "ConfigMap", TRUST_ROOTS),
        (seen.issuer, "Secret", ISSUER_SECRET),
    ):
        if not found and not any(name in what for what in seen.gaps):
            message = f"proxies run, and {kind} {name} in {NAMESPACE} is not there or has no certificate"
            yield Trouble(seen.name, Verdict.UNKNOWN, message, "see whether Linkerd is in this namespace")


def _ending(each: Shown) -> Iterator[Trouble]:
    if each.verdict is Verdict.PASSED:
        return
    ends = each.certificate.not_valid_after_utc
    said = f"expired on {ends:%Y-%m-%d %H:%M}" if each.left <= timedelta() else f"ends on {ends:%Y-%m-%d %H:%M}"
    remedy = {
        "anchor": "begin a rotation: meshwright certs plan",
        "issuer": "see why it was not renewed, or issue it anew",
    }.get(each.role, "renew it; have cert-manager do so from then on")
    message = f"{each.role} {called(each.certificate)} {said}: less than {days(each.horizon)} are left"
    yield Trouble(each.cluster, Verdict.FAILED, message, remedy)


def _issuer(seen: Observed, now: datetime) -> Iterator[Trouble]:
    anchors = frozenset(seen.bundle)
    if not seen.issuer or not anchors:
        return
    if not is_trusted(seen.issuer, anchors, now) and is_valid(seen.issuer[0], now):
        message = f"issuer {called(seen.issuer[0])} does not lead to an anchor of the bundle"
        remedy = "put its anchor into the bundle, restart every proxy, and only then use it"
        yield Trouble(seen.name, Verdict.FAILED, message, remedy)
    ends = seen.issuer[0].not_valid_after_utc
    if len(seen.bundle) == 1 and seen.bundle[0].not_valid_after_utc < ends:
        message = f"issuer {called(seen.issuer[0])} outlives its anchor"
        yield Trouble(seen.name, Verdict.FAILED, message, "issue it for a shorter time")


def _events(seen: Observed) -> Iterator[Trouble]:
    for each in refusals(seen):
        remedy = "put its anchor into the bundle, then restart deployment/linkerd-identity"
        message = f"{each.reason} at {each.last:%Y-%m-%d %H:%M}: {each.message}"
        yield Trouble(seen.name, Verdict.FAILED, message, remedy)


def renewals(seen: Observed) -> Iterator[Trouble]:
    """What is wrong with the Certificates of cert-manager that renew the mesh's own."""
    for each in seen.managed:
        if not _is_ours(each, seen):
            continue
        if each.ready is False:
            message = f"Certificate {each.name} is not ready: {each.message}"
            yield Trouble(seen.name, Verdict.FAILED, message, "see its CertificateRequests")
        if not (each.duration and each.renew_before):
            continue
        is_anchor = each.duration >= _ANCHOR_LIFE and _is_anchor(each, seen)
        if is_anchor and each.renew_before * 2 > each.duration:
            after = days(each.duration - each.renew_before)
            message = (
                f"Certificate {each.name}: cert-manager replaces it {after} after its "
                f"issue, for renewBefore counts back from its end"
            )
            yield Trouble(seen.name, Verdict.FAILED, message, "replace anchors by a rotation: meshwright certs plan")
        elif is_anchor and each.rotates_key is not False:
            said = "is Always" if each.rotates_key else "is not written, and since cert-manager 1.18 that is Always"
            message = f"Certificate {each.name}: a renewal gives the anchor another key, for its rotationPolicy {said}"
            yield Trouble(
                seen.name, Verdict.FAILED, message, "set rotationPolicy: Never, and change keys by a rotation"
            )
        if _is_issuer(each) and each.renew_before <= LEAF_LIFETIME:
            message = f"Certificate {each.name} is renewed {days(each.renew_before)} before its end: leaves outlive it"
            yield Trouble(seen.name, Verdict.FAILED, message, "make renewBefore longer than 24h")


def _is_issuer(each: Managed) -> bool:
    return each.secret == ISSUER_SECRET


def _is_anchor(each: Managed, seen: Observed) -> bool:
    """Whether an authority is an anchor: the bundle has it, or it signs the issuer, or, as yet, nothing.

    One that signs other things, such as the webhooks' certificates, is none; nor is one of which nobody can tell.
    """
    if _is_issuer(each) or not each.is_authority:
        return False
    if each.ends and any(each.ends == one.not_valid_after_utc for one in seen.bundle):
        return True
    return each.signs is not None and (not each.signs or _ISSUER in each.signs)


def _is_ours(each: Managed, seen: Observed) -> bool:
    """Whether a Certificate is of this mesh: a cluster has others, and authorities of other things among them."""
    if each.name.startswith(f"{NAMESPACE}/") or _ISSUER in (each.signs or ()):
        return True
    ends = {one.not_valid_after_utc for one in seen.bundle}
    return each.is_authority and (each.ends in ends or "linkerd" in each.name.partition("/")[2])


def days(span: timedelta) -> str:
    """A span as a person says it: ``23 hours``, ``60 days``, ``0 hours`` for what is over."""
    hours = max(0, int(span / timedelta(hours=1)))
    number, unit = (hours, "hour") if hours < 72 else (hours // 24, "day")
    return f"{number:,} {unit}" if number == 1 else f"{number:,} {unit}s"
