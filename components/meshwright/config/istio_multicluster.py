"""A cluster's place in a mesh of several, in the config of a stack of kind `istio-ambient`."""

from collections.abc import Collection, Iterator
from typing import Annotated, Literal

from pydantic import Field

from meshwright.config.base import Flag, Mistake, Model, NamespaceName, Replicas, ServiceName, Spelt, Text, repeated
from meshwright.errors import Code
from meshwright.istio.multicluster.exposure import exposure_mistakes
from meshwright.istio.multicluster.topology import topology_mistakes

Named = Annotated[
    str, Spelt(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", "name", "use lower-case letters, digits and '-', at most 63", limit=63)
]


class EastWest(Model):
    """The gateway through which the other clusters come in. Its address is private unless it is said otherwise."""

    min_replicas: Replicas = 2
    """Least number of replicas."""
    max_replicas: Replicas | None = None
    """Greatest number of replicas. Default: 5, or min_replicas where that is more."""
    annotations: dict[str, str] = Field(default_factory=dict)
    """Annotations of its Service, by which the platform gives it a private address. Default: those of EKS, GKE and
    AKS."""
    source_ranges: tuple[Text, ...] = ()
    """Networks that may connect, such as 10.20.0.0/16. Default: all that reach the address."""
    public: Text | None = None
    """Why its address is public. Default: it isn't."""

    def mistakes(self) -> Iterator[Mistake]:
        """The autoscaler has a range, and a network is named once."""
        if self.max_replicas is not None and self.min_replicas > self.max_replicas:
            message = f"is {self.min_replicas}, more than max_replicas ({self.max_replicas})"
            yield Mistake(Code.CONTRADICTION, message, "lower it, or raise max_replicas", ("min_replicas",))
        yield from repeated("source_ranges", self.source_ranges)


class Peer(Model):
    """Another cluster of the mesh, which has a stack of this project too."""

    cluster: Named = Field(examples=["us"])
    """Its name."""
    stack: Text = Field(examples=["acme/meshwright/us"])
    """Its stack, `organisation/project/stack`. It has to be up: this stack reads its outputs."""


class Multicluster(Model):
    """The cluster's place in a mesh of several: an istiod in each, and a network each. Beta since Istio 1.29."""

    mesh: Named = Field(examples=["shop"])
    """The mesh's id, the same in all of its clusters."""
    cluster: Named = Field(examples=["eu"])
    """The cluster's name, which no other of them has."""
    network: Named = Field(examples=["eu"])
    """The network of its pods, which no other of them shares."""
    api_server: Annotated[str, Spelt(r"https://\S+", "address", "begin it with https://", limit=2000)] = Field(
        examples=["https://eu.k8s.example.com:6443"]
    )
    """The address of its API server as the other clusters reach it."""
    topology: Literal["multi-primary", "primary-remote"] = "multi-primary"
    """An istiod in each cluster. `primary-remote` doesn't work with ambient."""
    remote_ingress: Flag = False
    """Ingress gateways send requests to other clusters too."""
    baggage: Flag = False
    """Waypoints learn who called from another network, for their metrics."""
    east_west: EastWest = Field(default_factory=EastWest)
    """The gateway through which the other clusters come in."""
    peers: tuple[Peer, ...] = ()
    """The other clusters. Bring each stack up without them first: each reads the others' outputs."""
    global_services: dict[NamespaceName, tuple[ServiceName, ...]] = Field(default_factory=dict)
    """Namespace -> services that requests from any cluster may go to. The namespaces' waypoints are shared with them.
    Each cluster has to say it, and to have the same waypoints."""

    def mistakes(self) -> Iterator[Mistake]:
        """A peer is another cluster, and named once."""
        yield from repeated("peers", (each.cluster for each in self.peers), "cluster")
        for index, each in enumerate(self.peers):
            if each.cluster == self.cluster:
                message = f'is "{each.cluster}", which is this cluster'
                yield Mistake(Code.CONTRADICTION, message, "leave it out", ("peers", index, "cluster"))
        for namespace, services in self.global_services.items():
            for mistake in repeated(namespace, services):
                yield mistake._replace(at=("global_services", *mistake.at))


def unjoined(
    multicluster: Multicluster | None, platform: str, source: str | None, meshed: Collection[str]
) -> Iterator[Mistake]:
    """Why a cluster can't take its place, from what the rest of the stack says.

    Args:
        multicluster: The place; None where the mesh has one cluster.
        platform: What the cluster runs on.
        source: Where the certificates come from; None where nothing is said of it.
        meshed: The namespaces that are in the mesh.
    """
    if multicluster is None:
        return
    for message, remedy in topology_mistakes(multicluster.topology, source):
        yield Mistake(Code.CLUSTER_TOPOLOGY, f": {message}", remedy, ("multicluster",))
    gateway = multicluster.east_west
    for message, remedy in exposure_mistakes(
        platform, own=gateway.annotations, source_ranges=gateway.source_ranges, public=gateway.public
    ):
        yield Mistake(Code.EAST_WEST_ADDRESS, f": {message}", remedy, ("multicluster", "east_west"))
    for namespace in multicluster.global_services:
        if namespace not in meshed:
            message = "is of no namespace that is in the mesh"
            remedy = "list it in namespaces, with phase: permissive or strict"
            yield Mistake(Code.CONTRADICTION, message, remedy, ("multicluster", "global_services", namespace))
