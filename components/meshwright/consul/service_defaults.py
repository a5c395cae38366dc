"""What Consul is told of one service: its protocol, its mutual TLS, and what it may take and ask for."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NotRequired, TypedDict

from meshwright.errors import Code
from meshwright.kubernetes.troubles import Trouble

PROTOCOLS: Final = ("tcp", "http", "http2", "grpc")
HTTP_LIKE: Final = frozenset({"http", "http2", "grpc"})
"""Protocols in which Consul reads requests (``structs.IsProtocolHTTPLike``)."""
DEFAULT_PROTOCOL: Final = "tcp"
MTLS_MODES: Final[Mapping[str, str]] = {"permissive": "permissive", "strict": "strict"}
"""Phase -> the service's ``mutualTLSMode``."""


class RouteRateArgs(TypedDict):
    """A rate for some of a service's paths."""

    requests_per_second: int
    path_exact: NotRequired[str]
    path_prefix: NotRequired[str]
    path_regex: NotRequired[str]
    """One of the three."""
    burst: NotRequired[int]
    """Default: the rate."""


class RateLimitArgs(TypedDict, total=False):
    """How many requests each instance takes. Consul Enterprise alone limits rates (``config_entry_ce.go``)."""

    requests_per_second: int
    """Of all requests. Default: no limit."""
    burst: int
    """Default: the rate."""
    routes: list[RouteRateArgs]
    """Paths with a rate of their own; the first that fits counts."""


class CallerLimitsArgs(TypedDict, total=False):
    """What the service's proxy holds itself to when it calls others."""

    max_connections: int
    max_pending_requests: int
    max_concurrent_requests: int
    connect_timeout_ms: int
    """Default: 5000."""
    max_failures: int
    """So many failures in a row, and an instance is left out for a while."""
    interval: str
    """How often instances are judged: ``10s``. Default: Consul's, 10s."""
    ejection_time: str
    """For how long at first. Default: 30s."""
    max_ejection_percent: int
    """Of the instances. Default: 10."""


class ServiceArgs(TypedDict, total=False):
    """A service of a namespace."""

    protocol: str
    """``tcp``, ``http``, ``http2`` or ``grpc``. Default: what the mesh's proxy defaults say, else ``tcp``."""
    service_account: str
    """Its pods' service account. Default: its name; nothing else works with ACLs."""
    selector: dict[str, str]
    """Its Service's selector, by which pods are known that two Services pick. Default: not known."""
    max_connections: int
    """Inbound, of each instance. Default: no limit."""
    request_timeout_ms: int
    """Of requests to the application. Default: 15 s for requests that no route has a timeout for."""
    rate_limit: RateLimitArgs
    """Consul Enterprise alone. Default: none."""
    calls: CallerLimitsArgs
    """How it calls others. Default: Consul's."""


def service_troubles(service: ServiceArgs, *, enterprise: bool) -> Iterator[Trouble]:
    """What Consul, or its webhook, would refuse of a service's defaults."""
    protocol = service.get("protocol", DEFAULT_PROTOCOL)
    if protocol not in PROTOCOLS:
        message = f'is "{protocol}", which Consul does not know'
        yield Trouble(Code.CONSUL_PROTOCOL, message, f"one of: {', '.join(PROTOCOLS)}", ("protocol",))
    limit = service.get("rate_limit")
    if limit is None:
        return
    if not enterprise:
        message = "limits rates, which Consul Enterprise does, and this mesh runs the community edition"
        remedy = "use max_connections, or calls.max_concurrent_requests of the callers; or set enterprise: true"
        yield Trouble(Code.CONSUL_RATE_LIMIT, message, remedy, ("rate_limit",))
    if protocol not in HTTP_LIKE:
        message = f"counts requests, and the service's protocol is {protocol}"
        yield Trouble(Code.CONSUL_RATE_LIMIT, message, "set protocol: http, http2 or grpc", ("rate_limit",))
    for trouble in _rate_troubles(limit):
        yield trouble._replace(at=("rate_limit", *trouble.at))


def _rate_troubles(limit: RateLimitArgs) -> Iterator[Trouble]:
    routes = limit.get("routes") or []
    if not limit.get("requests_per_second") and not routes:
        message = "has no rate" if not limit.get("burst") else "has a burst, and no rate"
        yield Trouble(Code.CONSUL_RATE_LIMIT, message, "add requests_per_second, or routes")
    for index, route in enumerate(routes):
        paths = [key for key in ("path_exact", "path_prefix", "path_regex") if route.get(key)]
        if len(paths) != 1:
            message = f"has {len(paths)} paths, and takes one"
            remedy = "write one of path_exact, path_prefix, path_regex"
            yield Trouble(Code.CONSUL_RATE_LIMIT, message, remedy, ("routes", index))


def service_defaults(service: ServiceArgs, phase: str) -> dict[str, Any]:
    """The ``spec`` of its ServiceDefaults in a phase."""
    spec: dict[str, Any] = {"mutualTLSMode": MTLS_MODES[phase]}
    if protocol := service.get("protocol"):
        spec["protocol"] = protocol
    if connections := service.get("max_connections"):
        spec["maxInboundConnections"] = int(connections)
    if timeout := service.get("request_timeout_ms"):
        spec["localRequestTimeoutMs"] = int(timeout)
    if limit := service.get("rate_limit"):
        spec["rateLimits"] = {"instanceLevel": _rates(limit)}
    if calls := service.get("calls"):
        spec["upstreamConfig"] = {"defaults": _upstream(calls)}
    return spec


def _rates(limit: RateLimitArgs) -> dict[str, Any]:
    made: dict[str, Any] = _rate(limit)
    if routes := limit.get("routes"):
        names = {"path_exact": "pathExact", "path_prefix": "pathPrefix", "path_regex": "pathRegex"}
        made["routes"] = [
            {**{new: route[old] for old, new in names.items() if old in route}, **_rate(route)}  # type: ignore[literal-required]
            for route in routes
        ]
    return made


def _rate(limit: RateLimitArgs | RouteRateArgs) -> dict[str, int]:
    made = {}
    if rate := limit.get("requests_per_second"):
        made["requestsPerSecond"] = int(rate)
    if burst := limit.get("burst"):
        made["requestsMaxBurst"] = int(burst)
    return made


def _upstream(calls: CallerLimitsArgs) -> dict[str, Any]:
    limits = {
        new: int(calls[old])  # type: ignore[literal-required]
        for old, new in (
            ("max_connections", "maxConnections"),
            ("max_pending_requests", "maxPendingRequests"),
            ("max_concurrent_requests", "maxConcurrentRequests"),
        )
        if old in calls
    }
    health: dict[str, Any] = {"maxFailures": int(calls["max_failures"])} if "max_failures" in calls else {}
    if health:
        health["interval"] = calls.get("interval", "10s")
        health["baseEjectionTime"] = calls.get("ejection_time", "30s")
        if "max_ejection_percent" in calls:
            health["maxEjectionPercent"] = int(calls["max_ejection_percent"])
    made: dict[str, Any] = {}
    if "connect_timeout_ms" in calls:
        made["connectTimeoutMs"] = int(calls["connect_timeout_ms"])
    if limits:
        made["limits"] = limits
    if health:
        made["passiveHealthCheck"] = health
    return made
