"""Access in a stack of kind `consul`: services and their proxies, and who may call whom."""

from datetime import date, timedelta
from typing import Annotated, Final, Literal

from pydantic import Field

from meshwright.config.base import Day, Flag, Model, PodLabels, ServiceName, Spelt, Text, Whole
from meshwright.config.gateway_api import HttpPath, Named, Regex, Value
from meshwright.config.shared import Namespace, PhaseName

PERMISSIVE_DAYS: Final = 30
"""How long a namespace is permissive at most, where its stack names no deadline."""
AnyService = Annotated[
    str, Spelt(r"\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?", "service name", "write a service's name, or * for any", limit=63)
]
HttpMethod = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"]
Protocol = Literal["tcp", "http", "http2", "grpc"]
ConsulDuration = Annotated[
    str, Spelt(r"(\d{1,6}(\.\d{1,3})?(ms|s|m|h)){1,4}", "duration", 'write it as "500ms", "5s" or "1m30s"', limit=40)
]
Rate = Annotated[Whole, Field(ge=1, le=2**31 - 1)]
Percent = Annotated[Whole, Field(ge=0, le=100)]


class RouteRate(Model):
    """A rate for some of a service's paths; one of the three is said."""

    path_exact: HttpPath | None = None
    """This path alone."""
    path_prefix: HttpPath | None = None
    """Paths that begin with this."""
    path_regex: Regex | None = None
    """A regular expression for the whole path."""
    requests_per_second: Rate = Field(examples=[50])
    """Of each instance."""
    burst: Rate | None = None
    """Default: the rate."""


class ServiceRateLimit(Model):
    """How many requests each instance of a service takes. Consul Enterprise alone limits rates."""

    requests_per_second: Rate | None = None
    """Of all requests. Default: no limit."""
    burst: Rate | None = None
    """Default: the rate."""
    routes: tuple[RouteRate, ...] = ()
    """Paths with a rate of their own; the first that fits counts."""


class CallerLimits(Model):
    """What a service's proxy holds itself to when it calls others."""

    max_connections: Rate | None = None
    """To each service. Default: 1024, Envoy's."""
    max_pending_requests: Rate | None = None
    """That wait for a connection. Default: 1024."""
    max_concurrent_requests: Rate | None = None
    """At a time, over HTTP/2. Default: 1024."""
    connect_timeout_ms: Rate | None = None
    """Default: 5000."""
    max_failures: Rate | None = None
    """So many failures in a row, and an instance is left out for a while. Default: none is."""
    interval: ConsulDuration | None = None
    """How often instances are judged. Default: 10s."""
    ejection_time: ConsulDuration | None = None
    """For how long one is left out at first. Default: 30s."""
    max_ejection_percent: Percent | None = None
    """Of the instances. Default: 10."""


class ConsulWorkload(Model):
    """A service, and what its pods have to be."""

    protocol: Protocol | None = None
    """What it speaks. Default: the mesh's proxies.protocol."""
    service_account: ServiceName | None = None
    """Its pods' service account. Default: its name, by which alone they can log in."""
    selector: PodLabels | None = None
    """Its Service's selector: no other Service may pick the same pods. Default: not known."""
    max_connections: Rate | None = None
    """Inbound, of each instance. Default: no limit."""
    request_timeout_ms: Rate | None = None
    """For its application to answer. Default: 15000."""
    rate_limit: ServiceRateLimit | None = None
    """Requests that it takes; Consul Enterprise. Default: no limit."""
    calls: CallerLimits | None = None
    """How it calls others."""


class Claim(Model):
    """What a token has to say."""

    path: Annotated[tuple[Text, ...], Field(min_length=1)] = Field(examples=[["realm_access", "role"]])
    """The claim, from the outermost inwards."""
    value: Text = Field(examples=["admin"])
    """What it has to be."""


class NeededToken(Model):
    """A token of an end user that a request has to bring."""

    provider: Text = Field(examples=["login"])
    """Who issued it: a key of the mesh's jwt."""
    claims: tuple[Claim, ...] = ()
    """All of them. Default: any valid token."""


class Allowed(Model):
    """What an intention lets through. All that is said must fit."""

    path_prefix: HttpPath | None = None
    """Paths that begin with this."""
    path_exact: HttpPath | None = None
    """This path alone."""
    path_regex: Regex | None = None
    """A regular expression for the whole path."""
    methods: tuple[HttpMethod, ...] = ()
    """These methods. Default: all."""
    headers: Named[Value] = Field(default_factory=dict)
    """Header: value."""
    headers_regex: Named[Regex] = Field(default_factory=dict)
    """Header: regular expression for the whole value."""
    tokens: tuple[NeededToken, ...] = ()
    """The request needs one of them. Default: none is asked for."""


class Intention(Model):
    """A permission for one service to call another. They add up; what none permits is refused."""

    source: AnyService = Field(alias="from", examples=["web"])
    """The calling service; `*` for any."""
    to: AnyService = Field(examples=["api"])
    """The called service; `*` for any."""
    peer: ServiceName | None = None
    """The peering that the caller comes from. Default: none."""
    allow: tuple[Allowed, ...] = ()
    """HTTP requests that are let through; the first that fits a request decides whether it needs a token. Default:
    every connection."""


class JwtIssuer(Model):
    """An issuer of end users' tokens."""

    issuer: Text = Field(examples=["https://login.example.com/"])
    """The claim `iss` of its tokens."""
    audiences: tuple[Text, ...] = ()
    """A token has to be for one of them. Default: whoever it is for."""
    jwks: Text | None = None
    """Its public keys: a JSON Web Key Set."""
    jwks_uri: Text | None = None
    """Where proxies fetch its public keys, over HTTPS. One of the two."""
    jwks_ca: Text | None = None
    """Certificates, as PEM, that the server of jwks_uri is known by. Default: those of consul-dataplane's image."""
    header: Text | None = None
    """A header that brings the token. Default: `Authorization: Bearer ...`."""
    header_prefix: Text | None = None
    """What stands before the token in it."""
    query: Text | None = None
    """A query parameter that brings it."""
    cookie: Text | None = None
    """A cookie that brings it."""
    clock_skew_seconds: Rate | None = None
    """Default: 30."""


class ConsulProxies(Model):
    """What holds for all proxies of the mesh."""

    protocol: Protocol | None = None
    """Of services that say none. Default: tcp, of which no request is seen."""
    tls_min_version: Literal["1.2", "1.3"] = "1.2"
    """Quoted: the oldest TLS between proxies."""
    strict_paths: Flag | None = None
    """Requests whose path could be read in two ways are refused. Default: where an intention looks at requests."""
    mesh_destinations_only: Flag = False
    """Pods call nothing outside the mesh."""
    access_logs: Literal["stdout", "stderr"] | None = None
    """Where proxies write a line for each request. Default: nowhere."""
    peer_through_mesh_gateways: Flag = False
    """Servers of peerings speak through mesh gateways."""


class ConsulAccessNamespace(Namespace[PhaseName]):
    """What a namespace of Consul's says of its services."""

    deadline: Day | None = None
    """The last day of the phase permissive, in which calls without mutual TLS go past all intentions. Default: 30 days
    after since."""
    transparent_proxy: Flag | None = None
    """Its pods' traffic is redirected to their proxies. Default: control_plane.transparent_proxy."""
    workloads: dict[ServiceName, ConsulWorkload] = Field(default_factory=dict)
    """Name of the service -> what it is, beside those in services."""

    @property
    def all_services(self) -> tuple[str, ...]:
        """Every service that is named, once."""
        return tuple(dict.fromkeys((*self.services, *self.workloads)))

    @property
    def ends(self) -> date | None:
        """The last day of its permissive phase; None in another, or where nothing tells it."""
        if self.phase != "permissive":
            return None
        if self.deadline is None and self.since is not None:
            return self.since + timedelta(days=PERMISSIVE_DAYS)
        return self.deadline
