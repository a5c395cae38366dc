"""Ways in from outside, in a stack of kind `consul`: gateways of Consul's, their listeners and routes."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from pydantic import Field

from meshwright.config.base import HostName, Mistake, Model, NamespaceName, Port, ServiceName, Spelt, Text, repeated
from meshwright.config.gateway_api import RouteBackend, RouteMatch, told
from meshwright.consul.api_gateway.checks import gateway_troubles
from meshwright.consul.api_gateway.specs import called
from meshwright.consul.intentions.compile import Source, applying
from meshwright.errors import Code

if TYPE_CHECKING:
    from meshwright.config.consul import ConsulMesh
    from meshwright.consul.api_gateway.args import ConsulApiGatewayArgs
    from meshwright.consul.intentions.args import IntentionArgs

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
ListenerHost = Annotated[
    str, Spelt(rf"(\*\.)?{_LABEL}(\.{_LABEL})*", "host name", 'write "shop.example.com" or "*.example.com"')
]


class GatewayCertificate(Model):
    """A Secret with a certificate and its key."""

    secret: Text = Field(examples=["shop-example-com"])
    """Of the type kubernetes.io/tls."""
    namespace: NamespaceName | None = None
    """Default: the gateway's."""


class GatewayListener(Model):
    """A port that clients reach. Each has a port of its own."""

    name: ServiceName = Field(examples=["https"])
    """Its name."""
    port: Port = Field(examples=[443])
    """Of the gateway's Service."""
    protocol: Literal["https", "http"] = "https"
    """What clients speak."""
    hostname: ListenerHost | None = None
    """Requests for this host alone. Default: any."""
    certificates: tuple[GatewayCertificate, ...] = ()
    """With https: one at least; the client's SNI chooses."""
    tls_min_version: Literal["1.2", "1.3"] | None = None
    """Quoted: the oldest TLS that clients may speak. Default: 1.2."""


class GatewayRule(Model):
    """Requests of a kind, and where they go."""

    match: tuple[RouteMatch, ...] = ()
    """Any of these. Default: every request."""
    to: Annotated[tuple[RouteBackend, ...], Field(min_length=1)] = Field(examples=[[{"service": "web"}]])
    """Services of the mesh, and their shares."""
    filters: tuple[dict[str, Any], ...] = ()
    """As an HTTPRoute has them: header modifiers, a prefix rewritten, or a filter of Consul's own."""


class GatewayRoute(Model):
    """Hosts, and rules for their requests."""

    name: ServiceName = Field(examples=["shop"])
    """The HTTPRoute is `<gateway>-<name>`."""
    hosts: tuple[HostName, ...] = ()
    """Without wildcards. Default: any."""
    listeners: tuple[ServiceName, ...] = ()
    """By their names. Default: all that fit its hosts."""
    rules: Annotated[tuple[GatewayRule, ...], Field(min_length=1)] = Field(
        examples=[[{"to": [{"service": "web"}]}]],
    )
    """The one that says most of a request's path is for it."""


class GatewayInstance(Model):
    """A gateway: its pods, its Service, and its routes. Intentions let it call what its routes lead to."""

    name: ServiceName = Field(examples=["edge"])
    """Its name in Kubernetes, and in Consul."""
    namespace: NamespaceName = "consul"
    """Where its pods run."""
    annotations: dict[str, str] = Field(default_factory=dict)
    """Of the Gateway and its Service, for the cloud's load balancer."""
    listeners: Annotated[tuple[GatewayListener, ...], Field(min_length=1)] = Field(
        examples=[[{"name": "https", "port": 443, "certificates": [{"secret": "shop-example-com"}]}]],
    )
    """The ports that clients reach."""
    routes: tuple[GatewayRoute, ...] = ()
    """Where their requests go."""


def gateway_args(mesh: "ConsulMesh", gateway: GatewayInstance) -> "ConsulApiGatewayArgs":
    """The arguments of its `ConsulApiGateway`, with the services alone that its routes name."""
    args = _args(mesh, gateway)
    named = called(args)
    return cast("ConsulApiGatewayArgs", {**args, "services": {name: args["services"][name] for name in named}})


def service_annotations(mesh: "ConsulMesh") -> list[str]:
    """The annotations that gateways' Services get, by their names."""
    return sorted({name for each in mesh.gateways.api.gateways for name in each.annotations})


def gateway_calls(mesh: "ConsulMesh", lines: "list[IntentionArgs]") -> "Iterator[IntentionArgs]":
    """What lets gateways call what their routes lead to, where no line of the stack's says how they may."""
    for name, gateway in {each.name: each for each in mesh.gateways.api.gateways}.items():
        args = _args(mesh, gateway)
        for service in called(args):
            if service in args["services"] and not applying(lines, Source(name), service):
                yield {"source": name, "to": service}


def mistakes(mesh: "ConsulMesh") -> Iterator[Mistake]:
    """What Consul's gateways would refuse, or serve in another way than it is written."""
    gateways, place = mesh.gateways.api.gateways, ("gateways", "api")
    for mistake in repeated("gateways", (each.name for each in gateways), "name"):
        yield mistake._replace(at=(*place, *mistake.at))
    homes = {name: each for each in mesh.namespaces for name in each.all_services}
    taken = {each.name for each in mesh.gateways.terminating} | {each.name for each in mesh.external}
    for index, gateway in enumerate(gateways):
        at = (*place, "gateways", index)
        for mistake in told(gateway_troubles(_args(mesh, gateway))):
            key = tuple("name" if each == "gateway" else each for each in mistake.at)
            yield mistake._replace(at=(*at, *key))
        if gateway.name in taken:
            message = f'is "{gateway.name}", as another service of Consul\'s is'
            yield Mistake(Code.CONSUL_IDENTITY, message, "give the gateway a name of its own", (*at, "name"))
        for service in called(_args(mesh, gateway)):
            if service in homes and homes[service].phase == "unmeshed":
                message = f"leads to {service}, and {homes[service].name} is unmeshed: gateways find meshed pods alone"
                remedy = f"make {homes[service].name} permissive first"
                yield Mistake(Code.CONTRADICTION, message, remedy, (*at, "routes"))


def _args(mesh: "ConsulMesh", gateway: GatewayInstance) -> "ConsulApiGatewayArgs":
    said = gateway.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    services: dict[str, dict[str, str]] = {}
    for space in mesh.namespaces:
        for name in space.all_services:
            workload = space.workloads.get(name)
            protocol = {"protocol": workload.protocol} if workload and workload.protocol else {}
            services[name] = {"namespace": space.name, **protocol}
    default = {"default_protocol": mesh.proxies.protocol} if mesh.proxies.protocol else {}
    return cast("ConsulApiGatewayArgs", {"gateway": said.pop("name"), **said, "services": services, **default})
