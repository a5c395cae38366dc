"""The API server can call Linkerd's webhooks for a while yet, and nothing waits for itself while they are away."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final

from meshwright.certs.checks import Verdict as Passed
from meshwright.certs.from_cluster import SERVED
from meshwright.certs.horizon import days, shown
from meshwright.certs.pem import called as certificate_called
from meshwright.certs.pem import certificates_in, is_signed_by
from meshwright.health.objects import at, called, items, mapping, matches, name_of
from meshwright.health.verdicts import Check, Doubt, Finding, Severity, SkipError
from meshwright.linkerd import labels
from meshwright.linkerd.health.certificates_seen import now, seen_in
from meshwright.linkerd.health.installation import require_running
from meshwright.linkerd.health.mesh import namespaces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cryptography import x509

    from meshwright.health.objects import Object
    from meshwright.health.snapshot import Snapshot

_CATEGORY: Final = "webhooks"
_BY_SERVICE: Final = {
    labels.INJECTOR: ("MutatingWebhookConfiguration", labels.INJECTOR_WEBHOOK),
    "linkerd-sp-validator": ("ValidatingWebhookConfiguration", labels.PROFILE_WEBHOOK),
    "linkerd-policy-validator": ("ValidatingWebhookConfiguration", labels.POLICY_WEBHOOK),
}
_OF_VIZ: Final = {
    labels.TAP: ("APIService", labels.TAP_API),
    labels.TAP_INJECTOR: ("MutatingWebhookConfiguration", labels.TAP_WEBHOOK),
}
"""Service -> what tells the API server of it."""
_EXEMPT: Final = ("kube-system", labels.NAMESPACE)
"""Namespaces in which a pod that waits for the injector may be what the injector waits for."""


def _certificates(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    require_running(snapshot)
    seen, gaps = seen_in(snapshot, "Secret", "Certificate")
    served = [each for each in shown(seen, now()) if each.role == "webhook"]
    places = {each.place for each in served}
    for service in _services(snapshot):
        secret = f"{service}-k8s-tls"
        broken = next((why for what, why in gaps.items() if what.startswith(secret)), "")
        if broken:
            yield Doubt(_secret(secret), broken)
        elif _secret(secret) not in places:
            what = "tap" if service == labels.TAP else "its webhook"
            yield Finding(_secret(secret), f"is not there, or holds no certificate: {what} can't be called")
    for each in served:
        if each.verdict is not Passed.PASSED:
            ends, wanted = each.certificate.not_valid_after_utc, days(each.horizon)
            said = f"holds {certificate_called(each.certificate)}, which ends on {ends:%Y-%m-%d}"
            yield Finding(each.place, f"{said}: less than {wanted} are left")


def _services(snapshot: Snapshot) -> dict[str, tuple[str, str]]:
    """Service -> what tells the API server of it; those of viz where its injector is."""
    kind, name = _OF_VIZ[labels.TAP_INJECTOR]
    return _BY_SERVICE | (_OF_VIZ if any(name_of(each) == name for each in snapshot.of(kind)) else {})


def _secret(name: str) -> str:
    return f"Secret {SERVED[name]}/{name}"


def _bundles(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    require_running(snapshot)
    seen, _ = seen_in(snapshot, "Secret")
    served = {each.place.rpartition("/")[2].removesuffix("-k8s-tls"): each.certificate for each in seen.served}
    for service, (kind, name) in _services(snapshot).items():
        found = [each for each in snapshot.of(kind) if name_of(each) == name]
        if not found:
            yield Finding(f"{kind} {name}", "is not there: the API server does not call Linkerd")
        for each in found:
            for caller in _callers(each):
                yield from _trusted(called(each), at(caller, "caBundle"), served.get(service))


def _callers(body: Object) -> list[Object]:
    """The parts of a webhook configuration, or of an APIService, that say whom the API server calls."""
    if body["kind"] == "APIService":
        return [mapping(body, "spec")]
    return [mapping(each, "clientConfig") for each in items(body, "webhooks")]


def _trusted(subject: str, bundle: object, served: x509.Certificate | None) -> Iterator[Finding | Doubt]:
    try:
        trusted = certificates_in(base64.b64decode(str(bundle or ""), validate=True).decode())
    except (binascii.Error, ValueError):
        trusted = ()
    if not trusted:
        yield Finding(subject, "has no caBundle: the API server can't trust what it calls")
    elif served is None:
        yield Doubt(subject, "the certificate that is served is not seen")
    elif not any(each == served or is_signed_by(served, each) for each in trusted):
        yield Finding(subject, "has a caBundle that did not sign the certificate that is served")


def _exempt(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    webhooks = [(each, webhook) for each, webhook in closed(snapshot) if name_of(each) == labels.INJECTOR_WEBHOOK]
    if not webhooks:
        raise SkipError("no injector that fails closed is in it")
    known = namespaces(snapshot)
    for configuration, webhook in webhooks:
        for name in _EXEMPT:
            own = mapping(known.get(name, {}), "metadata", "labels")
            said = {**own, "kubernetes.io/metadata.name": name}
            if (name in known or name != labels.NAMESPACE) and matches(mapping(webhook, "namespaceSelector"), said):
                yield Finding(called(configuration), f"is asked for pods of {name}, and may itself wait for them")


def closed(snapshot: Snapshot) -> list[tuple[Object, Object]]:
    """Linkerd's webhooks without which the API server refuses, with their configurations."""
    return [
        (each, webhook)
        for kind, name in _BY_SERVICE.values()
        for each in snapshot.of(kind)
        if name_of(each) == name
        for webhook in items(each, "webhooks")
        if at(webhook, "failurePolicy") != "Ignore"
    ]


CHECKS: Final = (
    Check(
        "webhook-certificates",
        _CATEGORY,
        "what each webhook and tap serve is not overdue for renewal; unrenewed, a tenth of its life is left",
        Severity.ERROR,
        "let cert-manager make it: the chart's own lasts a year, and nothing renews it",
        _certificates,
    ),
    Check(
        "webhooks-trusted",
        _CATEGORY,
        "the API server trusts the certificate of each webhook, and of tap",
        Severity.ERROR,
        "see cert-manager's ca-injector; without it, set caBundle to what signed the certificate",
        _bundles,
    ),
    Check(
        "webhooks-exempt",
        _CATEGORY,
        "an injector that fails closed is not asked for kube-system, nor for itself",
        Severity.ERROR,
        f"label these namespaces with {labels.ADMISSION_WEBHOOKS}: disabled",
        _exempt,
    ),
)
