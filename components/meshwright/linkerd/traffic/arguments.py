"""What a `LinkerdTraffic` is told."""

from typing import NotRequired, TypedDict

from meshwright.gateway_api import arguments as gateway_api


class Retries(TypedDict):
    """When a request is sent again. One with a body of more than 64 KiB never is."""

    on: list[str]
    """Responses: ``5xx``, ``gateway-error``, ``503``, ``500-504``; for gRPC ``cancelled``, ``deadline-exceeded``,
    ``internal``, ``resource-exhausted`` and ``unavailable``."""
    limit: NotRequired[int]
    """How often at most, beside the first time. Default: 1."""
    timeout: NotRequired[str]
    """How long each try may take before the next. Default: no limit."""
    idempotent: NotRequired[bool]
    """Every request of this kind may be sent twice. Default: false; known of methods such as GET and PUT."""


class Timeouts(TypedDict, total=False):
    """How long a request may take. None of these is retried."""

    request: str
    """From the first byte of the request to the last of the response."""
    response: str
    """From the end of the request to the end of the response."""
    idle: str
    """Between two frames of a stream."""


class Route(gateway_api.Route):
    """Requests of a kind, where they go, and what becomes of those that fail."""

    retries: NotRequired[Retries]
    """Default: the service's."""
    timeouts: NotRequired[Timeouts]
    """Default: the service's."""


class CircuitBreaker(TypedDict):
    """When a pod that answers badly is left out for a while. Each caller's proxy decides for itself."""

    mode: str
    """``consecutive``: so many failures in a row. ``unified``: that, or too low a success rate; from 2.20 on."""
    max_failures: NotRequired[int]
    """In a row. Default: 7. With ``unified``, 0 leaves it to the success rate."""
    min_penalty: NotRequired[str]
    """How long the pod is left out at first. Default: 1s."""
    max_penalty: NotRequired[str]
    """How long at most; each failed probe doubles the time. Default: 1m."""
    jitter_ratio: NotRequired[float]
    """How much is added at random, 0 to 100. Default: 0.5."""
    success_rate: NotRequired[float]
    """Below this share of good responses the pod is left out, 0 to 1. Default: 0.8. Only ``unified``, as the rest."""
    window: NotRequired[str]
    """The time over which the share is reckoned. Default: 10s."""
    min_requests: NotRequired[int]
    """So many responses before the share counts. Default: 5."""
    honor_retry_after: NotRequired[bool]
    """A pod's Retry-After says how long it is left out. Default: false."""


class LoadBias(TypedDict, total=False):
    """Pods that fail or limit rates are given less to do: a fast 429 is no sign of a fast pod."""

    penalty: str
    """The latency that a failure counts for. Default: 5s."""
    max_retry_after: str
    """How much of a Retry-After is believed. Default: 300s."""


class LinkerdTrafficArgs(TypedDict):
    """Arguments of `LinkerdTraffic`."""

    namespace: str
    """Where the service is, and where its routes stand: they hold for callers in every namespace."""
    service: str
    """The Service that is addressed."""
    port: int
    """The port of it that the rules are for; one that the Service defines."""
    protocol: NotRequired[str]
    """What is spoken on that port: ``http`` or ``grpc``. Default: ``http``."""
    routes: NotRequired[list[Route]]
    """What fits none goes to the service itself."""
    retries: NotRequired[Retries]
    """Of all requests to the service whose route says none. Default: none."""
    timeouts: NotRequired[Timeouts]
    """Of all requests to the service whose route says none. Default: none."""
    circuit_breaker: NotRequired[CircuitBreaker]
    """For the pods of the service, and of the Services that its routes lead to. Default: none."""
    load_bias: NotRequired[LoadBias]
    """For the pods of the service. Default: off. From 2.20 on."""
    linkerd_version: NotRequired[str]
    """The release that runs, ``edge-26.8.3`` or ``2.20``. What it has not is refused. Default: the newest."""
    service_profile: NotRequired[bool]
    """The service has a ServiceProfile. Default: false. Then Linkerd ignores all of this, and it is refused."""
