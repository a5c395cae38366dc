"""What a cluster shows of Linkerd's certificates, by GET alone. Of Secrets nothing but the certificates is kept."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from meshwright.certs.observed import EVENT_REASONS, SYNC, Controller, Event, Managed, Observed, Proxy, Served
from meshwright.certs.pem import certificates_in
from meshwright.kubernetes.reading import ClusterReader, ReadError
from meshwright.linkerd import labels

if TYPE_CHECKING:
    from cryptography import x509

_Object = Mapping[str, Any]
_SECRETS: Final = f"/api/v1/namespaces/{labels.NAMESPACE}/secrets"
_CERTIFICATES: Final = ("tls.crt", "crt.pem")
"""Of a Secret: by cert-manager and everybody else; by Linkerd's own scheme."""
_METADATA: Final = ("name", "namespace", "managedFields")
_SCHEMES: Final = {"tls.crt": labels.ISSUER_SCHEME, "crt.pem": labels.ISSUER_SCHEME_OLD}
_WEBHOOKS: Final = {
    "mutatingwebhookconfigurations": (labels.INJECTOR_WEBHOOK,),
    "validatingwebhookconfigurations": (labels.PROFILE_WEBHOOK, labels.POLICY_WEBHOOK),
}
_OF_WEBHOOKS: Final = ("-k8s-tls", *_WEBHOOKS)
_OVER: Final = ("Succeeded", "Failed")
_LEAVES: Final = "-identity-issuance-lifetime="
_EXTERNAL: Final = "/apis/workload.linkerd.io/v1beta1/externalworkloads"
_LINKS: Final = "/apis/multicluster.linkerd.io/v1alpha3/links"
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


def observe(reader: ClusterReader, name: str) -> Observed:
    """What one cluster shows; what it doesn't let us read is a gap."""
    gaps: dict[str, str] = {}
    asides: dict[str, str] = {}

    def read(what: str, ask: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
        try:
            return ask()
        except ReadError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                (asides if any(each in what for each in _OF_WEBHOOKS) else gaps)[what] = str(error)
            return []

    def one(path: str) -> list[dict[str, Any]]:
        return [reader.get(path)]

    place = f"/api/v1/namespaces/{labels.NAMESPACE}"
    config_maps = read(f"ConfigMap {labels.TRUST_ROOTS}", lambda: one(f"{place}/configmaps/{labels.TRUST_ROOTS}"))
    secrets = {
        secret: list(map(_public, read(f"Secret {secret}", lambda path=f"{_SECRETS}/{secret}": one(path))))  # type: ignore[misc]
        for secret in (labels.ISSUER_SECRET, *(f"{each}-k8s-tls" for each in labels.WEBHOOKS))
    }
    pods = read("pods", lambda: reader.list("/api/v1/pods", labelSelector=labels.CONTROL_PLANE_NAMESPACE))
    controllers = read(
        "the identity controllers",
        lambda: reader.list(f"{place}/pods", labelSelector=f"{labels.COMPONENT}=identity"),
    )
    told = read("events", lambda: reader.list(f"{place}/events"))
    managed = read("Certificates", lambda: reader.list("/apis/cert-manager.io/v1/certificates"))
    external = read("ExternalWorkloads", lambda: reader.list(_EXTERNAL))
    links = read("Links", lambda: reader.list(_LINKS))
    webhooks = [
        (kind, webhook)
        for kind, names in _WEBHOOKS.items()
        for each in names
        for webhook in read(
            f"{kind}/{each}",
            lambda path=f"/apis/admissionregistration.k8s.io/v1/{kind}/{each}": one(path),  # type: ignore[misc]
        )
    ]
    seen = observed(name, config_maps, secrets, pods, controllers, told, managed, webhooks, gaps, asides)
    linked = {str(each["spec"]["targetClusterName"]) for each in links}
    return replace(seen, outside=tuple(map(_called, external)), linked=tuple(sorted(linked)))


def observed(
    name: str,
    config_maps: list[dict[str, Any]],
    secrets: Mapping[str, list[dict[str, Any]]],
    pods: list[dict[str, Any]],
    controllers: list[dict[str, Any]],
    told: list[dict[str, Any]],
    certificates: list[dict[str, Any]],
    webhooks: list[tuple[str, dict[str, Any]]],
    gaps: dict[str, str],
    asides: dict[str, str],
) -> Observed:
    """What these objects of one cluster say; of what holds a broken certificate a gap is added."""
    text = next((str((each.get("data") or {}).get(labels.TRUST_ROOTS_KEY) or "") for each in config_maps), "")
    bundle = _read("the bundle", text, gaps)
    managed = tuple(map(_managed, certificates))
    renewed = {each.secret: each.renew_before for each in managed}
    scheme, issuer = _certificate(secrets[labels.ISSUER_SECRET], gaps)
    return Observed(
        name=name,
        bundle=bundle,
        bundle_since=_changed(config_maps[0], "f:data") if config_maps else None,
        issuer=issuer,
        issuer_since=_issuer_since(certificates, secrets[labels.ISSUER_SECRET]),
        issuer_scheme=scheme,
        proxies=tuple(_proxy(each, text, bundle) for each in pods if _runs(each)),
        controllers=tuple(Controller(_called(each), _started(each, "identity")) for each in controllers if _runs(each)),
        events=tuple(_event(each) for each in told if each.get("reason") in EVENT_REASONS),
        managed=managed,
        served=(*_served(secrets, renewed, asides), *_trusted_by_webhooks(webhooks, asides)),
        leaf_lifetime=max(filter(None, map(_leaf_lifetime, controllers)), default=None),
        gaps=gaps,
        asides=asides,
    )


def _leaf_lifetime(controller: _Object) -> timedelta | None:
    """For how long it signs: the chart's ``identity.issuer.issuanceLifetime`` is an argument of it."""
    containers = (controller.get("spec") or {}).get("containers") or ()
    told = (text for each in containers for text in each.get("args") or () if text.startswith(_LEAVES))
    return next((duration_of(text.removeprefix(_LEAVES)) for text in told), None)


def _public(secret: _Object) -> dict[str, Any]:
    """A Secret with its certificates alone: annotations may hold all of it once more."""
    data = {key: value for key, value in (secret.get("data") or {}).items() if key in _CERTIFICATES}
    metadata = {key: secret["metadata"][key] for key in _METADATA if key in secret["metadata"]}
    return {"metadata": metadata, "data": data}


def _certificate(found: list[dict[str, Any]], gaps: dict[str, str]) -> tuple[str, tuple[x509.Certificate, ...]]:
    """The scheme, and the certificate with those between."""
    for secret in found:
        for key, value in secret["data"].items():
            return _SCHEMES[key], _read(f"{secret['metadata']['name']}, {key},", _decoded(value), gaps)
    return "", ()


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _read(what: str, text: str, gaps: dict[str, str]) -> tuple[x509.Certificate, ...]:
    try:
        return certificates_in(text)
    except ValueError:
        gaps[what] = "it holds a certificate that is broken"
        return ()


def _served(
    secrets: Mapping[str, list[dict[str, Any]]], renewed: Mapping[str, timedelta | None], gaps: dict[str, str]
) -> Iterator[Served]:
    for name, found in secrets.items():
        if name != labels.ISSUER_SECRET:
            for each in _certificate(found, gaps)[1][:1]:
                yield Served(f"Secret {name}", each, renewed.get(name))


def _trusted_by_webhooks(webhooks: list[tuple[str, dict[str, Any]]], gaps: dict[str, str]) -> Iterator[Served]:
    for kind, configuration in webhooks:
        place = f"{kind}/{configuration['metadata']['name']}, caBundle"
        for webhook in configuration.get("webhooks") or []:
            for each in _read(place, _decoded(str(webhook["clientConfig"].get("caBundle") or "")), gaps):
                yield Served(place, each)


def _proxy(pod: _Object, text: str, bundle: tuple[x509.Certificate, ...]) -> Proxy:
    return Proxy(_called(pod), workload_of(pod), _started(pod, labels.PROXY_CONTAINER), _anchors(pod, text, bundle))


def _anchors(pod: _Object, text: str, bundle: tuple[x509.Certificate, ...]) -> frozenset[x509.Certificate] | None:
    """What a proxy was injected with: its environment has the bundle, and an annotation the hash of it.

    The control plane's own proxies have neither: they read the ConfigMap when they start
    (linkerd2 ``charts/partials/templates/_proxy.tpl``).
    """
    spec = pod.get("spec") or {}
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        for variable in container.get("env") or ():
            if container["name"] == labels.PROXY_CONTAINER and variable["name"] == labels.TRUST_ANCHORS_ENV:
                try:
                    return frozenset(certificates_in(variable["value"])) if "value" in variable else None
                except ValueError:
                    return frozenset()
    written = (pod["metadata"].get("annotations") or {}).get(labels.TRUST_ROOT_SHA)
    if written and pod["metadata"]["namespace"] != labels.NAMESPACE:
        return frozenset(bundle) if written == hashlib.sha256(text.encode()).hexdigest() else frozenset()
    return None


def workload_of(pod: _Object) -> str:
    """What makes a pod anew: ``deployment/cart``."""
    metadata = pod["metadata"]
    for owner in metadata.get("ownerReferences") or ():
        if owner["kind"] == "ReplicaSet":
            of_template = (metadata.get("labels") or {}).get("pod-template-hash", "")
            return f"deployment/{owner['name'].removesuffix(f'-{of_template}')}"
        return f"{owner['kind'].lower()}/{owner['name']}"
    return f"pod/{metadata['name']}"


def _runs(pod: _Object) -> bool:
    return (pod.get("status") or {}).get("phase") not in _OVER


def _called(body: _Object) -> str:
    return f"{body['metadata'].get('namespace', '')}/{body['metadata']['name']}"


def _started(pod: _Object, container: str) -> datetime | None:
    """As of when a container knows what the API held.

    A new pod is given what there is when it is made. A container that was only started anew finds the pod's old
    volumes, which the kubelet may not have brought up to date yet.
    """
    made, status = _moment(pod["metadata"].get("creationTimestamp")), pod.get("status") or {}
    for each in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        began = _moment(((each.get("state") or {}).get("running") or {}).get("startedAt"))
        if each.get("name") == container and began and made:
            return max(made, began - SYNC)
    return made


def _moment(text: Any) -> datetime | None:
    return datetime.fromisoformat(str(text)) if text else None


def _changed(body: _Object, field: str) -> datetime | None:
    """No later than this a field of an object got its value: the newest of those who wrote it."""
    found = [
        _moment(each.get("time"))
        for each in body["metadata"].get("managedFields") or ()
        if not each.get("subresource") and field in (each.get("fieldsV1") or {})
    ]
    newest = max(filter(None, found), default=None)
    # What was never changed, nobody can have read in another form, however soon it was read.
    is_first = newest is not None and newest == _moment(body["metadata"].get("creationTimestamp"))
    return newest - timedelta(seconds=1) if newest and is_first else newest


def _issuer_since(certificates: list[dict[str, Any]], secrets: list[dict[str, Any]]) -> datetime | None:
    """When the issuer was made below the authority of now, renewals not counted.

    Of cert-manager's that is when its Certificate was changed, or became ready after that: with another issuerRef it
    isn't ready until the new authority has signed, which may take long. Of any other it is when the Secret was changed.
    """
    asked = [
        each
        for each in certificates
        if each["metadata"].get("namespace") == labels.NAMESPACE
        and (each.get("spec") or {}).get("secretName") == labels.ISSUER_SECRET
    ]
    if not asked:
        return max(filter(None, (_changed(each, "f:data") for each in secrets)), default=None)
    changed = [_changed(each, "f:spec") for each in asked]
    if not all(changed):
        return None
    ready = [_moment(_ready(each).get("lastTransitionTime")) for each in asked if _ready(each).get("status") == "True"]
    return max(filter(None, (*changed, *ready)))


def _ready(certificate: _Object) -> _Object:
    conditions = (certificate.get("status") or {}).get("conditions") or ()
    return next((each for each in conditions if each.get("type") == "Ready"), {})


def _event(body: _Object) -> Event:
    series = body.get("series") or {}
    last = series.get("lastObservedTime") or body.get("lastTimestamp") or body.get("eventTime")
    moment = _moment(last or body["metadata"]["creationTimestamp"])
    assert moment is not None  # noqa: S101 - every object has a creationTimestamp
    return Event(str(body["reason"]), " ".join(str(body.get("message") or "").split()), moment)


def _managed(body: _Object) -> Managed:
    spec, status = body.get("spec") or {}, body.get("status") or {}
    ready = _ready(body)
    ends, begins = _moment(status.get("notAfter")), _moment(status.get("notBefore"))
    renewal = _moment(status.get("renewalTime"))
    duration = duration_of(spec.get("duration")) or (ends - begins if ends and begins else None)
    policy = (spec.get("privateKey") or {}).get("rotationPolicy")
    return Managed(
        name=_called(body),
        secret=str(spec.get("secretName") or ""),
        is_authority=bool(spec.get("isCA")),
        ready={"True": True, "False": False}.get(str(ready.get("status"))),
        message=str(ready.get("message") or ""),
        ends=ends,
        duration=duration,
        renew_before=duration_of(spec.get("renewBefore")) or (ends - renewal if ends and renewal else None),
        rotates_key=None if policy is None else policy == "Always",
    )


def duration_of(text: object) -> timedelta | None:
    """A duration as Go writes it, ``25h0m0s``; None for what is none."""
    parts = _DURATION.findall(str(text or ""))
    if not parts or "".join(map("".join, parts)) != text:
        return None
    return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in parts))
