"""The other clusters of an Istio stack's mesh: the gateway, what they read of this one, and what this one reads."""

from typing import TYPE_CHECKING, Any, cast

import pulumi

import istio_certificates
from istio_parts import Registered
from meshwright import EastWestGateway, GlobalServices, RemoteReader, RemoteSecret
from meshwright.config.istio import IstioAmbientMesh, MeshNamespace
from meshwright.config.istio_multicluster import Multicluster
from meshwright.config.istio_security_checks import trust_domain
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
    by_name = {each.name: each for each in mesh.namespaces}
    for namespace in dict.fromkeys((*wanted.global_services, *_homes(wanted, by_name))):
        services = wanted.global_services.get(namespace, ())
        waypoints = ["waypoint"] if by_name[namespace].waypoint else []
        GlobalServices(
            f"{namespace}-global",
            {"namespace": namespace, "services": list(services), "waypoints": waypoints},
            stands.after([stands.namespaces[namespace]]),
        )
    member = {
        "mesh": wanted.mesh,
        "cluster": wanted.cluster,
        "network": wanted.network,
        "trust_domain": trust_domain(mesh),
        "waypoints": {namespace: _in_front(by_name[namespace]) for namespace in wanted.global_services},
        "root": istio_certificates.roots(certificates),
        "signs": istio_certificates.signing_roots(certificates),
    }
    for peer in wanted.peers:
        stack = pulumi.StackReference(peer.stack)
        read = pulumi.Output.all(member, stack.require_output(_MEMBER), stack.require_output(_KUBECONFIG))
        remote: pulumi.Output[str] = read.apply(_once_they_suit)
        RemoteSecret(f"reads-{peer.cluster}", {"cluster": peer.cluster, "kubeconfig": remote}, stands.after())
    pulumi.export(_MEMBER, member)
    pulumi.export(_KUBECONFIG, reader.kubeconfig)


def _homes(wanted: Multicluster, by_name: dict[str, MeshNamespace]) -> list[str]:
    """Namespaces whose waypoints stand in front of global services of others."""
    return [use.namespace for each in wanted.global_services if (use := by_name[each].use_waypoint)]


def _in_front(namespace: MeshNamespace) -> list[str]:
    """The waypoints that its services have, as the other clusters have to have them too."""
    if use := namespace.use_waypoint:
        return [f"{use.namespace}/waypoint"]
    return ["waypoint"] if namespace.waypoint else []


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
        signs=said.get("signs", ""),
        trust_domain=said["trust_domain"],
        waypoints={namespace: tuple(names) for namespace, names in said["waypoints"].items()},
    )
