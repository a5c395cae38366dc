"""What a program's graph says of certificates before an update: PEM that is given, and what cert-manager is told."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from meshwright.certs.cert_manager import managed_in
from meshwright.certs.observed import Managed, Observed
from meshwright.certs.pem import certificates_in
from meshwright.engine.graph import UNKNOWN, Secret
from meshwright.linkerd import labels

if TYPE_CHECKING:
    from cryptography import x509

    from meshwright.engine.graph import Graph, Resource

_CERT_MANAGER: Final = "kubernetes:cert-manager.io/v1"
_KINDS: Final = ("Certificate", "Issuer", "ClusterIssuer")
_CONFIG_MAP, _SECRET = "kubernetes:core/v1:ConfigMap", "kubernetes:core/v1:Secret"
_RELEASE: Final = "kubernetes:helm.sh/v3:Release"
_BUNDLES: Final = {labels.TRUST_ROOTS: (labels.TRUST_ROOTS_KEY,), "cacerts": ("root-cert.pem",)}
_ISSUERS: Final = {labels.ISSUER_SECRET: ("tls.crt", "crt.pem"), "cacerts": ("ca-cert.pem", "cert-chain.pem")}
"""Object -> its keys with certificates: Linkerd's, and those of istiod's ``cacerts``."""


def observe_graph(graph: Graph) -> Observed:
    """What can be told before an update; what cert-manager is yet to make is not among it."""
    bundle: dict[x509.Certificate, None] = {}
    issuer: dict[x509.Certificate, None] = {}
    for each in graph:
        bundle |= dict.fromkeys(_held(each, _BUNDLES, "identityTrustAnchorsPEM"))
        issuer |= dict.fromkeys(_held(each, _ISSUERS, "identity", "issuer", "tls", "crtPEM"))
    return Observed(
        name=f"{graph.project}/{graph.stack}",
        bundle=tuple(bundle),
        issuer=tuple(issuer),
        managed=tuple(_managed(graph)),
    )


def _held(resource: Resource, wanted: Mapping[str, tuple[str, ...]], *value: str) -> Iterator[x509.Certificate]:
    """The certificates that an object holds, or a chart's value."""
    if resource.type == _RELEASE:
        yield from _certificates(_at(resource.inputs, "values", *value))
    if resource.type not in (_CONFIG_MAP, _SECRET):
        return
    for key in wanted.get(str(_at(resource.inputs, "metadata", "name")), ()):
        yield from _certificates(_at(resource.inputs, "stringData", key))
        text = _at(resource.inputs, "data", key)
        yield from _certificates(text if resource.type == _CONFIG_MAP else _decoded(text))


def _at(value: Any, *path: str) -> Any:
    """The value at a path, with secrets opened: nothing but certificates is read from it."""
    for step in ("", *path):
        if step:
            value = value.get(step) if isinstance(value, Mapping) else None
        if isinstance(value, Secret):
            value = value.value
    return value


def _certificates(text: Any) -> tuple[x509.Certificate, ...]:
    try:
        return certificates_in(text) if isinstance(text, str) else ()
    except ValueError:
        return ()


def _decoded(text: Any) -> Any:
    try:
        return base64.b64decode(text, validate=True).decode() if isinstance(text, str) else None
    except (binascii.Error, UnicodeDecodeError):
        return None


def _managed(graph: Graph) -> Iterator[Managed]:
    """The Certificates, with cert-manager's own defaults: 90 days, renewed when a third of the whole is left."""
    bodies = {kind: [_plain(each) for each in graph.of_type(f"{_CERT_MANAGER}:{kind}")] for kind in _KINDS}
    for each in managed_in(bodies["Certificate"], [*bodies["Issuer"], *bodies["ClusterIssuer"]]):
        duration = each.duration or timedelta(days=90)
        yield replace(each, duration=duration, renew_before=each.renew_before or duration / 3)


def _plain(resource: Resource) -> dict[str, Any]:
    """The object that a resource is."""
    known = {"metadata": {}, "spec": {}, **_known(resource.inputs)}
    metadata = {"name": resource.name, **known["metadata"]}
    return {"kind": resource.type.rpartition(":")[2], "metadata": metadata, "spec": known["spec"]}


def _known(value: Any) -> Any:
    """Without what only an update will know, and with secrets opened."""
    if isinstance(value, Secret):
        return _known(value.value)
    if isinstance(value, Mapping):
        return {key: known for key, each in value.items() if (known := _known(each)) is not UNKNOWN}
    return value
