"""What the routes of a service are told, whichever mesh has them."""

from typing import NotRequired, TypedDict


class Match(TypedDict, total=False):
    """What a request is like. All that is said must hold; at most one of the three paths."""

    path: str
    """The whole path."""
    path_prefix: str
    """The first elements of the path: ``/v1`` takes ``/v1`` and ``/v1/items``, not ``/v10``."""
    path_regex: str
    """A regular expression (RE2) for the whole path. With Istio it takes a VirtualService: in an HTTPRoute Istio ranks
    it below every prefix, ``/`` among them."""
    methods: list[str]
    """Any of these HTTP methods."""
    headers: dict[str, str]
    """Header -> its value; names in lower case."""
    headers_regex: dict[str, str]
    """Header -> a regular expression (RE2) for the whole value."""
    query: dict[str, str]
    """Query parameter -> its value."""
    query_regex: dict[str, str]
    """Query parameter -> a regular expression (RE2) for the whole value."""
    grpc_service: str
    """Full name of the gRPC service, ``shop.v1.Cart``. Only with protocol ``grpc``."""
    grpc_method: str
    """Name of its method. Only with protocol ``grpc``."""


class Backend(TypedDict):
    """A Service of the same namespace that requests go to."""

    service: str
    """Its name."""
    port: NotRequired[int]
    """Default: the port that the rules are for."""
    weight: NotRequired[int]
    """Its share of the sum of the weights. Default: 1."""


class Route(TypedDict):
    """Requests of a kind, and where they go."""

    match: NotRequired[list[Match]]
    """Any of these. Default: every request; then it is the last route."""
    to: NotRequired[list[Backend]]
    """Default: the service itself."""
