"""Traffic in a stack of kind `consul`: where requests to a service go."""

from typing import Annotated, Literal

from pydantic import Field

from meshwright.config.base import Flag, Model, ServiceName, Spelt, Text, Whole
from meshwright.config.consul_access import ConsulDuration, HttpMethod, Rate
from meshwright.config.gateway_api import HttpPath, Named, Regex, Value

Weight = Annotated[float, Field(ge=0, le=100)]
Status = Annotated[Whole, Field(ge=100, le=599)]
SubsetName = Annotated[
    str, Spelt(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", "subset", "use lower-case letters, digits and '-'", limit=63)
]
AnySubset = Annotated[
    str, Spelt(r"\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?", "subset", "write a subset's name, or * for any", limit=63)
]
RetryCondition = Literal[
    "5xx",
    "gateway-error",
    "reset",
    "connect-failure",
    "envoy-ratelimited",
    "retriable-4xx",
    "refused-stream",
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
]


class ConsulMatch(Model):
    """What a request is like. All that is said must fit; at most one of the three paths."""

    path: HttpPath | None = None
    """The whole path."""
    path_prefix: HttpPath | None = None
    """Paths that begin with this: /v1 takes /v10 too."""
    path_regex: Regex | None = None
    """A regular expression for the whole path."""
    methods: tuple[HttpMethod, ...] = ()
    """Any of these."""
    headers: Named[Value] = Field(default_factory=dict)
    """Header: value."""
    headers_regex: Named[Regex] = Field(default_factory=dict)
    """Header: regular expression for the whole value."""
    query: Named[Value] = Field(default_factory=dict)
    """Query parameter: value."""
    query_regex: Named[Regex] = Field(default_factory=dict)
    """Query parameter: regular expression for the whole value."""


class ConsulRetries(Model):
    """When a request is sent again."""

    attempts: Annotated[Whole, Field(ge=1, le=100)] = 1
    """Beside the first."""
    # YAML 1.1 reads the key `on` as true; the loader of stack files does not.
    on: tuple[RetryCondition, ...] = Field(default=(), examples=[["connect-failure"]])
    """What happened."""
    statuses: tuple[Status, ...] = ()
    """The answer's status."""
    idempotent: Flag = False
    """Every request of this kind may be sent twice. Known of methods such as GET and PUT."""


class HeaderChanges(Model):
    """What becomes of headers."""

    add: Named[Value] = Field(default_factory=dict)
    """Beside those that are there."""
    set: Named[Value] = Field(default_factory=dict)
    """In place of those that are there."""
    remove: tuple[Text, ...] = ()
    """Names."""


class ConsulRoute(Model):
    """Requests of a kind, and where they go."""

    match: ConsulMatch | None = None
    """Default: every request; then it is the last route."""
    service: ServiceName | None = None
    """Default: the service itself."""
    subset: SubsetName | None = None
    """Of that service. Default: its default subset."""
    prefix_rewrite: HttpPath | None = None
    """What the path or prefix that fits becomes."""
    timeout: ConsulDuration | None = None
    """Of the whole request. Default: the service's request_timeout."""
    idle_timeout: ConsulDuration | None = None
    """Of a stream."""
    retries: ConsulRetries | None = None
    """Default: none."""
    request_headers: HeaderChanges | None = None
    """On the way there."""
    response_headers: HeaderChanges | None = None
    """On the way back."""


class ConsulSplit(Model):
    """A share of the requests."""

    weight: Weight = Field(examples=[90])
    """In per cent, to 0.01; all of them are 100."""
    service: ServiceName | None = None
    """Default: the service itself."""
    subset: SubsetName | None = None
    """Of that service."""


class ConsulSubset(Model):
    """Some of a service's instances."""

    filter: Text | None = None
    """An expression: `Service.Meta.version == "v2"`. Default: all instances."""
    only_passing: Flag = False
    """Those alone that pass their checks, and not those with a warning."""


class ConsulTarget(Model):
    """Where else instances are."""

    service: ServiceName | None = None
    """Default: the service itself."""
    subset: SubsetName | None = None
    """Of that service."""
    datacenter: Text | None = None
    """Of a federated datacenter."""
    peer: ServiceName | None = None
    """Of a peering."""


class ConsulFailover(Model):
    """Where requests go when no instance is healthy."""

    targets: tuple[ConsulTarget, ...] = ()
    """In this order."""
    service: ServiceName | None = None
    """Another service; not beside targets."""
    subset: SubsetName | None = None
    """Another subset; not beside targets."""
    datacenters: tuple[Text, ...] = ()
    """In this order; not beside targets."""


class HashPolicy(Model):
    """What an instance is picked by; one of the four."""

    header: Text | None = None
    """A header."""
    cookie: Text | None = None
    """A cookie, which the proxy sets where there is none."""
    query: Text | None = None
    """A query parameter."""
    source_ip: Flag = False
    """The caller's address."""
    session: Flag = False
    """The cookie lasts for the session."""
    ttl: ConsulDuration | None = None
    """How long the cookie lasts."""


class ConsulLoadBalancer(Model):
    """How an instance is picked."""

    policy: Literal["random", "round_robin", "least_request", "ring_hash", "maglev"] = Field(examples=["least_request"])
    """`ring_hash` and `maglev` keep to one instance for one hash."""
    choices: Annotated[Whole, Field(ge=2, le=100)] | None = None
    """least_request: the best of so many. Default: 2."""
    min_ring: Rate | None = None
    """ring_hash: at least so large. Default: 1024."""
    max_ring: Rate | None = None
    """ring_hash: at most so large. Default: 8M."""
    hash: tuple[HashPolicy, ...] = ()
    """What is hashed."""


class ConsulTraffic(Model):
    """Where requests to one service go, for all callers."""

    service: ServiceName = Field(examples=["reviews"])
    """The service that is called."""
    routes: tuple[ConsulRoute, ...] = ()
    """The first that fits takes the request."""
    split: tuple[ConsulSplit, ...] = ()
    """Shares of what no route takes elsewhere."""
    subsets: dict[SubsetName, ConsulSubset] = Field(default_factory=dict)
    """Name -> some of its instances."""
    default_subset: SubsetName | None = None
    """For requests that name none. Default: all instances."""
    redirect: ConsulTarget | None = None
    """All requests go there instead."""
    failover: dict[AnySubset, ConsulFailover] = Field(default_factory=dict)
    """Subset, or `*` -> where its requests go when no instance is healthy."""
    connect_timeout: ConsulDuration | None = None
    """Default: 5s."""
    request_timeout: ConsulDuration | None = None
    """Of requests whose route has none. Default: 15s."""
    load_balancer: ConsulLoadBalancer | None = None
    """Default: round_robin."""
