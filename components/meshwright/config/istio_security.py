"""Waypoints and security of a stack of kind `istio-ambient`: who goes through a waypoint, and who may call what."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from meshwright.config.base import (
    Day,
    Flag,
    HostName,
    Mistake,
    Model,
    NamespaceName,
    PodLabels,
    Port,
    ServiceName,
    Spelt,
    Text,
    Whole,
    refusal,
    repeated,
)
from meshwright.config.clock import today
from meshwright.errors import Code, Problem
from meshwright.istio.security import migration, tokens
from meshwright.kubernetes.service_accounts import IDENTITY_PATTERN

if TYPE_CHECKING:
    from meshwright.istio.security.migration import RequireSettings
    from meshwright.istio.security.tokens import IssuerArgs


def _no_disable(mode: object) -> object:
    if isinstance(mode, str) and mode.lower() == "disable":
        message = f"is {mode}, which ambient ignores, and on which calls from ambient to sidecars break"
        raise refusal(Mistake(Code.MTLS_DISABLE, message, "write permissive, which takes plaintext too"))
    return mode


Identity = Annotated[
    str, Spelt(IDENTITY_PATTERN, "identity", "write it as namespace/service-account: checkout/cart", limit=317)
]
Method = Annotated[str, Spelt(r"[A-Z]+(-[A-Z]+)*", "HTTP method", "write it in capitals: GET", limit=40)]
HttpPath = Annotated[
    str, Spelt(r"/\S*|\*\S+", "path", 'begin it with a slash; a "*" at its end stands for anything', limit=2000)
]
MtlsMode = Annotated[Literal["permissive", "strict"], BeforeValidator(_no_disable)]


class Canary(Model):
    """A second waypoint of the same settings, for a share of new connections. Alpha, from Istio 1.31 on."""

    weight: Annotated[Whole, Field(ge=0, le=100)] = Field(examples=[10])
    """Its share of new connections, in percent."""
    revision: Annotated[str, Spelt(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", "revision", 'as "1-31-1"', limit=56)] | None = None
    """The control plane's revision or tag that it runs. Default: the mesh's."""


class Require(Model):
    """Nobody reaches the workloads past their waypoint, but these. `require: {}` lets nobody."""

    direct: tuple[Identity, ...] = ()
    """Callers that address pods by design, such as monitoring/prometheus."""
    sidecars: tuple[Identity, ...] = ()
    """Callers that are still sidecars, which never use waypoints."""
    until: Day | None = None
    """The last day on which `sidecars` are let in; after it, the stack is refused."""

    def mistakes(self) -> Iterator[Mistake]:
        """An exception for sidecars ends."""
        settings: RequireSettings = {"sidecars": list(self.sidecars)}
        if self.until is not None:
            settings["until"] = self.until.isoformat()
        yield from told(migration.mistakes(settings, today()))
        yield from repeated("direct", self.direct)
        yield from repeated("sidecars", self.sidecars)

    def suits(self, waypoint_for: str, *at: str) -> Iterator[Mistake]:
        """What can't be required of a waypoint that is for this traffic."""
        return told(migration.traffic_mistakes({"direct": list(self.direct)}, waypoint_for), *at)

    @property
    def callers(self) -> tuple[str, ...]:
        """All that go past the waypoint."""
        return (*self.direct, *self.sidecars)


class UseWaypoint(Model):
    """The waypoint of another namespace, which has to allow this one."""

    namespace: NamespaceName = Field(examples=["platform"])
    """Where it stands."""
    services: tuple[ServiceName, ...] = ()
    """The services that use it. Default: the whole namespace."""
    ingress: Flag = False
    """Traffic from ingress gateways goes through it too."""
    require: Require | None = None
    """Closes the ways past it. Default: whoever addresses a pod goes past it."""


class Call(Model):
    """A call that is allowed: all others are denied."""

    caller: Identity = Field(alias="from", examples=["checkout/cart"])
    """Who calls: namespace/service-account."""
    to: ServiceName | Literal["*"] = Field(examples=["payment"])
    """The service of this namespace that is called. "*" is every pod, where no waypoint is in the path."""
    ports: tuple[Port, ...] = ()
    """Ports: of the service where a waypoint is in the path, of the pods where none is. Default: all."""
    methods: tuple[Method, ...] = ()
    """HTTP methods. Default: all. They need a waypoint."""
    paths: tuple[HttpPath, ...] = ()
    """HTTP paths. Default: all. They need a waypoint."""


class PortMtls(Model):
    """A port with a mode of its own."""

    port: Port = Field(examples=[9090])
    """The pods' port."""
    mode: MtlsMode = Field(examples=["permissive"])
    """`permissive` takes plaintext too, `strict` mutual TLS alone."""


class WorkloadMtls(Model):
    """Pods whose mutual TLS differs from their namespace's."""

    name: ServiceName = Field(examples=["metrics"])
    """The name of the exception."""
    workloads: PodLabels = Field(examples=[{"app": "cart"}])
    """Labels of the pods."""
    mode: MtlsMode | None = None
    """Their mode. Default: the namespace's."""
    ports: tuple[PortMtls, ...] = ()
    """Ports with modes of their own."""

    def mistakes(self) -> Iterator[Mistake]:
        """It says something, and each thing once."""
        yield from repeated("ports", (each.port for each in self.ports), "port")
        if self.mode is None and not self.ports:
            yield Mistake(Code.MISSING_KEY, "has neither mode nor ports", "add one of the two")


class Issuer(Model):
    """Who signs tokens."""

    issuer: Text = Field(examples=["https://login.example.com/"])
    """The claim iss, exactly."""
    jwks_uri: Text | None = None
    """Where its public keys are: https://. Default: what the issuer's OpenID configuration says."""
    audiences: tuple[Text, ...] = ()
    """Values of the claim aud, of which a token has one. Default: any."""
    headers: tuple[Text, ...] = ()
    """Headers with the bare token. Default: Authorization: Bearer."""
    forward: Flag = False
    """The token goes on to the service."""

    def mistakes(self) -> Iterator[Mistake]:
        """Its keys can be had, and nobody can replace them."""
        given: IssuerArgs = {"issuer": self.issuer}
        if self.jwks_uri is not None:
            given["jwks_uri"] = self.jwks_uri
        for problem in tokens.issuer_mistakes([given]):
            said = problem.message.removeprefix("issuers[0]")
            at = ("jwks_uri",) if said.startswith(".jwks_uri") else ()
            yield Mistake(problem.code, said.removeprefix(".jwks_uri").lstrip(), problem.remedy, at)


class Jwt(Model):
    """Tokens of end users, checked at the waypoint."""

    issuers: tuple[Issuer, ...] = Field(examples=[[{"issuer": "https://login.example.com/"}]])
    """Whose tokens are taken."""
    services: tuple[ServiceName, ...] = ()
    """Services that it is for. Default: all that use the waypoint."""
    required: Flag = True
    """A request without a valid token is denied. Istio's own default is that it is let in."""
    open_paths: tuple[HttpPath, ...] = ()
    """Paths that need no token."""
    ports: tuple[Port, ...] = ()
    """The services' ports that speak HTTP, where some don't. Default: all; a TCP port of theirs would be closed."""

    def mistakes(self) -> Iterator[Mistake]:
        """Somebody's tokens are taken."""
        if not self.issuers:
            yield Mistake(Code.BAD_VALUE, "is empty: nobody's token would be taken", "add one", ("issuers",))


class ExternalAuthorization(Model):
    """Requests that an authorizer of the mesh is asked about, by the waypoint."""

    authorizer: Text = Field(examples=["opa"])
    """The name of one in the mesh's `security.authorizers`."""
    services: tuple[ServiceName, ...] = ()
    """Services that it is for. Default: all that use the waypoint."""
    paths: tuple[HttpPath, ...] = ()
    """Paths that it is asked about. Default: all."""


class NamespaceSecurity(Model):
    """Who may call the namespace, and how callers prove who they are."""

    access: Literal["open", "dry-run", "default-deny"] = "open"
    """`open`: whoever reaches a workload may call it. `default-deny`: `calls` alone. `dry-run`: as open, and what
    default-deny would refuse is logged."""
    calls: tuple[Call, ...] = ()
    """All calls that are allowed."""
    workloads: dict[str, PodLabels] = Field(default_factory=dict)
    """Service to the labels of its pods. Default for a service: `app: <service>`."""
    mtls: tuple[WorkloadMtls, ...] = ()
    """Exceptions from the mode of the namespace's phase."""
    jwt: Jwt | None = None
    """Tokens of end users. Default: not looked at."""
    external_authorization: ExternalAuthorization | None = None
    """Requests that somebody else decides on. Default: none."""

    def mistakes(self) -> Iterator[Mistake]:
        """Calls are for a namespace that denies others."""
        yield from repeated("mtls", (each.name for each in self.mtls), "name")
        if self.calls and self.access == "open":
            message = "are listed, and access is open: they would allow nothing that isn't"
            yield Mistake(Code.CONTRADICTION, message, "set access: default-deny, or remove calls", ("calls",))


class Authorizer(Model):
    """A service that decides on requests, known to the whole mesh."""

    name: ServiceName = Field(examples=["opa"])
    """The name by which namespaces ask for it."""
    service: HostName = Field(examples=["opa.policy.svc.cluster.local"])
    """Its host, in full."""
    port: Port = Field(examples=[9191])
    """Its port."""
    protocol: Literal["grpc", "http"] = "grpc"
    """`grpc`: Envoy's ext_authz. `http`: a request that it answers with 200 or not."""
    timeout: Annotated[str, Spelt(r"[1-9]\d{0,4}(ms|s)", "time", 'write it as "2s" or "500ms"', limit=7)] = "2s"
    """How long it may take; after it, requests are denied."""
    headers: tuple[Text, ...] = ()
    """With http: headers of the request that it is sent."""


class MeshSecurity(Model):
    """What the whole mesh knows of callers and authorizers."""

    ingress: tuple[Identity, ...] = ()
    """Ingress gateways: namespace/service-account. One that Istio makes for a Gateway runs as <gateway>-istio."""
    callers: tuple[Identity, ...] = ()
    """Other callers with a mesh certificate whose namespaces are not listed, such as sidecars."""
    dry_run: Flag = False
    """istiod hands dry runs to ztunnel, which `access: dry-run` needs."""
    authorizers: tuple[Authorizer, ...] = ()
    """Services that decide on requests."""

    def mistakes(self) -> Iterator[Mistake]:
        """Each is named once."""
        yield from repeated("ingress", self.ingress)
        yield from repeated("callers", self.callers)
        yield from repeated("authorizers", (each.name for each in self.authorizers), "name")


def told(problems: Iterator[Problem], *at: Any) -> Iterator[Mistake]:
    """A component's problems as mistakes at a key path."""
    for problem in problems:
        yield Mistake(problem.code, f": {problem.message}", problem.remedy, at)
