"""Consul, from a stack's config."""

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pulumi

import consul_access
import consul_api_gateway
import consul_ca
import consul_hybrid
import consul_observability
import consul_traffic
import consul_vault
from consul_parts import Registered
from meshwright import Consul, ConsulSnapshots, ConsulSystemNamespace, GatewayApiCrds, GkeMeshFirewall
from meshwright.catalog import load_catalog
from meshwright.config.clock import today
from meshwright.config.consul import ConsulMesh
from meshwright.config.consul_api_gateway import service_annotations
from meshwright.config.consul_control import ExternalServers, MeshGateway
from meshwright.config.shared import Cluster
from meshwright.consul.consul import ConsulArgs, ExternalServersArgs
from meshwright.consul.gateways import ApiGatewayArgs, MeshGatewayArgs, TerminatingGatewayArgs
from meshwright.consul.labels import TERMINATING_GATEWAY, WEBHOOK_PORT
from meshwright.consul.plan import plan_consul, release_of
from meshwright.consul.vault.backend import VaultBackendArgs
from meshwright.guidance.rollout import next_step
from meshwright.kubernetes.chart_values import merge
from parts import chart_source, cluster_of, gateway_api_crds, provider_of

if TYPE_CHECKING:
    from meshwright.consul.snapshots import ConsulSnapshotsArgs


def deploy(mesh: ConsulMesh, place: str) -> None:
    """Register the mesh and export what its operators ask for. Raises `ConfigError` without a cluster."""
    cluster = cluster_of(mesh.cluster, place)
    # What can't work is refused before anything is registered.
    consul_ca.check(mesh, place)
    backend = consul_vault.backend(mesh)
    args = _consul_args(mesh, cluster, consul_vault.for_chart(mesh, backend))
    plan_consul(args, "Consul mesh")
    provider = provider_of("cluster", cluster)
    bundle = load_catalog().gateway_api_bundle([release_of(mesh.version, "Consul mesh")], mesh.gateway_api.version)
    crds = gateway_api_crds(mesh.gateway_api, bundle, cluster, provider)
    namespace = ConsulSystemNamespace(
        "consul",
        {
            "vault": mesh.vault is not None,
            "retain": mesh.control_plane.volumes.when_destroyed == "retain" and not mesh.external_servers,
            "adopt": mesh.control_plane.adopt_namespace,
        },
        pulumi.ResourceOptions(providers=[provider]),
    )
    vault = consul_vault.deploy(mesh, [namespace])
    if vault and not vault.ready:
        return
    before = [crds, namespace, *_platform(mesh), *([vault] if vault else [])]
    consul = Consul("mesh", args, pulumi.ResourceOptions(providers=[provider], depends_on=before))
    consul_ca.deploy(mesh, Registered(provider, consul, {}), backend)
    outside = consul_hybrid.services(mesh, Registered(provider, consul, {}))
    stands = consul_access.deploy(mesh, Registered(provider, consul, {}), outside)
    consul_traffic.deploy(mesh, stands)
    consul_api_gateway.deploy(mesh, stands)
    consul_hybrid.clusters(mesh, stands)
    consul_observability.deploy(mesh, stands)
    _snapshots(mesh, stands, backend)
    _export(mesh, stands, crds)


def _snapshots(mesh: ConsulMesh, stands: Registered, backend: VaultBackendArgs | None) -> None:
    wanted, control = mesh.control_plane.snapshots, mesh.control_plane
    if wanted is None:
        return
    args: ConsulSnapshotsArgs = {
        "schedule": wanted.schedule,
        "keep": wanted.keep,
        "size": wanted.size,
        "retain": control.volumes.when_destroyed == "retain",
    }
    if mesh.version:
        args["version"] = mesh.version
    if control.hub:
        args["hub"] = control.hub
    if wanted.claim:
        args["claim"] = wanted.claim
    if wanted.storage_class:
        args["storage_class"] = wanted.storage_class
    if backend:
        args["vault"] = backend
    ConsulSnapshots("snapshots", args, stands.after())


def _export(mesh: ConsulMesh, stands: Registered, crds: GatewayApiCrds) -> None:
    by_phase = defaultdict(list)
    for each in mesh.namespaces:
        by_phase[each.phase].append(each.name)
    pulumi.export("namespaces", dict(by_phase))
    pulumi.export("restart", consul_access.restarts(mesh))
    pulumi.export("versions", {"consul": stands.consul.version, "gateway-api": crds.version})
    licence = load_catalog().features["consul"]["licence"]
    pulumi.export("licence", f"{licence.value}; {licence.note}")
    pulumi.export("next", next_step(mesh.namespaces, today(), "consul"))


def _platform(mesh: ConsulMesh) -> Iterator[pulumi.Resource]:
    """A closed port stops every pod of the mesh's namespaces from being created."""
    if mesh.gke:
        yield GkeMeshFirewall(
            "mesh-firewall",
            {
                "network": mesh.gke.network,
                "control_plane_cidr": mesh.gke.control_plane_cidr,
                "node_tags": list(mesh.gke.node_tags),
                "webhook_ports": [WEBHOOK_PORT],
            },
            pulumi.ResourceOptions(
                providers=[pulumi.ProviderResource("gcp", "cluster-network", {"project": mesh.gke.project})]
            ),
        )


def _consul_args(mesh: ConsulMesh, cluster: Cluster, backend: VaultBackendArgs | None) -> ConsulArgs:
    control = mesh.control_plane
    args: ConsulArgs = {
        "platform": cluster.platform,
        "datacenter": mesh.datacenter,
        "injectors": control.injectors,
        "transparent_proxy": control.transparent_proxy,
        "cni": mesh.cni is not None,
        "metrics": control.metrics,
        "ui": control.ui,
        "api_gateway": _api_gateway(mesh),
        "timeout_s": control.timeout,
    }
    if mesh.version:
        args["version"] = mesh.version
    if backend is not None:
        args["vault"] = backend
    if cluster.compute:
        args["compute"] = list(cluster.compute)
    if cluster.kubernetes_version:
        args["kubernetes_version"] = cluster.kubernetes_version
    if mesh.external_servers:
        args["external_servers"] = _external(mesh.external_servers)
    else:
        _set_servers(args, mesh)
    if gateway := mesh.gateways.mesh:
        args["mesh_gateway"] = _mesh_gateway(gateway)
    if gateways := list(_terminating(mesh)):
        args["terminating_gateways"] = gateways
    _set_images(args, mesh)
    if mesh.peers:
        args["peering"] = True
    if values := merge(consul_hybrid.chart_values(mesh), mesh.values):
        args["values"] = values
    return args


def _set_servers(args: ConsulArgs, mesh: ConsulMesh) -> None:
    control, volumes = mesh.control_plane, mesh.control_plane.volumes
    args["servers"] = mesh.servers
    args["server_size"] = {"cpu": control.server_cpu, "memory": control.server_memory}
    args["storage"] = {"size": volumes.size, "retain": volumes.when_destroyed == "retain"}
    if volumes.storage_class:
        args["storage"]["storage_class"] = volumes.storage_class
    args["spread_zones"] = control.spread_zones
    args["request_limits"] = control.request_limits
    if control.server_config:
        args["server_config"] = control.server_config


def _external(servers: ExternalServers) -> ExternalServersArgs:
    token = servers.bootstrap_token
    args: ExternalServersArgs = {
        "hosts": list(servers.hosts),
        "https_port": servers.https_port,
        "grpc_port": servers.grpc_port,
        "use_system_roots": servers.use_system_roots,
        "skip_server_watch": servers.skip_server_watch,
        "kubernetes_host": servers.kubernetes_host,
        "bootstrap_token": {"secret_name": token.secret, "secret_key": token.key},
    }
    if servers.tls_server_name:
        args["tls_server_name"] = servers.tls_server_name
    if servers.ca:
        args["ca"] = {"secret_name": servers.ca.secret, "secret_key": servers.ca.key}
    return args


def _api_gateway(mesh: ConsulMesh) -> ApiGatewayArgs:
    api = mesh.gateways.api
    args: ApiGatewayArgs = {"replicas": api.replicas, "service_type": api.service_type}
    if copied := service_annotations(mesh):
        args["service_annotations"] = copied
    return args


def _mesh_gateway(gateway: MeshGateway) -> MeshGatewayArgs:
    args: MeshGatewayArgs = {
        "replicas": gateway.replicas,
        "service_type": gateway.service_type,
        "annotations": gateway.annotations,
    }
    if gateway.port:
        args["port"] = gateway.port
    if gateway.node_port:
        args["node_port"] = gateway.node_port
    if gateway.address:
        args["address"] = gateway.address
    return args


def _terminating(mesh: ConsulMesh) -> Iterator[TerminatingGatewayArgs]:
    for each in mesh.gateways.terminating:
        gateway: TerminatingGatewayArgs = {"name": each.name, "replicas": each.replicas}
        if each.service_account_annotations:
            gateway["service_account_annotations"] = each.service_account_annotations
        yield gateway
    if (mesh.external or mesh.functions) and not mesh.gateways.terminating:
        yield {"name": TERMINATING_GATEWAY}


def _set_images(args: ConsulArgs, mesh: ConsulMesh) -> None:
    control = mesh.control_plane
    if control.hub:
        args["hub"] = control.hub
    if control.pull_secrets:
        args["pull_secrets"] = list(control.pull_secrets)
    if control.prometheus_url:
        args["prometheus_url"] = control.prometheus_url
    if control.recursors:
        args["recursors"] = list(control.recursors)
    if mesh.charts:
        args["charts"] = chart_source(mesh.charts)
