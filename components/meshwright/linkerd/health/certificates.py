"""The anchors, the issuer and what every proxy trusts: they fit each other, Linkerd can use them, and they last."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from meshwright.certs.checks import Verdict as Passed
from meshwright.certs.horizon import days, renewals, shown
from meshwright.certs.observed import SYNC, UPDATED, Observed
from meshwright.certs.pem import called, certificates_in, is_trusted, is_valid
from meshwright.certs.signing import refusals
from meshwright.certs.x509_authority import Names, no_authority
from meshwright.health.objects import at, name_of
from meshwright.health.verdicts import Check, Doubt, Finding, NotKnownError, Severity, SkipError
from meshwright.linkerd import labels
from meshwright.linkerd.certificates.fitness import algorithms, workloads
from meshwright.linkerd.health.certificates_seen import now, seen_in
from meshwright.linkerd.health.installation import installed, require_running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cryptography import x509

    from meshwright.certs.observed import Proxy
    from meshwright.health.objects import Object
    from meshwright.health.snapshot import Snapshot

_CATEGORY: Final = "certificates"
_BUNDLE: Final = f"ConfigMap {labels.NAMESPACE}/{labels.TRUST_ROOTS}"
_ISSUER: Final = f"Secret {labels.NAMESPACE}/{labels.ISSUER_SECRET}"
_EVENTS_KEPT: Final = timedelta(hours=1)
"""How long an API server keeps events, unless it is told otherwise (``--event-ttl``)."""

_SECOND: Final = timedelta(seconds=1)


def _bundle_valid(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    where, anchors = _anchors(snapshot)
    if not anchors:
        yield Finding(where, "holds no anchor: no proxy can start")
        return
    for each in dict.fromkeys(each for each in anchors if anchors.count(each) > 1):
        yield Finding(where, f"holds {called(each)} more than once: it looks rotated, and isn't")
    moment = now()
    if not any(is_valid(each, moment) for each in anchors):
        yield Finding(where, f"holds no anchor that is valid now: {', '.join(map(called, dict.fromkeys(anchors)))}")


def _bundle_fit(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    (where, anchors), names = _anchors(snapshot), _names(snapshot)
    for each in dict.fromkeys(anchors):
        unfit = no_authority(each, authorities_below=1, with_crl=False, names=names)
        for complaint, _ in (*unfit, *algorithms(each, issuer=False)):
            yield Finding(where, f"holds {called(each)}, which {complaint}")


def _bundle_lasts(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    where, anchors = _anchors(snapshot)
    managed = seen_in(snapshot, "Certificate")[0].managed
    yield from _ending(Observed("", bundle=tuple(dict.fromkeys(anchors)), managed=managed), "anchor", where, now())


def _issuer_fit(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    seen = _issuer(snapshot)
    if not seen.issuer:
        yield Finding(_ISSUER, "is not there, or holds no certificate: no proxy gets a certificate")
        return
    each = seen.issuer[0]
    unfit = no_authority(each, authorities_below=0, with_crl=False, names=_names(snapshot))
    for complaint, _ in (*unfit, *algorithms(each, issuer=True)):
        yield Finding(_ISSUER, f"holds {called(each)}, which {complaint}")


def _issuer_lasts(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    seen = _issuer(snapshot, "Certificate")
    if not seen.issuer:
        raise NotKnownError(f"{_ISSUER} holds no certificate")
    yield from _ending(seen, "issuer", _ISSUER, now())


def _issuer_trusted(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    seen = _issuer(snapshot, "ConfigMap")
    if not seen.issuer or not seen.bundle:
        raise NotKnownError(f"{_ISSUER if seen.bundle else _BUNDLE} holds no certificate")
    first, moment = seen.issuer[0], now()
    if is_valid(first, moment) and not is_trusted(seen.issuer, frozenset(seen.bundle), moment):
        yield Finding(_ISSUER, f"holds {called(first)}, which does not lead to an anchor of the bundle")
    above = [each for each in seen.bundle if is_trusted(seen.issuer, frozenset({each}), moment)]
    if above and all(each.not_valid_after_utc < first.not_valid_after_utc for each in above):
        ends = max(each.not_valid_after_utc for each in above)
        yield Finding(_ISSUER, f"holds {called(first)}, which outlives its anchor: that ends on {ends:%Y-%m-%d}")


def _issuer_accepted(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    require_running(snapshot)
    seen, _ = seen_in(snapshot, "Event", "Pod")
    for each in refusals(seen):
        told = f"told {each.reason} at {each.last:%Y-%m-%d %H:%M}: {each.message}"
        yield Finding(f"Deployment {labels.NAMESPACE}/{labels.IDENTITY}", told)


def _issuer_taken(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    seen = _issuer(snapshot, "Event", "Pod")
    if not seen.issuer:
        raise NotKnownError(f"{_ISSUER} holds no certificate")
    since = seen.issuer[0].not_valid_before_utc
    if not seen.controllers:
        raise NotKnownError("no pod of linkerd-identity runs")
    older = [each for each in seen.controllers if each.started is None or each.started < since]
    told = any(each.reason == UPDATED and each.last >= since for each in seen.events)
    age = now() - since
    if not older or (told and len(seen.controllers) == 1) or age <= SYNC:
        return
    if age > _EVENTS_KEPT:
        raise SkipError(
            f"the issuer is of {since:%Y-%m-%d %H:%M}, and events are kept for an hour; watch issuer_cert_ttl_seconds"
        )
    for each in older:
        if not told:
            yield Finding(f"Pod {each.name}", f"has not told that it took the issuer of {since:%Y-%m-%d %H:%M}")
        else:
            yield Doubt(f"Pod {each.name}", "a pod of linkerd-identity took the new issuer; which, no event tells")


def _renewed(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    if not snapshot.of("Certificate"):
        raise SkipError("no Certificate of cert-manager is in it")
    seen, _ = seen_in(snapshot, "Certificate")
    for each in renewals(seen):
        kind, name, message = each.message.split(" ", 2)
        yield Finding(f"{kind} {name}", message)
    for one in seen.managed:
        if one.is_authority and one.signs is None and one.secret != labels.ISSUER_SECRET:
            yield Doubt(f"Certificate {one.name}", "whether it is an anchor: cert-manager's issuers can't be read")


def _proxies_trust(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    require_running(snapshot)
    seen, gaps = seen_in(snapshot, "ConfigMap", "Pod")
    if not seen.bundle:
        raise NotKnownError(f"{_BUNDLE}: {gaps.get('the bundle', 'it holds no anchor')}")
    fresh = any(name_of(each) == labels.TRUST_ROOTS and _never_changed(each, seen) for each in snapshot.of("ConfigMap"))
    for each in sorted(seen.proxies, key=lambda one: one.name):
        yield from _trusts(each, seen, fresh=fresh)


def _trusts(proxy: Proxy, seen: Observed, *, fresh: bool) -> Iterator[Finding | Doubt]:
    who, anchors = f"Pod {proxy.name}", proxy.anchors
    if anchors is not None:
        missing = [each for each in dict.fromkeys(seen.bundle) if each not in anchors]
        former = [each for each in anchors if each not in seen.bundle]
        if missing:
            yield Finding(who, f"does not trust {', '.join(map(called, missing))}: it was started before")
        elif former:
            yield Finding(who, f"still trusts {', '.join(sorted(map(called, former)))}: it was started before")
        return
    if fresh:
        return
    if seen.bundle_since is None or proxy.started is None:
        yield Doubt(who, "it read the bundle when it started; whether it has changed since, nothing tells")
    elif proxy.started < seen.bundle_since:
        yield Finding(who, f"read the bundle before it changed on {seen.bundle_since:%Y-%m-%d %H:%M}")
    elif proxy.started < seen.bundle_since + SYNC:
        yield Doubt(who, "it started while the bundle changed; which it read, nothing tells")


def _never_changed(bundle: Object, seen: Observed) -> bool:
    """Whether a bundle is as it was made: whoever has read it has read this."""
    made = at(bundle, "metadata", "creationTimestamp")
    return bool(made and seen.bundle_since and seen.bundle_since <= datetime.fromisoformat(str(made)) + _SECOND)


def _anchors(snapshot: Snapshot) -> tuple[str, tuple[x509.Certificate, ...]]:
    """The bundle with the place that it is in: the cluster's ConfigMap, or what a program would write."""
    if snapshot.live:
        require_running(snapshot)
    seen, gaps = seen_in(snapshot, "ConfigMap")
    if "the bundle" in gaps:
        raise NotKnownError(f"{_BUNDLE}: {gaps['the bundle']}")
    if seen.bundle or snapshot.live:
        return _BUNDLE, seen.bundle
    for each in installed(snapshot):
        if text := each.value("identityTrustAnchorsPEM"):
            return each.name, _certificates(each.name, str(text))
    raise SkipError("the anchors are not made by this program, or only the update will know them")


def _names(snapshot: Snapshot) -> Names | None:
    """What the proxies' certificates are called; None where the values of the installation aren't known."""
    try:
        return workloads(str(installed(snapshot)[0].value("identityTrustDomain", default="cluster.local")))
    except (SkipError, NotKnownError):
        return None


def _certificates(where: str, text: str) -> tuple[x509.Certificate, ...]:
    try:
        return certificates_in(text)
    except ValueError:
        raise NotKnownError(f"{where}: its anchors hold a certificate that is broken") from None


def _issuer(snapshot: Snapshot, *kinds: str) -> Observed:
    require_running(snapshot)
    seen, gaps = seen_in(snapshot, "Secret", *kinds)
    for what, why in gaps.items():
        if what.startswith((labels.ISSUER_SECRET, "the bundle")):
            raise NotKnownError(f"{what.removesuffix(',')}: {why}")
    return seen


def _ending(seen: Observed, role: str, where: str, moment: datetime) -> Iterator[Finding]:
    for each in shown(seen, moment):
        if each.role == role and each.verdict is not Passed.PASSED:
            ends = each.certificate.not_valid_after_utc
            verb = "expired" if each.left <= timedelta() else "ends"
            wanted = f"less than {days(each.horizon)} are left"
            yield Finding(where, f"holds {called(each.certificate)}, which {verb} on {ends:%Y-%m-%d %H:%M}: {wanted}")


CHECKS: Final = (
    Check(
        "bundle-valid",
        _CATEGORY,
        "the bundle that proxies are given holds an anchor that is valid now, and each once",
        Severity.ERROR,
        "put the anchors into the bundle, each once; after expiry, `meshwright linkerd break-glass` has the steps",
        _bundle_valid,
    ),
    Check(
        "bundle-fit",
        _CATEGORY,
        "Linkerd can use every anchor: ECDSA P-256 or RSA, signed with SHA-256, and allowed to sign an issuer",
        Severity.ERROR,
        "make an anchor that Linkerd can use, and change to it by a rotation: `meshwright certs plan`",
        _bundle_fit,
    ),
    Check(
        "bundle-lasts",
        _CATEGORY,
        "no anchor's renewal is overdue; where cert-manager doesn't sign it anew, a tenth of its life is left",
        Severity.ERROR,
        "see its Certificate and CertificateRequests, or begin a rotation: `meshwright certs plan`",
        _bundle_lasts,
    ),
    Check(
        "issuer-fit",
        _CATEGORY,
        "Linkerd can use the issuer: ECDSA P-256, signed with SHA-256, and allowed to sign",
        Severity.ERROR,
        "issue it anew, with an ECDSA P-256 key and as an authority",
        _issuer_fit,
    ),
    Check(
        "issuer-lasts",
        _CATEGORY,
        "the issuer's renewal is not overdue; where nobody renews it, a tenth of its life is left",
        Severity.ERROR,
        "see its Certificate and CertificateRequests, or issue it anew; after expiry, `meshwright linkerd break-glass`",
        _issuer_lasts,
    ),
    Check(
        "issuer-trusted",
        _CATEGORY,
        "the issuer leads to an anchor of the bundle that lasts as long",
        Severity.ERROR,
        "put its anchor into the bundle, restart every proxy, and only then use it",
        _issuer_trusted,
    ),
    Check(
        "issuer-accepted",
        _CATEGORY,
        "linkerd-identity has refused no issuer",
        Severity.ERROR,
        "put the issuer's anchor into the bundle, then restart deployment/linkerd-identity",
        _issuer_accepted,
    ),
    Check(
        "issuer-taken",
        _CATEGORY,
        "linkerd-identity signs with the issuer that is in the Secret",
        Severity.ERROR,
        "restart deployment/linkerd-identity: its watch of the file may have ended (linkerd2#15109)",
        _issuer_taken,
    ),
    Check(
        "renewals-in-time",
        _CATEGORY,
        "cert-manager renews what it should, when it should",
        Severity.ERROR,
        "set duration and renewBefore as docs/linkerd/certificates.md has them; replace anchors by a rotation",
        _renewed,
    ),
    Check(
        "proxies-trust-bundle",
        _CATEGORY,
        "every proxy trusts the anchors of the bundle, and no others",
        Severity.ERROR,
        "restart the workloads of these pods",
        _proxies_trust,
    ),
)
