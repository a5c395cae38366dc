"""The control plane of an Istio stack: what its keys become, and what its platform needs before the mesh is there."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pulumi

from meshwright import CiliumProbePolicy, EksMeshFirewall, GkeMeshFirewall
from meshwright.catalog import Bundle, load_catalog
from meshwright.config.base import seconds
from meshwright.config.istio import IstioAmbientMesh, MeshNamespace
from meshwright.istio.defaults import LARGE_MESH
from meshwright.istio.upgrade.parts import own_tag

if TYPE_CHECKING:
    from meshwright.config.istio_control import Digests, NodeAgents, Upgrade
    from meshwright.istio.ambient import IstioAmbientArgs, NodeAgentsArgs, UpgradeArgs
    from meshwright.istio.platforms.gke import GkeMeshFirewallArgs
    from meshwright.kubernetes.charts import ChartSourceArgs


def set_control_plane(args: "IstioAmbientArgs", mesh: IstioAmbientMesh, charts: "ChartSourceArgs | None") -> None:
    """Set the arguments that say how the control plane and the node agents run.

    Args:
        args: Arguments that are yet to be completed.
        mesh: The stack's config.
        charts: Where the charts of an upgrade come from, as the program sees it; None where the stack doesn't say.
    """
    args["istiod_replicas"] = mesh.istiod.min_replicas or (3 if mesh.environment == "production" else 2)
    if mesh.revision:
        args["revision"] = mesh.revision
    if mesh.tags:
        args["tags"] = dict(mesh.tags)
    if mesh.upgrade:
        args["upgrade"] = _upgrade(mesh.upgrade, charts)
    if mesh.images.variant:
        args["image_variant"] = mesh.images.variant
    if mesh.images.pull_secrets:
        args["image_pull_secrets"] = list(mesh.images.pull_secrets)
    if digests := _digests(mesh.images.digests):
        args["image_digests"] = digests
    if agents := _node_agents(mesh.node_agents):
        args["node_agents"] = agents
    if (mesh.workload.pods or 0) >= LARGE_MESH:
        args["workloads"] = mesh.workload.pods or 0
    if mesh.workload.nodes:
        args["nodes"] = mesh.workload.nodes


def followed_by(namespace: MeshNamespace, mesh: IstioAmbientMesh) -> str | None:
    """The tag or revision that a namespace's waypoint follows."""
    return namespace.tag or own_tag(mesh.tags) or mesh.revision


def gateway_api_bundle(mesh: IstioAmbientMesh) -> Bundle:
    """The CRDs that suit every control plane that runs."""
    catalog = load_catalog()
    versions = [mesh.version, *([mesh.upgrade.to] if mesh.upgrade else [])]
    return catalog.gateway_api_bundle([catalog.release("istio", each) for each in versions], mesh.gateway_api.version)


def prepare(mesh: IstioAmbientMesh, cluster: pulumi.ProviderResource) -> Iterator[pulumi.Resource]:
    """Open the ports, and let probes through, before the mesh is there: closed ports stop every write to it."""
    if mesh.eks and mesh.eks.region and mesh.eks.node_security_group and mesh.eks.control_plane_security_group:
        from pulumi_aws import Provider

        yield EksMeshFirewall(
            "mesh-firewall",
            {
                "node_security_group": mesh.eks.node_security_group,
                "control_plane_security_group": mesh.eks.control_plane_security_group,
            },
            pulumi.ResourceOptions(providers=[Provider("cluster-network", region=mesh.eks.region)]),
        )
    if mesh.gke:
        firewall: GkeMeshFirewallArgs = {
            "network": mesh.gke.network,
            "control_plane_cidr": mesh.gke.control_plane_cidr,
            "node_tags": list(mesh.gke.node_tags),
        }
        if mesh.gke.pod_cidrs:
            firewall["pod_cidrs"] = list(mesh.gke.pod_cidrs)
        network = pulumi.ProviderResource("gcp", "cluster-network", {"project": mesh.gke.project})
        yield GkeMeshFirewall("mesh-firewall", firewall, pulumi.ResourceOptions(providers=[network]))
    if mesh.cluster.cni == "cilium" and (mesh.cilium is None or mesh.cilium.allow_probes):
        yield CiliumProbePolicy("cilium-probes", {}, pulumi.ResourceOptions(providers=[cluster]))


def _upgrade(upgrade: "Upgrade", charts: "ChartSourceArgs | None") -> "UpgradeArgs":
    args: UpgradeArgs = {"to": upgrade.to, "step": upgrade.step}
    if upgrade.revision:
        args["revision"] = upgrade.revision
    if charts:
        args["charts"] = charts
    if digests := _digests(upgrade.digests):
        args["image_digests"] = digests
    return args


def _digests(digests: "Digests") -> dict[str, str]:
    said: dict[str, str] = digests.model_dump(by_alias=True, exclude_none=True)
    return said


def _node_agents(said: "NodeAgents") -> "NodeAgentsArgs":
    args: NodeAgentsArgs = {}
    if said.grace_period:
        args["grace_period_seconds"] = seconds(said.grace_period)
    if said.ztunnel_update == "on-delete":
        args["ztunnel_on_delete"] = True
    if said.dns_capture is not None:
        args["dns_capture"] = said.dns_capture
    if said.ipv6 is not None:
        args["ipv6"] = said.ipv6
    if said.untaint:
        args["untaint"] = True
    return args
