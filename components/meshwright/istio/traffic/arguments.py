"""What a `TrafficPolicy` is told."""

from typing import NotRequired, TypedDict

from meshwright.gateway_api import arguments as gateway_api


class Mirror(TypedDict):
    """A Service that gets copies of requests; its answers are thrown away."""

    service: str
    """Its name."""
    port: NotRequired[int]
    """Default: the policy's."""
    percent: NotRequired[int]
    """How many requests are copied. Default: 100."""


class Retries(TypedDict):
    """When a request is sent again. It takes a VirtualService."""

    attempts: int
    """How often at most, beside the first time. 0: never, not even Istio's default of twice."""
    retry_on: NotRequired[list[str]]
    """Envoy's conditions and status codes. Default: ``connect-failure``, ``refused-stream`` and, but
    for gRPC, ``reset-before-request``: the application has not seen the request."""
    per_try_timeout: NotRequired[str]
    """How long each try may take. Default: what is left of the route's timeout."""
    backoff: NotRequired[str]
    """Wait before the first retry; it grows with each, with jitter. Default: Envoy's, 25ms."""
    idempotent: NotRequired[bool]
    """Every request of this route may be sent twice. Default: false; known of methods such as GET and PUT."""


class Delay(TypedDict):
    """Requests that wait."""

    duration: str
    """How long."""
    percent: int
    """How many of them."""


class Abort(TypedDict):
    """Requests that are answered with an error."""

    status: NotRequired[int]
    """The HTTP status."""
    grpc_status: NotRequired[str]
    """The gRPC status, as ``UNAVAILABLE``. Only with protocol ``grpc``."""
    percent: int
    """How many of them."""


class FaultInjection(TypedDict, total=False):
    """Faults on purpose. It takes a VirtualService."""

    delay: Delay
    abort: Abort


class Route(gateway_api.Route):
    """Requests of a kind, where they go, and what becomes of those that fail."""

    timeout: NotRequired[str]
    """For the whole request, retries among it. Default: the policy's."""
    retries: NotRequired[Retries]
    """Default: the policy's."""
    fault: NotRequired[FaultInjection]
    mirror: NotRequired[Mirror]


class ConnectionPool(TypedDict, total=False):
    """How much a Service may be asked for at a time; what goes beyond is answered with 503 at once.

    Each waypoint replica counts for itself.
    """

    max_connections: int
    """Default of Istio: no limit worth the name, as for the next three."""
    max_pending_requests: int
    """Requests that wait for a connection."""
    max_requests: int
    """Requests that are under way."""
    max_retries: int
    """Retries that are under way."""
    connect_timeout: str
    """Default of Istio: 10s."""


class OutlierDetection(TypedDict, total=False):
    """When a pod that answers badly is left out for a while."""

    consecutive_5xx: int
    """So many 5xx in a row. Default of Istio: 5."""
    consecutive_gateway_errors: int
    """So many 502, 503 or 504 in a row. Default of Istio: off."""
    interval: str
    """Time between two looks. Default of Istio: 10s."""
    base_ejection_time: str
    """How long it is left out the first time; each further time adds as much. Default of Istio: 30s."""
    max_ejection_percent: int
    """How many of the pods may be left out. Default of Istio: 10."""
    min_health_percent: int
    """Below this share of healthy pods none is left out. Default of Istio: 0."""


class Version(TypedDict):
    """A Service for one version of the pods: what Istio's subsets are for with sidecars."""

    service: str
    """Name of the Service that is made."""
    selector: dict[str, str]
    """Labels of the version's pods."""
    target_port: NotRequired[int]
    """Port of the pods. Default: the policy's port."""


class TrafficPolicyArgs(TypedDict):
    """Arguments of `TrafficPolicy`."""

    namespace: str
    """Where the service is, and where all that is made for it stands: a waypoint reads rules from there."""
    service: str
    """The Service that is addressed."""
    port: int
    """The port of it that the rules are for."""
    protocol: NotRequired[str]
    """What is spoken on that port: ``http`` or ``grpc``. Default: ``http``."""
    waypoint: NotRequired[str]
    """Name of the waypoint that takes the service's traffic. Without one only `traffic_distribution` works."""
    versions: NotRequired[list[Version]]
    """A Service to make for each version. Default: none; the routes name Services that exist."""
    routes: NotRequired[list[Route]]
    """The first that fits takes the request. What fits none goes to the service itself."""
    timeout: NotRequired[str]
    """Of routes that say none. Default: none."""
    retries: NotRequired[Retries]
    """Of routes that say none. Default: Istio's, twice where the application has not seen the request, or where a gRPC
    call ended with unavailable or cancelled."""
    connection_pool: NotRequired[ConnectionPool]
    """For each Service that the routes lead to."""
    outlier_detection: NotRequired[OutlierDetection]
    """For each Service that the routes lead to."""
    traffic_distribution: NotRequired[str]
    """``PreferSameZone`` or ``PreferSameNode``, for each Service that the routes lead to. Default: any pod alike."""
