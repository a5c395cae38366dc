"""The values that Consul's chart gets, where they differ from its own, and why.

Sources: the chart of 2.0.3 (``values.yaml`` and templates), developer.hashicorp.com's pages on Kubernetes, and the
issues named below. The user's own values are merged on top of these.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from meshwright.consul.budgets import injector_budget
from meshwright.consul.gateways import ApiGatewayArgs, MeshGatewayArgs, TerminatingGatewayArgs, apart, gateway_values
from meshwright.consul.labels import CNI_NAMESPACE, ENABLED, MESH_NAMESPACE
from meshwright.consul.names import Names
from meshwright.consul.vault.backend import VaultBackendArgs, chart_values, extra_config
from meshwright.kubernetes.chart_values import merge

INJECTORS: Final = 3
METRICS_RETENTION: Final = "5m"
"""What no longer happens is forgotten after the chart's minute, which is Prometheus' own interval: two scrapes that are
a second too far apart miss it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the chart needs to know of the mesh."""

    names: Names
    platform: str
    servers: int = 3
    injectors: int = INJECTORS
    storage: str = "10Gi"
    storage_class: str = ""
    retain_volumes: bool = True
    server_cpu: str = "500m"
    server_memory: str = "1Gi"
    spread_zones: bool = True
    transparent_proxy: bool = True
    cni: bool = False
    """consul-cni redirects traffic, and pods need no init container with NET_ADMIN."""
    metrics: bool = True
    prometheus_url: str = ""
    """For the UI's graphs."""
    ui: bool = True
    peering: bool = False
    request_limits: str = "permissive"
    pull_secrets: Sequence[str] = ()
    recursors: Sequence[str] = ()
    server_config: Mapping[str, Any] = field(default_factory=dict)
    external: Mapping[str, Any] | None = None
    """Values for servers elsewhere: ``externalServers``, and what ACLs and TLS need."""
    vault: VaultBackendArgs | None = None
    mesh_gateway: MeshGatewayArgs | None = None
    api_gateway: ApiGatewayArgs = field(default_factory=ApiGatewayArgs)
    terminating_gateways: Sequence[TerminatingGatewayArgs] = ()


def values(mesh: Settings) -> dict[str, Any]:
    """All of the chart's values."""
    gateways = gateway_values(mesh.mesh_gateway, mesh.api_gateway, mesh.terminating_gateways)
    made = {
        "global": _global(mesh),
        "server": _servers(mesh) if mesh.external is None else {"enabled": False},
        # Agents on nodes are a thing of the past: dataplanes speak with the servers since 1.0.
        "client": {"enabled": False},
        "connectInject": _injector(mesh),
        "dns": {"enabled": True, "enableRedirection": mesh.transparent_proxy},
        "syncCatalog": {"enabled": False},
        # `helm test` would leave pods behind; `meshwright consul check` asks more.
        "tests": {"enabled": False},
    }
    # What is the servers' alone would change nothing with servers elsewhere.
    made = merge(made, mesh.external if mesh.external is not None else {"ui": _ui(mesh)})
    if mesh.vault is not None:
        made = merge(made, chart_values(mesh.vault))
    return merge(made, gateways)


def _global(mesh: Settings) -> dict[str, Any]:
    values: dict[str, Any] = {
        "name": mesh.names.full_name,
        "datacenter": mesh.names.datacenter,
        "domain": mesh.names.domain,
        # `GatewayApiCrds` owns them, once for the cluster (consul#23302, consul-k8s#2651).
        "installK8sNetworkingCRDs": False,
        # TCPRoutes aren't in the standard bundle, and an injector that watches what isn't there crashes (consul#23302).
        "crds": {"enableTcpRoute": False},
        "tls": {"enabled": True, "enableAutoEncrypt": True},
        # With it come the default policy `deny` and tokens for each component.
        "acls": {"manageSystemACLs": True},
        "metrics": _metrics(mesh),
        "peering": {"enabled": mesh.peering},
    }
    if mesh.vault is None and mesh.external is None:
        # A hook makes the key, once, so that the chart renders the same each time.
        values["gossipEncryption"] = {"autoGenerate": True}
    if mesh.external is None:
        values["tls"] |= {"verify": True, "httpsOnly": True}
    if mesh.platform == "openshift":
        values["openshift"] = {"enabled": True}
    if mesh.recursors:
        values["recursors"] = list(mesh.recursors)
    if mesh.pull_secrets:
        values["imagePullSecrets"] = [{"name": name} for name in mesh.pull_secrets]
    return values


def _metrics(mesh: Settings) -> dict[str, Any]:
    if not mesh.metrics:
        return {"enabled": False}
    if mesh.external is not None:
        return {"enabled": True, "agentMetricsRetentionTime": METRICS_RETENTION}
    return {
        "enabled": True,
        "enableAgentMetrics": True,
        # Otherwise `consul_mesh_active_root_ca_expiry` is 0 for ever, and what is measured has its server's name within
        # its own (Consul's telemetry.disable_hostname).
        "disableAgentHostName": True,
        "agentMetricsRetentionTime": METRICS_RETENTION,
    }


def _servers(mesh: Settings) -> dict[str, Any]:
    values: dict[str, Any] = {
        "replicas": mesh.servers,
        "storage": mesh.storage,
        "resources": {
            "requests": {"cpu": mesh.server_cpu, "memory": mesh.server_memory},
            # The chart's limit of 100m throttles elections. Memory stays bounded: Raft keeps its state in it.
            "limits": {"cpu": None, "memory": mesh.server_memory},
        },
        # A lone server can't be spared, and a budget that says so only stops the node from being drained.
        "disruptionBudget": {"enabled": mesh.servers > 1},
        "persistentVolumeClaimRetentionPolicy": {
            "whenDeleted": "Retain" if mesh.retain_volumes else "Delete",
            "whenScaled": "Retain",
        },
        "limits": {"requestLimits": {"mode": mesh.request_limits}},
        "extraConfig": server_config(mesh),
    }
    if mesh.storage_class:
        values["storageClass"] = mesh.storage_class
    if mesh.spread_zones and mesh.servers > 1:
        values["topologySpreadConstraints"] = _zones("server")
    return values


def server_config(mesh: Settings) -> str:
    """The servers' own configuration beside the chart's, as JSON; the same text each time."""
    ours: dict[str, Any] = {
        # Intentions follow the ACLs' default of `deny`; said here, they deny whatever becomes of that.
        "default_intention_policy": "deny",
        **(extra_config(mesh.vault) if mesh.vault else {}),
    }
    return json.dumps(merge(ours, mesh.server_config), sort_keys=True)


def _zones(component: str) -> str:
    """As many servers in a zone as in any other, where that can be: a zone's loss then leaves a quorum."""
    return "\n".join(
        (
            "- maxSkew: 1",
            "  topologyKey: topology.kubernetes.io/zone",
            "  whenUnsatisfiable: ScheduleAnyway",
            "  labelSelector:",
            "    matchLabels:",
            '      app: {{ template "consul.name" . }}',
            '      release: "{{ .Release.Name }}"',
            f"      component: {component}",
        )
    )


def _injector(mesh: Settings) -> dict[str, Any]:
    return {
        "enabled": True,
        "replicas": mesh.injectors,
        # The namespaces that carry the label, and all of their pods: a phase is a namespace's.
        "default": True,
        "namespaceSelector": f"matchLabels:\n  {MESH_NAMESPACE}: {ENABLED}\n",
        "disruptionBudget": injector_budget(mesh.injectors),
        # The chart's limit of 50m lets a rollout of many pods wait for their webhook until it fails.
        "resources": {"limits": {"cpu": None}},
        "transparentProxy": {"defaultEnabled": mesh.transparent_proxy},
        "cni": _cni(mesh),
        "aclBindingRuleSelector": "serviceaccount.name!=default",
        "affinity": apart("connect-injector"),
    }


def _cni(mesh: Settings) -> dict[str, Any]:
    if not mesh.cni:
        return {"enabled": False}
    return {"enabled": True, "namespace": CNI_NAMESPACE, **_CNI_FOLDERS.get(mesh.platform, {})}


_CNI_FOLDERS: Final[dict[str, dict[str, Any]]] = {
    # GKE keeps plugins on a writable part of its read-only disk (the chart's own example).
    "gke": {"cniBinDir": "/home/kubernetes/bin"},
    # OpenShift 4 (kubevirt/cluster-network-addons-operator, pkg/network/cni), where Multus calls every plugin.
    "openshift": {"multus": True, "cniBinDir": "/var/lib/cni/bin", "cniNetDir": "/etc/kubernetes/cni/net.d"},
    # k3s keeps its own (istio's platform-k3s.yaml and platform-k3d.yaml).
    "k3s": {
        "cniNetDir": "/var/lib/rancher/k3s/agent/etc/cni/net.d",
        "cniBinDir": "/var/lib/rancher/k3s/data/cni",
    },
    "k3d": {"cniNetDir": "/var/lib/rancher/k3s/agent/etc/cni/net.d", "cniBinDir": "/bin"},
    "microk8s": {
        "cniNetDir": "/var/snap/microk8s/current/args/cni-network",
        "cniBinDir": "/var/snap/microk8s/current/opt/cni/bin",
    },
}
"""Platform -> where CNI files lie, elsewhere than in /etc/cni/net.d and /opt/cni/bin. EKS and AKS have them there."""


def _ui(mesh: Settings) -> dict[str, Any]:
    if not mesh.ui:
        return {"enabled": False}
    metrics: dict[str, Any] = {"enabled": bool(mesh.prometheus_url)}
    if mesh.prometheus_url:
        metrics["baseURL"] = mesh.prometheus_url
    # Reached by `kubectl port-forward`: whoever has a token sees every service.
    return {"enabled": True, "service": {"type": "ClusterIP"}, "ingress": {"enabled": False}, "metrics": metrics}
