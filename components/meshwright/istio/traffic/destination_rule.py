"""Settings for the connections to one host: limits, pods that are left out, TLS to the outside."""

from collections.abc import Mapping
from typing import Any, Final

from meshwright.istio.traffic.arguments import ConnectionPool, OutlierDetection

_TCP: Final = {"max_connections": "maxConnections", "connect_timeout": "connectTimeout"}
_HTTP: Final = {
    "max_pending_requests": "http1MaxPendingRequests",
    "max_requests": "http2MaxRequests",
    "max_retries": "maxRetries",
}
_OUTLIERS: Final = {
    "consecutive_5xx": "consecutive5xxErrors",
    "consecutive_gateway_errors": "consecutiveGatewayErrors",
    "interval": "interval",
    "base_ejection_time": "baseEjectionTime",
    "max_ejection_percent": "maxEjectionPercent",
    "min_health_percent": "minHealthPercent",
}


def destination_rule_spec(
    host: str,
    pool: ConnectionPool | None = None,
    outliers: OutlierDetection | None = None,
    *,
    originate_tls: bool = False,
) -> dict[str, Any]:
    """The ``spec`` for a host; its ``trafficPolicy`` is empty where nothing is asked for."""
    policy: dict[str, Any] = {}
    if pool:
        kinds = {"tcp": _renamed(pool, _TCP), "http": _renamed(pool, _HTTP)}
        policy["connectionPool"] = {kind: settings for kind, settings in kinds.items() if settings}
    if outliers:
        policy["outlierDetection"] = _renamed(outliers, _OUTLIERS)
    if originate_tls:
        # Without sni and subjectAltNames Istio takes both from the request's host, and checks the certificate for it
        # (setAutoSniAndAutoSanValidation in pilot/pkg/networking/core/cluster_tls.go). The system's authorities are its
        # default; `istioctl analyze` wants to see them written (IST0128).
        policy["tls"] = {"mode": "SIMPLE", "caCertificates": "system"}
    return {"host": host, "trafficPolicy": policy}


def _renamed(settings: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    # Numbers of a hosted component arrive as floats.
    return {
        name: value if isinstance(value, str) else int(value)
        for key, name in names.items()
        if (value := settings.get(key)) is not None
    }
