"""Extension providers: what istiod's mesh config defines, and Telemetry and AuthorizationPolicy name.

Source: istio/api ``mesh/v1alpha1/config.proto``, ``MeshConfig.ExtensionProvider``, as of 1.31. A provider's service is
one that istiod knows, by its full host name: what names another one, or another provider, istiod drops without a word.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from meshwright.errors import Code, Problem

BUILT_IN: Final = ("envoy", "prometheus", "stackdriver")
"""Istio's own: the access log on standard output, the metrics for Prometheus, Google Cloud's."""


def otlp_traces(name: str, service: str, port: int) -> dict[str, Any]:
    """Spans by OTLP over gRPC, for an OpenTelemetry collector, or for Jaeger from 1.35 on."""
    return {"name": name, "opentelemetry": {"service": service, "port": port}}


def otlp_http_traces(name: str, service: str, port: int) -> dict[str, Any]:
    """Spans by OTLP over HTTP, on OTLP's own path."""
    http = {"path": "/v1/traces", "timeout": "5s"}
    return {"name": name, "opentelemetry": {"service": service, "port": port, "http": http}}


def zipkin_traces(name: str, service: str, port: int) -> dict[str, Any]:
    """Spans in Zipkin's format, on its API's own path."""
    return {"name": name, "zipkin": {"service": service, "port": port}}


def otlp_logs(name: str, service: str, port: int) -> dict[str, Any]:
    """Access logs by OTLP over gRPC."""
    return {"name": name, "envoyOtelAls": {"service": service, "port": port}}


def provider_problems(providers: Sequence[Mapping[str, Any]], label: str) -> Iterator[Problem]:
    """Providers that aren't what they seem (MW-E050): of one name Istio keeps the last, and says nothing."""
    seen: set[str] = set()
    for provider in providers:
        name = provider.get("name")
        if not isinstance(name, str) or not name or len(provider) != 2:
            yield Problem(
                Code.BAD_ARGUMENT,
                f"an extension provider has the keys {', '.join(sorted(provider)) or 'none'}",
                "give it a name and one kind, such as opentelemetry or envoyExtAuthzGrpc",
                label,
            )
            continue
        if name.lower() in seen:
            remedy = "give each a name of its own; Istio doesn't tell capitals from small letters"
            yield Problem(Code.BAD_ARGUMENT, f"the extension provider {name!r} is there twice", remedy, label)
        seen.add(name.lower())
