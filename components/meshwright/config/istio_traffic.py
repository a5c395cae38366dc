"""The config of traffic: the routes of a service, and what happens to requests that fail."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from pydantic import AfterValidator, Field, model_validator

from meshwright.config.base import (
    Flag,
    Mistake,
    Model,
    PodLabels,
    Port,
    ServiceName,
    Spelt,
    Whole,
    refusal,
)
from meshwright.config.gateway_api import Regex, RouteBackend, RouteMatch, bad_value, told
from meshwright.errors import Code
from meshwright.gateway_api import spelling
from meshwright.istio.traffic.checks import claims, contradictions, needs_waypoint, not_at_a_waypoint, without_waypoint
from meshwright.istio.traffic.spelling import RETRY_ON, is_retry_condition

if TYPE_CHECKING:
    from meshwright.istio.traffic.arguments import TrafficPolicyArgs


def _longer_than_nothing(text: str) -> str:
    if not spelling.is_duration(text):
        raise bad_value(f'is "{text}", which is no time at all', 'write a millisecond or more: "500ms"')
    return text


def _condition(text: str) -> str:
    if not is_retry_condition(text):
        remedy = f"one of: {', '.join(RETRY_ON)}, or a status code, 400 to 599"
        raise bad_value(f'is "{text[:40]}", which is no condition for a retry', remedy)
    return text


_DURATION_REMEDY = 'write it as the Gateway API does: "500ms", "3s", "1m30s"'
RouteDuration = Annotated[
    str,
    Spelt(spelling.DURATION, "duration", _DURATION_REMEDY, limit=28),
    AfterValidator(_longer_than_nothing),
]
"""GEP-2257: what the Gateway API and Istio both take."""
Percent = Annotated[Whole, Field(ge=1, le=100)]
Limit = Annotated[Whole, Field(ge=1, le=2**31 - 1)]


class TrafficModel(Model):
    """A part of the traffic's config, which tells why some keys don't exist."""

    @model_validator(mode="before")
    @classmethod
    def _is_at_a_waypoint(cls, value: Any) -> Any:
        if isinstance(value, dict):
            keys = {key: None for key in value if isinstance(key, str)}
            if mistakes := tuple(told(not_at_a_waypoint(keys))):
                raise refusal(*mistakes)
        return value


class TrafficMatch(TrafficModel, RouteMatch):
    """What a request is like. All that is said must hold; at most one of the three paths."""

    path_regex: Regex | None = None
    """A regular expression (RE2) for the whole path. It takes a VirtualService, which is alpha."""


class TrafficBackend(TrafficModel, RouteBackend):
    """A Service of the namespace that requests go to."""


class TrafficMirror(TrafficModel):
    """A Service that gets copies of requests; its answers are thrown away."""

    service: ServiceName = Field(examples=["reviews-next"])
    """Its name."""
    port: Port | None = None
    """Default: the port that the rules are for."""
    percent: Percent = 100
    """How many requests are copied."""


class TrafficRetries(TrafficModel):
    """When a request is sent again. It takes a VirtualService, which is alpha."""

    attempts: Annotated[Whole, Field(ge=0, le=10)] = Field(examples=[2])
    """How often at most, beside the first time. 0: never, not even Istio's default of twice."""
    retry_on: tuple[Annotated[str, AfterValidator(_condition)], ...] = ()
    """Envoy's conditions, and status codes in quotes. Default: connect-failure, refused-stream and, but for gRPC,
    reset-before-request, under which the application has not seen the request."""
    per_try_timeout: RouteDuration | None = None
    """How long each try may take. Default: what is left of the route's timeout."""
    backoff: RouteDuration | None = None
    """Wait before the first retry; it grows with each, with jitter. Default: 25ms."""
    idempotent: Flag = False
    """Every request of this route may be sent twice. Known for GET, HEAD, PUT, DELETE, OPTIONS and TRACE."""


class TrafficDelay(TrafficModel):
    """Requests that wait."""

    duration: RouteDuration = Field(examples=["2s"])
    """How long."""
    percent: Percent = Field(examples=[5])
    """How many of them."""


class TrafficAbort(TrafficModel):
    """Requests that are answered with an error."""

    status: Annotated[Whole, Field(ge=200, le=599)] | None = None
    """The HTTP status."""
    grpc_status: (
        Literal[
            "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
            "PERMISSION_DENIED", "UNAUTHENTICATED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED",
            "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS",
        ]
        | None
    ) = None  # fmt: skip
    """The gRPC status; with protocol: grpc."""
    percent: Percent = Field(examples=[5])
    """How many of them."""


class TrafficFault(TrafficModel):
    """Faults on purpose. It takes a VirtualService, which is alpha."""

    delay: TrafficDelay | None = None
    """Requests that wait."""
    abort: TrafficAbort | None = None
    """Requests that are answered with an error."""


class TrafficRoute(TrafficModel):
    """Requests of a kind, and where they go."""

    match: tuple[TrafficMatch, ...] = ()
    """Any of these. Default: every request; then it is the last route."""
    to: tuple[TrafficBackend, ...] = ()
    """Default: the service itself."""
    timeout: RouteDuration | None = None
    """For the whole request, retries among it. Default: the service's."""
    retries: TrafficRetries | None = None
    """Default: the service's."""
    fault: TrafficFault | None = None
    """Faults on purpose."""
    mirror: TrafficMirror | None = None
    """Copies of requests."""


class TrafficConnectionPool(TrafficModel):
    """How much is asked of a Service at a time, by each replica of the waypoint; beyond it is 503 at once."""

    max_connections: Limit | None = None
    """Connections. Default: no limit, as for the next three."""
    max_pending_requests: Limit | None = None
    """Requests that wait for a connection."""
    max_requests: Limit | None = None
    """Requests that are under way."""
    max_retries: Limit | None = None
    """Retries that are under way."""
    connect_timeout: RouteDuration | None = None
    """Default: 10s."""


class TrafficOutlierDetection(TrafficModel):
    """When a pod that answers badly is left out for a while."""

    consecutive_5xx: Limit | None = None
    """So many 5xx in a row. Default: 5."""
    consecutive_gateway_errors: Limit | None = None
    """So many 502, 503 or 504 in a row. Default: off."""
    interval: RouteDuration | None = None
    """Time between two looks. Default: 10s."""
    base_ejection_time: RouteDuration | None = None
    """How long it is left out the first time; each further time adds as much. Default: 30s."""
    max_ejection_percent: Percent | None = None
    """How many of the pods may be left out. Default: 10."""
    min_health_percent: Annotated[Whole, Field(ge=0, le=100)] | None = None
    """Below this share of healthy pods none is left out. Default: 0."""


class TrafficVersion(TrafficModel):
    """A Service for one version of the pods: what subsets are for with sidecars."""

    service: ServiceName = Field(examples=["reviews-v2"])
    """Name of the Service that is made."""
    selector: PodLabels = Field(examples=[{"app": "reviews", "version": "v2"}])
    """Labels of the version's pods."""
    target_port: Port | None = None
    """Port of the pods. Default: the port that the rules are for."""


class ServiceTraffic(TrafficModel):
    """How requests to one service are routed, and what happens to those that fail."""

    service: ServiceName = Field(examples=["reviews"])
    """The Service that is addressed."""
    port: Port = Field(examples=[9080])
    """The port of it that the rules are for."""
    protocol: Literal["http", "grpc"] = "http"
    """What is spoken on that port."""
    versions: tuple[TrafficVersion, ...] = ()
    """A Service to make for each version. Default: none; the routes name Services that exist."""
    routes: tuple[TrafficRoute, ...] = ()
    """The first that fits takes the request. What fits none goes to the service itself."""
    timeout: RouteDuration | None = None
    """Of routes that say none. Default: none."""
    retries: TrafficRetries | None = None
    """Of routes that say none. Default: Istio's, twice where the application has not seen the request, or where a gRPC
    call ended with unavailable or cancelled."""
    connection_pool: TrafficConnectionPool | None = None
    """For each Service that the routes lead to."""
    outlier_detection: TrafficOutlierDetection | None = None
    """For each Service that the routes lead to."""
    traffic_distribution: Literal["PreferSameZone", "PreferSameNode"] | None = None
    """Which pods are preferred, for each Service that the routes lead to. Default: any alike."""

    def arguments(self, namespace: str) -> "TrafficPolicyArgs":
        """The arguments of the component, without its waypoint."""
        said = self.model_dump(mode="json", exclude_unset=True, exclude_none=True)
        return cast("TrafficPolicyArgs", {"namespace": namespace, **said})

    def mistakes(self) -> Iterator[Mistake]:
        """What the rules can't be."""
        return told(contradictions(self.arguments("")))


def traffic_mistakes(
    traffic: tuple[ServiceTraffic, ...], is_behind_a_waypoint: Callable[[str], bool]
) -> Iterator[Mistake]:
    """What the traffic of a namespace can't be, where only some of its services may be behind a waypoint."""
    for index, each in enumerate(traffic):
        if needs_waypoint(each.arguments("")) and not is_behind_a_waypoint(each.service):
            trouble = without_waypoint("routing" if each.routes else "timeouts, retries or limits")
            yield Mistake(*trouble)._replace(at=("traffic", index))
    taken: dict[tuple[str, str], int] = {}
    for index, each in enumerate(traffic):
        for what, service in claims(each.arguments("")):
            if (first := taken.setdefault((what, service), index)) != index:
                message = f'gives "{service}" {what}, as does traffic[{first}]'
                remedy = "write all of a service's rules in one place"
                yield Mistake(Code.HOST_TAKEN, message, remedy, ("traffic", index))
