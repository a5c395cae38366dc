"""A cluster's place among linked ones, in the config of a stack of kind `linkerd`."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from meshwright.config.base import Flag, Mistake, Model, NamespaceName, Replicas, ServiceName, Spelt, Text, repeated
from meshwright.config.istio_control import Network
from meshwright.config.istio_multicluster import Named
from meshwright.errors import Code
from meshwright.linkerd.labels import GATEWAY, MULTICLUSTER_NAMESPACE
from meshwright.linkerd.multicluster.exposure import exposure_mistakes
from meshwright.linkerd.multicluster.modes import POD_TO_POD, mode_mistakes

if TYPE_CHECKING:
    from meshwright.config.linkerd import LinkerdMesh

Mode = Literal["hierarchical", "flat", "federated"]
_CALLER = f"{MULTICLUSTER_NAMESPACE}/{GATEWAY}"


class MulticlusterGateway(Model):
    """The gateway through which the other clusters come in."""

    source_ranges: tuple[Text, ...] = ()
    """Networks that may connect, such as 10.20.0.0/16. Needed unless it is `public`."""
    public: Text | None = None
    """Why every network may connect. Default: it may not."""
    replicas: Replicas = 3
    """Each on a node of its own; 2 or more."""
    annotations: dict[str, str] = Field(default_factory=dict)
    """Annotations of its Service, by which your platform gives it a private address. Default: none."""
    addresses: tuple[Text, ...] = ()
    """Where the other clusters reach it. Default: what its load balancer gets."""

    def mistakes(self) -> Iterator[Mistake]:
        """It is not open to all, and survives the loss of a node."""
        yield from repeated("source_ranges", self.source_ranges)
        yield from repeated("addresses", self.addresses)
        for message, remedy in exposure_mistakes(self.source_ranges, self.public):
            yield Mistake(Code.GATEWAY_OPEN, f": {message}", remedy)
        if self.replicas == 1:
            message = "is 1: every restart of it cuts the clusters apart"
            yield Mistake(Code.BAD_VALUE, message, "write 2 or more", ("replicas",))


class LinkedCluster(Model):
    """A cluster whose services are used here. It has a stack of this project too."""

    cluster: Named = Field(examples=["us"])
    """Its name, as its own stack has it."""
    stack: Text = Field(examples=["acme/meshwright/us"])
    """Its stack, `organisation/project/stack`, whose `readers` have this cluster. It has to be up: this stack reads its
    outputs, the credentials among them."""
    modes: tuple[Mode, ...] = ("hierarchical",)
    """How its services are used: `hierarchical` through its gateway; `flat` and `federated` from pod to pod."""

    def mistakes(self) -> Iterator[Mistake]:
        """It is used in some way, and each is named once."""
        yield from repeated("modes", self.modes)
        for message, remedy in mode_mistakes(self.modes):
            yield Mistake(Code.LINK_MODE, f": {message}", remedy, ("modes",))


class LinkerdMulticluster(Model):
    """The cluster's place among linked ones, by the chart linkerd-multicluster."""

    cluster: Named = Field(examples=["eu"])
    """The cluster's name, which no other of them has."""
    api_server: Annotated[str, Spelt(r"https://\S+", "address", "begin it with https://", limit=2000)] | None = Field(
        default=None, examples=["https://eu.k8s.example.com:6443"]
    )
    """The address of its API server as the other clusters reach it. Needed for `readers`."""
    gateway: MulticlusterGateway | None = None
    """The gateway; needed where services of here are exported as `hierarchical`. Default: none."""
    readers: tuple[Named, ...] = ()
    """Clusters that use services of here, by name: each gets a service account and a kubeconfig of its own."""
    links: tuple[LinkedCluster, ...] = ()
    """Clusters whose services are used here. Bring each stack up without them first: each reads the others' outputs."""
    exports: dict[NamespaceName, dict[Mode, tuple[ServiceName, ...]]] = Field(default_factory=dict)
    """Namespace -> mode -> services of it that linked clusters may use. They mirror them into their namespace of the
    same name, which they must have."""
    pod_networks: tuple[Network, ...] = ()
    """Networks of its pods, which no other of them has; needed for `flat` and `federated`."""
    adopt_namespace: Flag = False
    """The namespace linkerd-multicluster exists, and stays when the stack goes."""

    def mistakes(self) -> Iterator[Mistake]:
        """Another cluster is named once, can reach this one, and is used in a way that can work."""
        yield from repeated("readers", self.readers)
        yield from repeated("links", (each.cluster for each in self.links), "cluster")
        yield from repeated("links", (each.stack for each in self.links), "stack")
        yield from repeated("pod_networks", self.pod_networks)
        named: list[tuple[tuple[str | int, ...], str]] = [
            *((("readers", index), each) for index, each in enumerate(self.readers)),
            *((("links", index, "cluster"), each.cluster) for index, each in enumerate(self.links)),
        ]
        for place, name in named:
            if name == self.cluster:
                yield Mistake(Code.CONTRADICTION, f'is "{name}", which is this cluster', "leave it out", place)
        if self.readers and self.api_server is None:
            message, remedy = "are given, and they can't reach the API server", "add api_server"
            yield Mistake(Code.MISSING_KEY, message, remedy, ("readers",))
        for index, link in enumerate(self.links):
            if POD_TO_POD & set(link.modes):
                yield from self._from_pod_to_pod(("links", index, "modes"))
        for namespace, services in self.exports.items():
            yield from self._exported(namespace, services)

    def _exported(self, namespace: str, by_mode: Mapping[Mode, tuple[str, ...]]) -> Iterator[Mistake]:
        for mode, services in by_mode.items():
            for mistake in repeated(mode, services):
                yield mistake._replace(at=("exports", namespace, *mistake.at))
            if mode in POD_TO_POD:
                yield from self._from_pod_to_pod(("exports", namespace, mode))
            elif self.gateway is None:
                message = "goes through the gateway, and there is none"
                remedy = "add gateway, or export them as flat"
                yield Mistake(Code.LINK_MODE, message, remedy, ("exports", namespace, mode))
        for index, service in enumerate(by_mode.get("flat", ())):
            if service in by_mode.get("hierarchical", ()):
                message = f'is "{service}", which is hierarchical too: both are values of one label'
                yield Mistake(Code.LINK_MODE, message, "keep one of the two", ("exports", namespace, "flat", index))

    def _from_pod_to_pod(self, place: tuple[str | int, ...]) -> Iterator[Mistake]:
        if not self.pod_networks:
            message = "has pods called directly, and the pod networks of here are unknown"
            remedy = "add pod_networks, routed between the clusters, or use hierarchical alone"
            yield Mistake(Code.LINK_MODE, message, remedy, place)


def unlinked(mesh: "LinkerdMesh") -> Iterator[Mistake]:
    """Why a cluster can't take its place among others, from what the rest of its stack says."""
    wanted, nodes = mesh.multicluster, mesh.available_nodes
    if wanted is None:
        return
    if wanted.gateway and nodes is not None and nodes < wanted.gateway.replicas:
        message = f"is {wanted.gateway.replicas}, each of which needs a node, and there are {nodes}"
        place = ("multicluster", "gateway", "replicas")
        yield Mistake(Code.LINKERD_NODES, message, "lower it, or add nodes", place)
    meshed = {each.name: each for each in mesh.namespaces if each.phase != "unmeshed"}
    for name, by_mode in wanted.exports.items():
        if name not in meshed:
            message, remedy = "is of no namespace that is in the mesh", "list it in namespaces, with phase: audit"
            yield Mistake(Code.CONTRADICTION, message, remedy, ("multicluster", "exports", name))
            continue
        callers = {each.caller for each in meshed[name].security.calls}
        if by_mode.get("hierarchical") and meshed[name].phase == "deny" and not callers & {_CALLER, None}:
            message = f"is of a namespace in phase deny, which lets no call from {_CALLER} in"
            remedy = f"add {{from: {_CALLER}, to: ...}} to its security.calls"
            yield Mistake(Code.CONTRADICTION, message, remedy, ("multicluster", "exports", name, "hierarchical"))
