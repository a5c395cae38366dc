"""Linkerd, from a stack's config."""

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as kubernetes

import linkerd_access
import linkerd_multicluster
import linkerd_observability
import linkerd_traffic
import linkerd_trust
from linkerd_parts import Registered
from meshwright import GkeMeshFirewall, Linkerd, LinkerdCni, LinkerdSystemNamespace, LinkerdViz
from meshwright.catalog import load_catalog
from meshwright.config.clock import today
from meshwright.config.linkerd import LinkerdMesh
from meshwright.config.shared import Cluster
from meshwright.guidance.rollout import next_step
from meshwright.kubernetes.chart_values import merge
from meshwright.linkerd.cni import plan_cni
from meshwright.linkerd.labels import WEBHOOK_PORTS
from meshwright.linkerd.linkerd import IdentityArgs, LinkerdArgs
from meshwright.linkerd.plan import plan_linkerd, release_of
from meshwright.linkerd.viz import LinkerdVizArgs, plan_viz
from parts import chart_source, cluster_of, gateway_api_crds, provider_of

if TYPE_CHECKING:
    from meshwright.linkerd.cni import LinkerdCniArgs


def deploy(mesh: LinkerdMesh, place: str) -> None:
    """Register the mesh and export what its operators ask for. Raises `ConfigError` without a cluster."""
    cluster = cluster_of(mesh.cluster, place)
    # What can't work is refused before anything is registered.
    plan_linkerd(_linkerd_args(mesh, cluster, {}), "Linkerd mesh")
    if mesh.cni:
        plan_cni(_cni_args(mesh, cluster), "LinkerdCni cni")
    if mesh.viz:
        plan_viz(_viz_args(mesh, cluster), "LinkerdViz viz")
    linkerd_multicluster.check(mesh)
    linkerd_trust.check(mesh)
    provider = provider_of("cluster", cluster)
    bundle = load_catalog().gateway_api_bundle(
        [release_of(mesh.channel, mesh.version, "Linkerd mesh")], mesh.gateway_api.version
    )
    crds = gateway_api_crds(mesh.gateway_api, bundle, cluster, provider)
    namespace = LinkerdSystemNamespace(
        "linkerd",
        {"cni": mesh.cni is not None, "adopt": mesh.control_plane.adopt_namespace},
        pulumi.ResourceOptions(providers=[provider]),
    )
    before: list[pulumi.Resource] = [crds, namespace, *_platform(mesh), *_cni(mesh, cluster, provider)]
    managers = linkerd_trust.cert_manager(mesh, provider)
    issuer = linkerd_trust.identity(mesh, provider, [namespace, *managers])
    linkerd = Linkerd(
        "mesh",
        _linkerd_args(mesh, cluster, linkerd_trust.arguments(issuer)),
        pulumi.ResourceOptions(providers=[provider], depends_on=[*before, *managers, issuer]),
    )
    stands = linkerd_access.deploy(mesh, Registered(provider, linkerd, {}))
    if mesh.viz:
        LinkerdViz("viz", _viz_args(mesh, cluster), stands.after())
    linkerd_multicluster.deploy(mesh, stands, issuer)
    linkerd_observability.deploy(mesh, stands)
    linkerd_traffic.deploy(mesh, stands)
    by_phase = defaultdict(list)
    for each in mesh.namespaces:
        by_phase[each.phase].append(each.name)
    pulumi.export("namespaces", dict(by_phase))
    pulumi.export("restart", linkerd_access.restarts(mesh))
    pulumi.export("versions", {"linkerd": linkerd.version, "gateway-api": crds.version})
    pulumi.export("next", next_step(mesh.namespaces, today(), "linkerd"))


def _platform(mesh: LinkerdMesh) -> Iterator[pulumi.Resource]:
    """Closed ports stop every pod from being created, once webhooks fail closed."""
    if mesh.gke:
        yield GkeMeshFirewall(
            "mesh-firewall",
            {
                "network": mesh.gke.network,
                "control_plane_cidr": mesh.gke.control_plane_cidr,
                "node_tags": list(mesh.gke.node_tags),
                "webhook_ports": list(WEBHOOK_PORTS),
            },
            pulumi.ResourceOptions(
                providers=[pulumi.ProviderResource("gcp", "cluster-network", {"project": mesh.gke.project})]
            ),
        )


def _cni(mesh: LinkerdMesh, cluster: Cluster, provider: kubernetes.Provider) -> Iterator[pulumi.Resource]:
    if mesh.cni:
        yield LinkerdCni("cni", _cni_args(mesh, cluster), pulumi.ResourceOptions(providers=[provider]))


def _cni_args(mesh: LinkerdMesh, cluster: Cluster) -> "LinkerdCniArgs":
    args: LinkerdCniArgs = {"platform": cluster.platform, "channel": mesh.channel, "ipv6": mesh.control_plane.ipv6}
    if cluster.compute:
        args["compute"] = list(cluster.compute)
    if mesh.version:
        args["version"] = mesh.version
    if mesh.cni and mesh.cni.adopt_namespace:
        args["adopt_namespace"] = True
    if mesh.control_plane.hub:
        args["hub"] = mesh.control_plane.hub
    if mesh.control_plane.pull_secrets:
        args["pull_secrets"] = list(mesh.control_plane.pull_secrets)
    if mesh.charts:
        args["charts"] = chart_source(mesh.charts)
    if mesh.values.cni:
        args["values"] = mesh.values.cni
    return args


def _linkerd_args(mesh: LinkerdMesh, cluster: Cluster, identity: IdentityArgs) -> LinkerdArgs:
    control, nodes = mesh.control_plane, mesh.available_nodes
    args: LinkerdArgs = {
        "platform": cluster.platform,
        "channel": mesh.channel,
        "high_availability": mesh.high_availability,
        "identity": identity,
        "inbound_policy": control.inbound_policy,
        "native_sidecars": control.native_sidecars,
        "heartbeat": control.heartbeat,
        "ipv6": control.ipv6,
        "cni": mesh.cni is not None,
    }
    if mesh.version:
        args["version"] = mesh.version
    if mesh.licence:
        _, namespace, key = mesh.licence.split(":")
        args["licence"] = pulumi.Config(namespace).require_secret(key)
    if cluster.kubernetes_version:
        args["kubernetes_version"] = cluster.kubernetes_version
    if nodes is not None:
        args["nodes"] = nodes
    if mesh.trust_domain:
        args["trust_domain"] = mesh.trust_domain
    if mesh.cni and mesh.cni.validator_address:
        args["validator_address"] = mesh.cni.validator_address
    _set_networks(args, mesh)
    if mesh.charts:
        args["charts"] = chart_source(mesh.charts)
    control_plane = merge(linkerd_observability.tracing(mesh), mesh.values.control_plane)
    if mesh.values.crds or control_plane:
        args["values"] = {"crds": mesh.values.crds, "control_plane": control_plane}
    return args


def _set_networks(args: LinkerdArgs, mesh: LinkerdMesh) -> None:
    control = mesh.control_plane
    if control.cluster_networks:
        args["cluster_networks"] = list(control.cluster_networks)
    if control.probe_networks:
        args["probe_networks"] = list(control.probe_networks)
    if control.opaque_ports:
        args["opaque_ports"] = list(control.opaque_ports)
    if control.hub:
        args["hub"] = control.hub
    if control.pull_secrets:
        args["pull_secrets"] = list(control.pull_secrets)
    if control.prometheus_url:
        args["prometheus_url"] = control.prometheus_url


def _viz_args(mesh: LinkerdMesh, cluster: Cluster) -> LinkerdVizArgs:
    args: LinkerdVizArgs = {
        "platform": cluster.platform,
        "channel": mesh.channel,
        "high_availability": mesh.high_availability,
        "cni": mesh.cni is not None,
    }
    if mesh.version:
        args["version"] = mesh.version
    if mesh.trust_domain:
        args["trust_domain"] = mesh.trust_domain
    if mesh.control_plane.prometheus_url:
        args["prometheus_url"] = mesh.control_plane.prometheus_url
    if mesh.viz and mesh.viz.prometheus_credentials:
        args["prometheus_credentials"] = mesh.viz.prometheus_credentials
    if mesh.viz and mesh.viz.adopt_namespace:
        args["adopt_namespace"] = True
    if mesh.control_plane.hub:
        args["hub"] = mesh.control_plane.hub
    if mesh.control_plane.pull_secrets:
        args["pull_secrets"] = list(mesh.control_plane.pull_secrets)
    if mesh.charts:
        args["charts"] = chart_source(mesh.charts)
    if mesh.values.viz:
        args["values"] = mesh.values.viz
    return args
