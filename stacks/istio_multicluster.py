"""The other clusters of an Istio stack's mesh: the gateway, what they read of this one, and what this one reads."""

from typing import TYPE_CHECKING, Any, cast

import pulumi

import istio_certificates
from istio_parts import Registered
from meshwright import EastWestGateway, GlobalServices, RemoteReader, RemoteSecret
from meshwright.config.istio import IstioAmbientMesh
from meshwright.config.istio_multicluster import Multicluster
from meshwright.istio.multicluster.together import Member, check_together

if TYPE_CHECKING:
    from meshwright.istio.multicluster.east_west import EastWestGatewayArgs

_MEMBER, _KUBECONFIG = "member", "remote_kubeconfig"


def deploy(mesh: IstioAmbientMesh, stands: Registered) -> None:
    """Register the cluster's place among others, and export what the other clusters' stacks read."""
    wanted, certificates = mesh.multicluster, mesh.certificates
    if wanted is None or certificates is None:
        return
    EastWestGateway("east-west", _gateway(mesh, wanted), stands.after())
    reader = RemoteReader("reader", {"cluster": wanted.cluster, "server": wanted.api_server}, stands.after())
    waypoints = {each.name: ("waypoint",) if each.waypoint else () for each in mesh.namespaces}
    for namespace, services in wanted.global_services.items():
        GlobalServices(
            f"{namespace}-global",
            {"namespace": namespace, "services": list(services), "waypoints": list(waypoints[namespace])},
            stands.after([stands.namespaces[namespace]]),
        )
    member = {
        "mesh": wanted.mesh,
        "cluster": wanted.cluster,
        "network": wanted.network,
        "trust_domain": mesh.trust_domain or "cluster.local",
        "waypoints": {namespace: list(waypoints[namespace]) for namespace in wanted.global_services},
        "root": istio_certificates.roots(certificates),
    }
    for peer in wanted.peers:
        stack = pulumi.StackReference(peer.stack)
        read = pulumi.Output.all(member, stack.require_output(_MEMBER), stack.require_output(_KUBECONFIG))
        remote: pulumi.Output[str] = read.apply(_once_they_suit)
        RemoteSecret(f"reads-{peer.cluster}", {"cluster": peer.cluster, "kubeconfig": remote}, stands.after())
    pulumi.export(_MEMBER, member)
    pulumi.export(_KUBECONFIG, reader.kubeconfig)


def _gateway(mesh: IstioAmbientMesh, wanted: Multicluster) -> "EastWestGatewayArgs":
    said = wanted.east_west.model_dump(exclude_defaults=True)
    if "source_ranges" in said:
        said["source_ranges"] = list(said["source_ranges"])
    here = {"network": wanted.network, "platform": mesh.cluster.platform}
    if mesh.revision:
        here["revision"] = mesh.revision
    return cast("EastWestGatewayArgs", {**here, **said})


def _once_they_suit(read: list[Any]) -> str:
    """The peer's kubeconfig, once the two are known to be one mesh."""
    here, there, kubeconfig = read
    check_together([_member(here), _member(there)])
    return str(kubeconfig)


def _member(said: dict[str, Any]) -> Member:
    return Member(
        {"mesh": said["mesh"], "cluster": said["cluster"], "network": said["network"]},
        root=said["root"],
        trust_domain=said["trust_domain"],
        waypoints={namespace: tuple(names) for namespace, names in said["waypoints"].items()},
    )
