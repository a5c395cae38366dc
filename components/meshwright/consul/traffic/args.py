"""What `ConsulServiceTraffic` takes."""

from typing import NotRequired, TypedDict


class MatchArgs(TypedDict, total=False):
    """What a request is like. All that is said must fit; at most one of the three paths."""

    path: str
    """The whole path."""
    path_prefix: str
    """As text: ``/v1`` fits ``/v10`` too."""
    path_regex: str
    """For the whole path, in RE2's syntax."""
    methods: list[str]
    headers: dict[str, str]
    """Header -> its value."""
    headers_regex: dict[str, str]
    query: dict[str, str]
    """Query parameter -> its value."""
    query_regex: dict[str, str]


class RetriesArgs(TypedDict, total=False):
    """When a request is sent again."""

    attempts: int
    """Beside the first."""
    on: list[str]
    """Conditions of Envoy's: ``5xx``, ``gateway-error``, ``connect-failure``, ``unavailable`` …"""
    statuses: list[int]
    """Status codes."""
    idempotent: bool
    """Every request of this kind may be sent twice. Known of methods such as GET and PUT. Default: false."""


class HeadersArgs(TypedDict, total=False):
    """What becomes of headers."""

    add: dict[str, str]
    set: dict[str, str]
    remove: list[str]


class RouteArgs(TypedDict, total=False):
    """Requests of a kind, and where they go."""

    match: MatchArgs
    """Default: every request; then it is the last route."""
    service: str
    """Default: the service itself."""
    subset: str
    """Of that service. Default: its default subset."""
    prefix_rewrite: str
    """What the matched path or prefix becomes."""
    timeout: str
    """Of the whole request. Default: the resolver's, else 15s."""
    idle_timeout: str
    """Of a stream."""
    retries: RetriesArgs
    """Default: none."""
    request_headers: HeadersArgs
    response_headers: HeadersArgs


class SplitArgs(TypedDict):
    """A share of the requests."""

    weight: float
    """In per cent, to 0.01; all of them are 100."""
    service: NotRequired[str]
    """Default: the service itself."""
    subset: NotRequired[str]


class SubsetArgs(TypedDict, total=False):
    """Some of a service's instances."""

    filter: str
    """An expression on what is registered: ``Service.Meta.version == "v2"``. Default: all."""
    only_passing: bool
    """Those alone that pass their checks. Default: false, those that don't fail."""


class TargetArgs(TypedDict, total=False):
    """Where else instances are."""

    service: str
    subset: str
    datacenter: str
    peer: str


class FailoverArgs(TypedDict, total=False):
    """Where requests go when no instance is healthy, in this order."""

    targets: list[TargetArgs]
    service: str
    subset: str
    datacenters: list[str]
    """With `service` and `subset`; not beside `targets`."""


class HashArgs(TypedDict, total=False):
    """What an instance is picked by. One of the four."""

    header: str
    cookie: str
    query: str
    source_ip: bool
    session: bool
    """The cookie lasts for the session. Default: false."""
    ttl: str
    """How long the cookie lasts; not beside `session`."""


class LoadBalancerArgs(TypedDict):
    """How an instance is picked."""

    policy: str
    """``random``, ``round_robin``, ``least_request``, ``ring_hash`` or ``maglev``."""
    choices: NotRequired[int]
    """``least_request``: the best of so many. Default: 2."""
    min_ring: NotRequired[int]
    max_ring: NotRequired[int]
    """``ring_hash``: its size."""
    hash: NotRequired[list[HashArgs]]
    """``ring_hash`` and ``maglev``: what is hashed, in this order."""


class KnownServiceArgs(TypedDict, total=False):
    """What of another service is known."""

    protocol: str
    """Default: ``default_protocol``."""
    subsets: list[str]


class ConsulServiceTrafficArgs(TypedDict):
    """Arguments of `ConsulServiceTraffic`."""

    service: str
    """The service that is called."""
    namespace: NotRequired[str]
    """Where the objects stand: the service's. Default: there is no Kubernetes, and they are written to Consul's API."""
    protocol: NotRequired[str]
    """Of the service: ``tcp``, ``http``, ``http2`` or ``grpc``. Default: ``tcp``. Off Kubernetes it is also set; in
    Kubernetes `ConsulNamespace` has."""
    routes: NotRequired[list[RouteArgs]]
    """The first that fits takes the request; what fits none goes to the service."""
    split: NotRequired[list[SplitArgs]]
    """Shares of what no route takes elsewhere."""
    subsets: NotRequired[dict[str, SubsetArgs]]
    default_subset: NotRequired[str]
    redirect: NotRequired[TargetArgs]
    """All requests go there instead."""
    failover: NotRequired[dict[str, FailoverArgs]]
    """Subset -> where its requests go when it has no healthy instance; ``*`` for any."""
    connect_timeout: NotRequired[str]
    """Default: 5s."""
    request_timeout: NotRequired[str]
    """Of requests whose route has none. Default: 15s, Envoy's."""
    load_balancer: NotRequired[LoadBalancerArgs]
    services: NotRequired[dict[str, KnownServiceArgs]]
    """Other services that are named here, with what is known of them. Those that aren't in it are refused."""
