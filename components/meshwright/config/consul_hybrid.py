"""What a Consul stack knows outside of its cluster: services elsewhere, functions, and other clusters."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from pydantic import Field

from meshwright.config.base import (
    Flag,
    HostName,
    Mistake,
    Model,
    NamespaceName,
    Port,
    ServiceName,
    Spelt,
    Text,
    repeated,
)
from meshwright.config.consul_access import ConsulDuration, Protocol
from meshwright.config.consul_ca import StackSecret
from meshwright.config.gateway_api import HttpPath, told
from meshwright.consul.hybrid.corefile import forwarding_troubles
from meshwright.consul.hybrid.outside import external_troubles
from meshwright.consul.labels import NAMESPACE, TERMINATING_GATEWAY
from meshwright.errors import Code

if TYPE_CHECKING:
    from meshwright.config.consul import ConsulMesh
    from meshwright.consul.hybrid.exports import ConsulExportsArgs
    from meshwright.consul.hybrid.external import ConsulExternalServiceArgs
    from meshwright.consul.hybrid.function import ConsulFunctionArgs

FunctionArn = Annotated[
    str,
    Spelt(
        r"arn:aws(-[a-z]+)*:lambda:[a-z0-9-]+:\d{12}:function:[\w-]+(:[\w$-]+)?",
        "ARN of a function",
        "write it as arn:aws:lambda:eu-central-1:123456789012:function:resize",
    ),
]


class OutsideCheck(Model):
    """How one knows that a service is healthy; one of the first three. consul-esm looks."""

    http: HttpPath | None = None
    """A path that answers 2xx."""
    tcp: Flag = False
    """Its port takes connections."""
    grpc: Flag = False
    """It answers as grpc.health.v1 has it."""
    interval: ConsulDuration | None = None
    """Default: 10s."""
    timeout: ConsulDuration | None = None
    """Default: 5s."""


class OriginateTls(Model):
    """The gateway speaks TLS with the service."""

    ca_file: Text | None = None
    """What its certificate is verified with: a file in the gateway's container. Default: public authorities."""
    server_name: HostName | None = None
    """The name in its certificate. Default: its host."""


class External(Model):
    """A service outside the mesh, reached through the terminating gateway."""

    name: ServiceName = Field(examples=["billing"])
    """Its name in the mesh."""
    host: HostName = Field(examples=["billing.corp"])
    """Where it is."""
    port: Port = Field(examples=[443])
    """Its port."""
    protocol: Protocol | None = None
    """What it speaks. Default: the mesh's proxies.protocol."""
    check: OutsideCheck | None = None
    """How one knows that it is healthy. Default: it counts as healthy."""
    tls: OriginateTls | None = None
    """The gateway speaks TLS with it: `{}`, or with settings. Default: it hands on what it gets."""
    by_host_name: Flag = False
    """Pods call it by its host, as they did before; with tcp and a host name they have to speak TLS."""
    gateway: ServiceName | None = None
    """The terminating gateway that leads to it. Default: the first."""


class Function(Model):
    """A function of AWS Lambda, called through the terminating gateway as any service."""

    name: ServiceName = Field(examples=["resize"])
    """Its name in the mesh."""
    arn: FunctionArn = Field(examples=["arn:aws:lambda:eu-central-1:123456789012:function:resize"])
    """Its ARN, with a version or an alias where one is meant."""
    payload_passthrough: Flag = False
    """It gets the request's body alone, and not a JSON object that tells of the request."""
    asynchronous: Flag = False
    """Nobody waits for its answer."""
    gateway: ServiceName | None = None
    """The terminating gateway that calls it, with an IAM role that may. Default: the first."""


class Elsewhere(Model):
    """A service with a proxy of its own outside of the cluster: on machines, or in ECS."""

    name: ServiceName = Field(examples=["ledger"])
    """Its name in the mesh."""
    protocol: Protocol | None = None
    """What it speaks. Default: the mesh's proxies.protocol."""


class Peer(Model):
    """Another cluster of Consul."""

    name: ServiceName = Field(examples=["us"])
    """Its name, as intentions have it."""
    role: Literal["accepts", "dials"] = Field(examples=["accepts"])
    """Of this side: `accepts` makes the token, an output of the stack; `dials` uses the one of the other side."""
    token: StackSecret | None = None
    """dials: the other side's token, a secret of the stack."""

    def mistakes(self) -> Iterator[Mistake]:
        """A token is for the side that dials."""
        if self.role == "dials" and self.token is None:
            message = "dials, and has no token"
            remedy = "add token: the output peering_tokens of the other stack, as a secret of this one"
            yield Mistake(Code.MISSING_KEY, message, remedy)
        if self.role == "accepts" and self.token is not None:
            yield Mistake(Code.CONTRADICTION, "is for the side that dials", "remove it", ("token",))


class Export(Model):
    """A service that other clusters may see. An intention says whether they may call it."""

    service: ServiceName = Field(examples=["api"])
    """The service."""
    peers: tuple[ServiceName, ...] = ()
    """Peers that see it."""
    sameness_group: ServiceName | None = None
    """A group that sees it. Consul Enterprise alone. Default: none."""


class Sameness(Model):
    """Clusters whose services of one name are the same. Consul Enterprise alone; else failover leads to peers."""

    group: ServiceName = Field(examples=["shops"])
    """Its name, the same in each of them."""
    peers: Annotated[tuple[ServiceName, ...], Field(min_length=1)] = Field(examples=[["us"]])
    """The other clusters, in the order in which they stand in."""
    default_for_failover: Flag = False
    """For each service without a resolver of its own."""


class CatalogSync(Model):
    """Services of Kubernetes in Consul's catalog, or the other way, for those outside of the mesh."""

    to_consul: Flag = False
    """Services become services of Consul's."""
    to_kubernetes: Flag = False
    """Services of Consul's become Services."""
    all_services: Flag = False
    """All Services, and not those alone that have the annotation consul.hashicorp.com/service-sync."""
    namespaces: tuple[NamespaceName, ...] = ()
    """Whose Services. Default: all, but for kube-system and kube-public."""

    def mistakes(self) -> Iterator[Mistake]:
        """It goes some way."""
        yield from repeated("namespaces", self.namespaces)
        if not self.to_consul and not self.to_kubernetes:
            message = "syncs nothing"
            yield Mistake(Code.CONTRADICTION, message, "set to_consul or to_kubernetes: true, or remove it")


class DnsForwarding(Model):
    """The cluster's DNS asks Consul's for its names, for pods without a proxy: aks, gke, k3s, k3d, openshift."""

    address: Text = Field(examples=["10.100.0.53"])
    """Of the Service consul-dns: a free one of the range of the cluster's Services."""


def external_args(mesh: "ConsulMesh", external: External) -> "ConsulExternalServiceArgs":
    """The arguments of its `ConsulExternalService`."""
    said = external.model_dump(mode="json", exclude_unset=True, exclude_none=True, exclude={"name", "gateway"})
    protocol = external.protocol or mesh.proxies.protocol or "tcp"
    return cast(
        "ConsulExternalServiceArgs", {**said, "service": external.name, "protocol": protocol, "namespace": NAMESPACE}
    )


def function_args(function: Function) -> "ConsulFunctionArgs":
    """The arguments of its `ConsulFunction`."""
    said = function.model_dump(mode="json", exclude_unset=True, exclude_none=True, exclude={"name", "gateway"})
    return cast("ConsulFunctionArgs", {**said, "service": function.name, "namespace": NAMESPACE})


def exports_args(mesh: "ConsulMesh") -> "ConsulExportsArgs":
    """The arguments of the mesh's `ConsulExports`."""
    services = [each.model_dump(mode="json", exclude_unset=True, exclude_none=True) for each in mesh.exports]
    return cast("ConsulExportsArgs", {"services": services, "enterprise": mesh.enterprise, "namespace": NAMESPACE})


def gateway_of(mesh: "ConsulMesh", service: External | Function) -> str:
    """The terminating gateway that leads to it."""
    return service.gateway or next((each.name for each in mesh.gateways.terminating), TERMINATING_GATEWAY)


def outside_facts(mesh: "ConsulMesh") -> dict[str, dict[str, Any]]:
    """Every service outside, and its protocol where it is said: what intentions need to know."""
    said: list[tuple[str, str | None]] = [(each.name, each.protocol) for each in mesh.external]
    said += [(each.name, each.protocol) for each in mesh.elsewhere]
    said += [(each.name, "http") for each in mesh.functions]
    return {name: {"protocol": protocol} if protocol else {} for name, protocol in said}


def homes(mesh: "ConsulMesh") -> dict[str, str]:
    """Service outside -> the key that lists it."""
    keys = ("external", "functions", "elsewhere")
    return {each.name: key for key in keys for each in getattr(mesh, key)}


def mistakes(mesh: "ConsulMesh") -> Iterator[Mistake]:
    """What leads nowhere, or shows more than it seems."""
    for key in ("functions", "elsewhere", "peers"):
        yield from repeated(key, (each.name for each in getattr(mesh, key)), "name")
    yield from repeated("exports", (each.service for each in mesh.exports), "service")
    yield from _named_twice(mesh)
    for index, external in enumerate(mesh.external):
        for mistake in told(external_troubles(external_args(mesh, external))):
            yield mistake._replace(at=("external", index, *mistake.at))
    yield from _gateways(mesh)
    yield from _peers(mesh)
    yield from _exports(mesh)
    yield from _sameness(mesh)
    if mesh.dns_forwarding and mesh.cluster:
        for mistake in told(forwarding_troubles(mesh.cluster.platform, "consul", mesh.dns_forwarding.address)):
            if mistake.at == ("address",):
                yield mistake._replace(at=("dns_forwarding", "address"))
            else:
                yield mistake._replace(message=mistake.message.replace("is", "is for", 1), at=("dns_forwarding",))


def _named_twice(mesh: "ConsulMesh") -> Iterator[Mistake]:
    keys = ("external", "functions", "elsewhere")
    seen: dict[str, str] = {}
    for key in keys:
        for index, each in enumerate(getattr(mesh, key)):
            if seen.setdefault(each.name, key) != key:
                message = f'is "{each.name}", as is one of {seen[each.name]}: to Consul both are one'
                yield Mistake(Code.CONSUL_IDENTITY, message, "give one of them another name", (key, index, "name"))


def _gateways(mesh: "ConsulMesh") -> Iterator[Mistake]:
    known = [each.name for each in mesh.gateways.terminating] or [TERMINATING_GATEWAY]
    for key in ("external", "functions"):
        for index, each in enumerate(getattr(mesh, key)):
            if each.gateway and each.gateway not in known:
                message = f'is "{each.gateway}", and there is no such terminating gateway'
                remedy = f"one of: {', '.join(known)}; or add it to gateways.terminating"
                yield Mistake(Code.CONSUL_OUTSIDE, message, remedy, (key, index, "gateway"))


def _peers(mesh: "ConsulMesh") -> Iterator[Mistake]:
    known = {each.name for each in mesh.peers}
    if known and mesh.gateways.mesh is None:
        message = "need the mesh gateway, which their traffic goes through"
        yield Mistake(Code.CONSUL_PEERING, message, "add gateways.mesh: {}", ("peers",))
    if known and not mesh.proxies.peer_through_mesh_gateways and mesh.external_servers is None:
        message = "would dial the servers' pods, which other clusters don't reach"
        yield Mistake(Code.CONSUL_PEERING, message, "set proxies.peer_through_mesh_gateways: true", ("peers",))


def _exports(mesh: "ConsulMesh") -> Iterator[Mistake]:
    for index, export in enumerate(mesh.exports):
        if not export.peers and export.sameness_group is None:
            message = f"exports {export.service} to nobody"
            yield Mistake(Code.CONSUL_PEERING, message, "name peers, or remove it", ("exports", index))
        yield from _unknown(mesh, export.peers, ("exports", index, "peers"))
        if export.sameness_group and not mesh.enterprise:
            yield _enterprise(("exports", index, "sameness_group"))


def _sameness(mesh: "ConsulMesh") -> Iterator[Mistake]:
    if mesh.sameness is None:
        return
    yield from _unknown(mesh, mesh.sameness.peers, ("sameness", "peers"))
    if not mesh.enterprise:
        yield _enterprise(("sameness", "group"))


def _unknown(mesh: "ConsulMesh", peers: tuple[str, ...], at: tuple[str | int, ...]) -> Iterator[Mistake]:
    known = {each.name for each in mesh.peers}
    for place, peer in enumerate(peers):
        if peer not in known:
            yield Mistake(
                Code.CONSUL_PEERING, f'is "{peer}", and there is no such peer', "add it to peers", (*at, place)
            )


def _enterprise(at: tuple[str | int, ...]) -> Mistake:
    message = "is a sameness group, which Consul Enterprise has, and this mesh runs the community edition"
    remedy = "name peers in exports, and in the failover of a service's traffic; or set enterprise: true"
    return Mistake(Code.CONSUL_SAMENESS, message, remedy, at)
