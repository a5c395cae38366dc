"""What a program's graph says of certificates before an update: PEM that is given, and what cert-manager is told."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from meshwright.certs.from_cluster import duration_of
from meshwright.certs.observed import Managed, Observed
from meshwright.certs.pem import certificates_in
from meshwright.engine.graph import Secret
from meshwright.linkerd import labels

if TYPE_CHECKING:
    from cryptography import x509

    from meshwright.engine.graph import Graph, Resource

_CERTIFICATE: Final = "kubernetes:cert-manager.io/v1:Certificate"
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
        managed=tuple(_managed(each) for each in graph.of_type(_CERTIFICATE)),
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


def _managed(resource: Resource) -> Managed:
    spec = {key: _at(resource.inputs, "spec", key) for key in ("secretName", "isCA", "duration", "renewBefore")}
    policy = _at(resource.inputs, "spec", "privateKey", "rotationPolicy")
    duration = duration_of(spec["duration"]) or timedelta(days=90)
    return Managed(
        name=f"{_at(resource.inputs, 'metadata', 'namespace')}/{_at(resource.inputs, 'metadata', 'name')}",
        secret=str(spec["secretName"] or ""),
        is_authority=spec["isCA"] is True,
        ready=None,
        message="",
        ends=None,
        duration=duration,
        # cert-manager's own default: a third of the whole.
        renew_before=duration_of(spec["renewBefore"]) or duration / 3,
        rotates_key=policy == "Always" if isinstance(policy, str) else None,
    )
