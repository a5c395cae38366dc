"""What a cluster shows of Linkerd's certificates, by GET alone. Of Secrets nothing but the certificates is kept."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from meshwright.certs.cert_manager import called, changed_at, duration_of, issuer_since, managed_in, moment_of
from meshwright.certs.observed import EVENT_REASONS, SYNC, Controller, Event, Observed, Proxy, Served
from meshwright.certs.pem import certificates_in
from meshwright.kubernetes.reading import ClusterReader, ReadError
from meshwright.linkerd import labels

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from cryptography import x509

_Object = Mapping[str, Any]
_CERTIFICATES: Final = ("tls.crt", "crt.pem")
"""Of a Secret: by cert-manager and everybody else; by Linkerd's own scheme."""
_METADATA: Final = ("name", "namespace", "managedFields")
_SCHEMES: Final = {"tls.crt": labels.ISSUER_SCHEME, "crt.pem": labels.ISSUER_SCHEME_OLD}
SERVED: Final = {
    f"{service}-k8s-tls": namespace
    for namespace, services in ((labels.NAMESPACE, labels.WEBHOOKS), (labels.VIZ_NAMESPACE, labels.VIZ_SERVED))
    for service in services
}
"""Secrets with what the API server's calls are answered with -> their namespaces."""
_ADMISSION: Final = "/apis/admissionregistration.k8s.io/v1"
_WEBHOOKS: Final = {
    labels.INJECTOR_WEBHOOK: f"{_ADMISSION}/mutatingwebhookconfigurations",
    labels.PROFILE_WEBHOOK: f"{_ADMISSION}/validatingwebhookconfigurations",
    labels.POLICY_WEBHOOK: f"{_ADMISSION}/validatingwebhookconfigurations",
    labels.TAP_WEBHOOK: f"{_ADMISSION}/mutatingwebhookconfigurations",
    labels.TAP_API: "/apis/apiregistration.k8s.io/v1/apiservices",
}
"""What tells the API server whom it calls -> where it is listed."""
_OF_VIZ: Final = (labels.TAP_API, *(name for name, home in SERVED.items() if home == labels.VIZ_NAMESPACE))
_ISSUERS: Final = {"Issuer": "issuers", "ClusterIssuer": "clusterissuers"}
_ASIDE: Final = ("-k8s-tls", "webhookconfigurations/", "apiservices/", "Issuers")
"""What no rotation depends on."""
_OVER: Final = ("Succeeded", "Failed")
_LEAVES: Final = "-identity-issuance-lifetime="
_EXTERNAL: Final = "/apis/workload.linkerd.io/v1beta1/externalworkloads"
_LINKS: Final = "/apis/multicluster.linkerd.io/v1alpha3/links"


def observe(reader: ClusterReader, name: str) -> Observed:
    """What one cluster shows; what it doesn't let us read is a gap."""
    gaps: dict[str, str] = {}
    asides: dict[str, str] = {}

    def read(what: str, ask: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
        try:
            return ask()
        except ReadError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                (asides if any(each in what for each in _ASIDE) else gaps)[what] = str(error)
            return []

    def one(path: str) -> list[dict[str, Any]]:
        return [reader.get(path)]

    place = _namespace(labels.NAMESPACE)
    config_maps = read(f"ConfigMap {labels.TRUST_ROOTS}", lambda: one(f"{place}/configmaps/{labels.TRUST_ROOTS}"))
    webhooks: list[tuple[str, dict[str, Any]]] = []
    for each, path in _WEBHOOKS.items():
        # Whether viz is there at all, its webhook tells: what it would serve may be nobody's to read.
        if each not in _OF_VIZ or any(there["metadata"]["name"] == labels.TAP_WEBHOOK for _, there in webhooks):
            kind = path.rpartition("/")[2]
            found = read(f"{kind}/{each}", partial(one, f"{path}/{each}"))
            webhooks += [(kind, configuration) for configuration in found]
    has_viz = any(there["metadata"]["name"] == labels.TAP_WEBHOOK for _, there in webhooks)
    homes = {labels.ISSUER_SECRET: labels.NAMESPACE, **SERVED}
    secrets = {
        secret: list(map(_public, read(f"Secret {secret}", partial(one, f"{_namespace(home)}/secrets/{secret}"))))
        for secret, home in homes.items()
        if has_viz or secret not in _OF_VIZ
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
    issuers = [
        {"kind": kind, **each}
        for kind, plural in _ISSUERS.items()
        for each in read(f"{kind}s", partial(reader.list, f"/apis/cert-manager.io/v1/{plural}"))
    ]
    known = None if any(f"{kind}s" in asides for kind in _ISSUERS) else issuers
    seen = observed(name, config_maps, secrets, pods, controllers, told, managed, known, webhooks, gaps, asides)
    linked = {str(each["spec"]["targetClusterName"]) for each in links}
    return replace(seen, outside=tuple(map(called, external)), linked=tuple(sorted(linked)))


def _namespace(name: str) -> str:
    return f"/api/v1/namespaces/{name}"


def observed(
    name: str,
    config_maps: list[dict[str, Any]],
    secrets: Mapping[str, list[dict[str, Any]]],
    pods: list[dict[str, Any]],
    controllers: list[dict[str, Any]],
    told: list[dict[str, Any]],
    certificates: list[dict[str, Any]],
    issuers: list[dict[str, Any]] | None,
    webhooks: list[tuple[str, dict[str, Any]]],
    gaps: dict[str, str],
    asides: dict[str, str],
) -> Observed:
    """What these objects of one cluster say; of what holds a broken certificate a gap is added."""
    text = next((str((each.get("data") or {}).get(labels.TRUST_ROOTS_KEY) or "") for each in config_maps), "")
    bundle = _read("the bundle", text, gaps)
    managed = managed_in(certificates, issuers)
    renewed = {f"{each.name.partition('/')[0]}/{each.secret}": each.renew_before for each in managed}
    scheme, issuer = _certificate(secrets[labels.ISSUER_SECRET], gaps)
    return Observed(
        name=name,
        bundle=bundle,
        bundle_since=changed_at(config_maps[0], "f:data") if config_maps else None,
        issuer=issuer,
        issuer_since=issuer_since(certificates, secrets[labels.ISSUER_SECRET]),
        issuer_scheme=scheme,
        proxies=tuple(_proxy(each, text, bundle) for each in pods if _runs(each)),
        controllers=tuple(Controller(called(each), _started(each, "identity")) for each in controllers if _runs(each)),
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
                place = f"{SERVED[name]}/{name}"
                yield Served(f"Secret {place}", each, renewed.get(place))


def _trusted_by_webhooks(webhooks: list[tuple[str, dict[str, Any]]], gaps: dict[str, str]) -> Iterator[Served]:
    for kind, configuration in webhooks:
        place = f"{kind}/{configuration['metadata']['name']}, caBundle"
        callers = [each["clientConfig"] for each in configuration.get("webhooks") or ()]
        for caller in callers or [configuration.get("spec") or {}]:  # an APIService has one
            for each in _read(place, _decoded(str(caller.get("caBundle") or "")), gaps):
                yield Served(place, each)


def _proxy(pod: _Object, text: str, bundle: tuple[x509.Certificate, ...]) -> Proxy:
    return Proxy(called(pod), workload_of(pod), _started(pod, labels.PROXY_CONTAINER), _anchors(pod, text, bundle))


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


def _started(pod: _Object, container: str) -> datetime | None:
    """As of when a container knows what the API held.

    A new pod is given what there is when it is made. A container that was only started anew finds the pod's old
    volumes, which the kubelet may not have brought up to date yet.
    """
    made, status = moment_of(pod["metadata"].get("creationTimestamp")), pod.get("status") or {}
    for each in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        began = moment_of(((each.get("state") or {}).get("running") or {}).get("startedAt"))
        if each.get("name") == container and began and made:
            return max(made, began - SYNC)
    return made


def _event(body: _Object) -> Event:
    series = body.get("series") or {}
    last = series.get("lastObservedTime") or body.get("lastTimestamp") or body.get("eventTime")
    moment = moment_of(last or body["metadata"]["creationTimestamp"])
    assert moment is not None  # noqa: S101 - every object has a creationTimestamp
    return Event(str(body["reason"]), " ".join(str(body.get("message") or "").split()), moment)
