"""The config of Linkerd's traffic: routes of services, rates that servers take, and the way out."""

from collections.abc import Iterable, Iterator
from ipaddress import ip_network
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from pydantic import AfterValidator, Field, model_validator

from meshwright.config.base import (
    Flag,
    Mistake,
    Model,
    NamespaceName,
    Port,
    ServiceName,
    Spelt,
    Whole,
    refusal,
    repeated,
)
from meshwright.config.gateway_api import RouteBackend, RouteMatch, told
from meshwright.errors import Code
from meshwright.linkerd.traffic.annotations import DURATION, is_condition
from meshwright.linkerd.traffic.checks import claims, contradictions, not_in_linkerd
from meshwright.linkerd.traffic.rates import rate_troubles
from meshwright.linkerd.traffic.since import not_yet
from meshwright.linkerd.traffic.values import DURATION_REMEDY, HOST, is_network
from meshwright.linkerd.traffic.ways_out import egress_troubles, unserved

if TYPE_CHECKING:
    from meshwright.config.linkerd import LinkerdMesh, LinkerdNamespace
    from meshwright.linkerd.traffic.arguments import LinkerdTrafficArgs
    from meshwright.linkerd.traffic.rates import LinkerdRateLimitArgs
    from meshwright.linkerd.traffic.ways_out import LinkerdEgressArgs


def _condition(text: str) -> str:
    if not is_condition(text):
        remedy = 'one of: 5xx, gateway-error, "503", 500-504, or a condition of gRPC'
        raise refusal(Mistake(Code.BAD_VALUE, f'is "{text[:40]}", which is no condition for a retry', remedy))
    return text


def _network(text: str) -> str:
    if not is_network(text):
        message = f'is "{text[:60]}", which is no range of addresses'
        raise refusal(Mistake(Code.BAD_VALUE, message, 'write it as "10.0.0.0/16"'))
    return str(ip_network(text))


LinkerdDuration = Annotated[str, Spelt(DURATION, "duration of Linkerd's", DURATION_REMEDY, limit=9)]
"""One number, one unit."""
Addresses = Annotated[str, AfterValidator(_network)]
Share = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[Whole, Field(ge=1, le=2**32 - 1)]


class LinkerdTrafficModel(Model):
    """A part of the traffic's config, which tells why some keys don't exist."""

    @model_validator(mode="before")
    @classmethod
    def _is_in_linkerd(cls, value: Any) -> Any:
        if isinstance(value, dict):
            keys = {key: None for key in value if isinstance(key, str)}
            if mistakes := tuple(told(not_in_linkerd(keys))):
                raise refusal(*mistakes)
        return value


class LinkerdMatch(LinkerdTrafficModel, RouteMatch):
    """What a request is like. All that is said must hold; at most one of the three paths."""


class LinkerdBackend(LinkerdTrafficModel, RouteBackend):
    """A Service of the namespace that requests go to."""


class LinkerdRetries(LinkerdTrafficModel):
    """When a request is sent again. One with a body of more than 64 KiB never is."""

    # YAML 1.1 reads the key `on` as true; the loader of stack files does not.
    on: tuple[Annotated[str, AfterValidator(_condition)], ...] = Field(examples=[["gateway-error"]])
    """Responses: 5xx, gateway-error, "503", 500-504; for gRPC cancelled, deadline-exceeded, internal,
    resource-exhausted, unavailable."""
    limit: Annotated[Whole, Field(ge=1, le=10)] = 1
    """How often at most, beside the first time."""
    timeout: LinkerdDuration | None = None
    """How long each try may take before the next. Default: no limit."""
    idempotent: Flag = False
    """Every request of this kind may be sent twice. Known of methods such as GET and PUT."""


class LinkerdTimeouts(LinkerdTrafficModel):
    """How long a request may take. None of these is retried."""

    request: LinkerdDuration | None = None
    """From the first byte of the request to the last of the response."""
    response: LinkerdDuration | None = None
    """From the end of the request to the end of the response."""
    idle: LinkerdDuration | None = None
    """Between two frames of a stream."""


class LinkerdRoute(LinkerdTrafficModel):
    """Requests of a kind, and where they go."""

    match: tuple[LinkerdMatch, ...] = ()
    """Any of these. Default: every request; then it is the last route."""
    to: tuple[LinkerdBackend, ...] = ()
    """Default: the service itself."""
    retries: LinkerdRetries | None = None
    """Default: the service's."""
    timeouts: LinkerdTimeouts | None = None
    """Default: the service's."""


class LinkerdCircuitBreaker(LinkerdTrafficModel):
    """When a pod that answers badly is left out for a while. Each caller's proxy decides for itself."""

    mode: Literal["consecutive", "unified"] = Field(examples=["consecutive"])
    """`consecutive`: so many failures in a row. `unified`: that, or too low a success rate; from 2.20 on."""
    max_failures: Annotated[Whole, Field(ge=0, le=2**31 - 1)] | None = None
    """In a row. Default: 7. With `unified`, 0 leaves it to the success rate."""
    min_penalty: LinkerdDuration | None = None
    """How long the pod is left out at first. Default: 1s."""
    max_penalty: LinkerdDuration | None = None
    """How long at most; each failed probe doubles the time. Default: 1m."""
    jitter_ratio: Annotated[float, Field(ge=0, le=100)] | None = None
    """How much is added at random. Default: 0.5."""
    success_rate: Share | None = None
    """Below this share of good responses the pod is left out. Default: 0.8. Only `unified`, as the rest."""
    window: LinkerdDuration | None = None
    """The time over which the share is reckoned. Default: 10s."""
    min_requests: Annotated[Whole, Field(ge=1, le=1_000_000)] | None = None
    """So many responses before the share counts. Default: 5."""
    honor_retry_after: Flag | None = None
    """A pod's Retry-After says how long it is left out. Default: false."""


class LinkerdLoadBias(LinkerdTrafficModel):
    """Pods that fail or limit rates are given less to do."""

    penalty: LinkerdDuration | None = None
    """The latency that a failure counts for. Default: 5s."""
    max_retry_after: LinkerdDuration | None = None
    """How much of a Retry-After is believed. Default: 300s."""


class LinkerdServiceTraffic(LinkerdTrafficModel):
    """How requests to one service are routed, and what happens to those that fail."""

    service: ServiceName = Field(examples=["reviews"])
    """The Service that is addressed."""
    port: Port = Field(examples=[9080])
    """The port of it that the rules are for; one that the Service defines."""
    protocol: Literal["http", "grpc"] = "http"
    """What is spoken on that port."""
    routes: tuple[LinkerdRoute, ...] = ()
    """The first that fits takes the request. What fits none goes to the service itself."""
    retries: LinkerdRetries | None = None
    """Of all requests whose route says none. Default: none."""
    timeouts: LinkerdTimeouts | None = None
    """Of all requests whose route says none. Default: none."""
    circuit_breaker: LinkerdCircuitBreaker | None = None
    """For the pods of the service. Default: none."""
    load_bias: LinkerdLoadBias | None = None
    """`{}`, or with settings, for the pods of the service. Default: off. From 2.20 on."""
    service_profile: Flag = False
    """The service has a ServiceProfile, with which Linkerd ignores all of this: it is refused."""

    def arguments(self, namespace: str) -> "LinkerdTrafficArgs":
        """The arguments of the component."""
        return cast("LinkerdTrafficArgs", {"namespace": namespace, **_said(self)})

    def mistakes(self) -> Iterator[Mistake]:
        """What the rules can't be."""
        return told(contradictions(self.arguments("")))


class RateCaller(LinkerdTrafficModel):
    """A service account that calls."""

    service_account: NamespaceName = Field(examples=["cart"])
    """Its name."""
    namespace: NamespaceName | None = None
    """Default: the server's."""


class RateOverride(LinkerdTrafficModel):
    """Another rate for some callers."""

    rate: Rate = Field(examples=[50])
    """Requests a second, for all of them together."""
    callers: tuple[RateCaller, ...] = Field(examples=[[{"service_account": "cart"}]])
    """Who they are."""


class ServerRateLimit(LinkerdTrafficModel):
    """How many requests a second each pod of a Server takes. What goes beyond is answered with 429."""

    server: NamespaceName = Field(examples=["reviews-http"])
    """Name of the Server."""
    total: Rate | None = None
    """From all callers. Default: no limit."""
    identity: Rate | None = None
    """From one caller, by its identity. Default: no limit."""
    overrides: tuple[RateOverride, ...] = ()
    """Callers with a rate of their own."""

    def arguments(self, namespace: str) -> "LinkerdRateLimitArgs":
        """The arguments of the component."""
        return cast("LinkerdRateLimitArgs", {"namespace": namespace, **_said(self)})

    def mistakes(self) -> Iterator[Mistake]:
        """What Linkerd's webhook would refuse, and what would do nothing."""
        return told(rate_troubles(self.arguments("")))


class OutsideNetwork(LinkerdTrafficModel):
    """A range of addresses outside of the cluster."""

    cidr: Addresses = Field(examples=["0.0.0.0/0"])
    """The range."""
    but: tuple[Addresses, ...] = Field(default=(), alias="except")
    """What in it is none."""


class OutsideRoute(LinkerdTrafficModel):
    """Something outside that may be called."""

    name: NamespaceName = Field(examples=["payments"])
    """Of the route."""
    port: Port = Field(examples=[443])
    """The port that is called."""
    protocol: Literal["http", "tls", "tcp"] = Field(examples=["tls"])
    """What callers speak. Linkerd reads TLSRoute and TCPRoute as v1alpha2: `values.crds` has to ask for them."""
    hosts: tuple[Annotated[str, Spelt(HOST, "DNS name", 'write "api.example.com", or "*.example.com"')], ...] = ()
    """Names that are asked for, in HTTP or in TLS. For `tcp` there are none."""


class LinkerdEgressRules(LinkerdTrafficModel):
    """What may leave the mesh. No strong boundary: a pod can go around its proxy."""

    policy: Literal["allow", "deny"] = Field(examples=["deny"])
    """What becomes of calls that no route takes."""
    networks: tuple[OutsideNetwork, ...] = ()
    """Which addresses. Default: all that are none of the cluster's networks."""
    routes: tuple[OutsideRoute, ...] = ()
    """What may be called."""

    def arguments(self, namespace: str | None = None) -> "LinkerdEgressArgs":
        """The arguments of the component: for all namespaces, or for one."""
        said = {"namespace": namespace} if namespace else {}
        return cast("LinkerdEgressArgs", {**said, **_said(self)})

    def mistakes(self) -> Iterator[Mistake]:
        """What Linkerd would refuse, ignore, or take for something else."""
        return told(egress_troubles(self.arguments()))


class LinkerdMeshEgress(LinkerdEgressRules):
    """What may leave the mesh, from any namespace that has no rules of its own."""

    create_namespace: Flag | None = None
    """Make the namespace linkerd-egress. Default: true."""


def _said(model: Model) -> dict[str, Any]:
    return model.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)


def in_namespace(namespace: "LinkerdNamespace") -> Iterator[Mistake]:
    """What the parts of a namespace's traffic can't be together."""
    taken: dict[tuple[str, str], int] = {}
    for index, each in enumerate(namespace.traffic):
        for claim in claims(each.arguments("")):
            if (first := taken.setdefault(claim, index)) != index:
                message = f'{claim[0]} "{claim[1]}", as does traffic[{first}]: one would undo the other'
                yield Mistake(Code.LINKERD_ROUTE, message, "write all of it in one place", ("traffic", index))
                break
    yield from repeated("rate_limits", [each.server for each in namespace.rate_limits], "server")
    if namespace.phase == "unmeshed":
        for key in ("rate_limits", "egress"):
            if getattr(namespace, key):
                message = "is for a namespace that is unmeshed: no proxy would keep it"
                yield Mistake(Code.CONTRADICTION, message, "remove it, or set phase: audit", (key,))


def in_linkerd(mesh: "LinkerdMesh", version: str) -> Iterator[Mistake]:
    """What of a stack's traffic its release, or its CRDs, don't have."""
    for place, namespace in enumerate(mesh.namespaces):
        for index, each in enumerate(namespace.traffic):
            yield from _at(("namespaces", place, "traffic", index), told(not_yet(each.arguments(""), version)))
        if namespace.egress:
            yield from _at(("namespaces", place, "egress"), _served(mesh, namespace.egress))
    if mesh.egress:
        yield from _at(("egress",), _served(mesh, mesh.egress))


def _served(mesh: "LinkerdMesh", egress: LinkerdEgressRules) -> Iterator[Mistake]:
    if mesh.gateway_api.mode == "skip":
        return iter(())  # whoever owns the CRDs may serve more than the standard bundle does
    return told(unserved(egress.arguments(), mesh.values.crds))


def _at(path: tuple[str | int, ...], mistakes: Iterable[Mistake]) -> Iterator[Mistake]:
    return (each._replace(at=(*path, *each.at)) for each in mistakes)
