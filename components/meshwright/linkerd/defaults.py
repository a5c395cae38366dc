"""The values that our Linkerd charts get, where they differ from the charts' own, and why.

Sources: the charts of edge-26.8.3 (``values.yaml``, ``values-ha.yaml``, templates), linkerd.io's pages on high
availability, clusters and certificates, and the issues named below. The user's own values are merged on top of these.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from meshwright.linkerd.labels import ISSUER_SCHEME, NAMESPACE, OPAQUE_DEFAULTS, VIZ_NAMESPACE

REPLICAS: Final = 3
"""Of each controller, highly available (``values-ha.yaml``)."""
HEARTBEAT: Final = "20 4 * * *"
"""When the heartbeat runs. The chart takes ten minutes from the moment of rendering (``heartbeat.yaml``), so that it
renders otherwise each time."""
TRUST_MARKER: Final = "meshwright.dev/trust"
"""Annotation of the control plane's pods that changes when they have to read a changed bundle: linkerd-identity reads
it once (``controller/cmd/identity/main.go``)."""

_WEBHOOKS: Final = {
    "proxyInjector": "linkerd-proxy-injector",
    "profileValidator": "linkerd-sp-validator",
    "policyValidator": "linkerd-policy-validator",
}
_VIZ_WEBHOOKS: Final = {"tap": "tap", "tapInjector": "tap-injector"}
_CONTROLLERS: Final = (
    "heartbeatResources",
    "proxyInjectorResources",
    "spValidatorResources",
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the charts need to know of the mesh."""

    platform: str
    highly_available: bool
    fail_closed: bool
    """Webhooks that don't answer stop pods from being created."""
    namespace: str = NAMESPACE
    trust_domain: str = "cluster.local"
    cluster_domain: str = "cluster.local"
    cluster_networks: Sequence[str] = ()
    inbound_policy: str = "audit"
    native_sidecars: bool = True
    ipv6: bool = False
    cni: bool = False
    """linkerd2-cni redirects traffic, and pods need no init container with NET_ADMIN."""
    opaque_ports: Sequence[int] = ()
    """Beside the chart's."""
    probe_networks: Sequence[str] = ()
    heartbeat: str = HEARTBEAT
    """A schedule as cron has it; ``off`` for none."""
    validator_address: str = ""
    hub: str = ""
    """An image registry instead of the charts'."""
    pull_secrets: Sequence[str] = ()
    prometheus_url: str = ""
    managed_webhooks: bool = True
    """The webhooks' certificates are made beside the charts, and not by them."""
    licence: Any = None
    external_ca: bool = True
    scheme: str = ISSUER_SCHEME
    anchors: Any = None
    marker: Any = None


def crds(_: Settings) -> dict[str, Any]:
    """The CRDs. Those of the Gateway API have an owner of their own, once for the cluster."""
    return {"installGatewayAPI": False}


def control_plane(mesh: Settings) -> dict[str, Any]:
    """The control plane."""
    values: dict[str, Any] = {
        "clusterDomain": mesh.cluster_domain,
        # Said in full: it has to be the same in every cluster that shares the mesh.
        "identityTrustDomain": mesh.trust_domain,
        "identity": {"externalCA": mesh.external_ca, "issuer": {"scheme": mesh.scheme}},
        "proxy": _proxy(mesh),
        "cniEnabled": mesh.cni,
        "disableIPv6": not mesh.ipv6,
        # With `Fail`, an injector that is away lets no pod start; with `Ignore`, a pod starts outside of the mesh.
        "webhookFailurePolicy": "Fail" if mesh.fail_closed else "Ignore",
        **_heartbeat(mesh),
        **_control_plane_images(mesh),
    }
    if mesh.managed_webhooks:
        values |= {
            chart_key: {"externalSecret": True, "injectCaFrom": f"{mesh.namespace}/{name}"}
            for chart_key, name in _WEBHOOKS.items()
        }
    if mesh.anchors is not None:
        values["identityTrustAnchorsPEM"] = mesh.anchors
    if mesh.marker is not None:
        values["podAnnotations"] = {TRUST_MARKER: mesh.marker}
    if mesh.cluster_networks:
        values["clusterNetworks"] = ",".join(mesh.cluster_networks)
    if mesh.probe_networks:
        # The chart lets probes come from anywhere: whoever reaches a pod passes for the kubelet on its probes' paths.
        values["policyController"] = {"probeNetworks": list(mesh.probe_networks)}
    if mesh.validator_address:
        # It must be routed and refused, never answered. The chart's is 1.1.1.1:20001, which an air gap drops.
        values["networkValidator"] = {"connectAddr": mesh.validator_address}
    if mesh.prometheus_url:
        values["prometheusUrl"] = mesh.prometheus_url
    if mesh.licence is not None:
        values["license"] = mesh.licence
    return values | (_high_availability() if mesh.highly_available else {})


def cni(mesh: Settings) -> dict[str, Any]:
    """The plugin that redirects pods' traffic, in its own namespace."""
    values: dict[str, Any] = {
        # A pod that started before the plugin was there fails its network validator for ever (linkerd2#11073, #11228);
        # the controller deletes it. The chart leaves it off.
        "repairController": {"enabled": True},
        # Evicted from a node under pressure, the plugin would leave new pods without redirection.
        "priorityClassName": "system-node-critical",
        "disableIPv6": not mesh.ipv6,
        **_CNI_FOLDERS.get(mesh.platform, {}),
    }
    if mesh.platform == "openshift":
        # SELinux lets no unprivileged container write the host's CNI folders (linkerd.io, CNI plugin).
        values["privileged"] = True
    if mesh.hub:
        values["image"] = {"name": f"{mesh.hub}/cni-plugin"}
    return values | _pull_secrets(mesh.pull_secrets)


_CNI_FOLDERS: Final[dict[str, dict[str, Any]]] = {
    # GKE keeps plugins on a writable part of its read-only disk (GKE's own Calico and istio-cni's platform-gke.yaml).
    "gke": {"destCNIBinDir": "/home/kubernetes/bin"},
    # Multus takes chained configurations from here (istio's platform-openshift.yaml).
    "openshift": {"destCNINetDir": "/etc/cni/multus/net.d", "destCNIBinDir": "/var/lib/cni/bin"},
    # k3s keeps its own (istio's platform-k3s.yaml and platform-k3d.yaml).
    "k3s": {
        "destCNINetDir": "/var/lib/rancher/k3s/agent/etc/cni/net.d",
        "destCNIBinDir": "/var/lib/rancher/k3s/data/cni",
    },
    "k3d": {"destCNINetDir": "/var/lib/rancher/k3s/agent/etc/cni/net.d", "destCNIBinDir": "/bin"},
    "microk8s": {
        "destCNINetDir": "/var/snap/microk8s/current/args/cni-network",
        "destCNIBinDir": "/var/snap/microk8s/current/opt/cni/bin",
    },
}
"""Platform -> where CNI files lie, elsewhere than in /etc/cni/net.d and /opt/cni/bin. EKS and AKS have them there."""


def viz(mesh: Settings, credentials: str = "") -> dict[str, Any]:
    """The dashboard, tap and metrics API; with a Prometheus of its own where the mesh names none."""
    values: dict[str, Any] = {
        "clusterDomain": mesh.cluster_domain,
        "identityTrustDomain": mesh.trust_domain,
        "linkerdNamespace": mesh.namespace,
        # The labels that the chart's hook writes are ours from the start. The hook would need an image of its own.
        "createNamespaceMetadataJob": False,
        **{
            chart_key: {"externalSecret": True, "injectCaFrom": f"{VIZ_NAMESPACE}/{name}"}
            for chart_key, name in _VIZ_WEBHOOKS.items()
        },
        **_pull_secrets(mesh.pull_secrets),
    }
    if mesh.hub:
        values["defaultRegistry"] = mesh.hub
    if mesh.prometheus_url:
        # The bundled one forgets after six hours, and loses all of it with its pod.
        values["prometheusUrl"] = mesh.prometheus_url
        values["prometheus"] = {"enabled": False}
    if credentials:
        values["prometheusCredsSecret"] = credentials
    if mesh.highly_available:
        values |= {"enablePodAntiAffinity": True, "enablePodDisruptionBudget": True}
        values["tap"] = {**values["tap"], "replicas": REPLICAS}
    return values


def _proxy(mesh: Settings) -> dict[str, Any]:
    proxy: dict[str, Any] = {
        # The first rung: what `deny` would refuse is let through and logged. The chart's default is silent.
        "defaultInboundPolicy": mesh.inbound_policy,
        # Jobs end, and init containers have the mesh (linkerd2#2833, #7425, #8006). The chart's since 2.20.
        "nativeSidecar": mesh.native_sidecars,
    }
    if mesh.opaque_ports:
        # The value replaces the chart's list: what is missing from it is guessed at for ten seconds a connection.
        proxy["opaquePorts"] = ",".join(map(str, _in_order(OPAQUE_DEFAULTS, mesh.opaque_ports)))
    if mesh.highly_available:
        proxy["resources"] = {"cpu": {"request": "100m"}, "memory": {"limit": "250Mi", "request": "20Mi"}}
    if mesh.hub:
        proxy["image"] = {"name": f"{mesh.hub}/proxy"}
    return proxy


def _in_order(*ports: Iterable[int]) -> list[int]:
    return sorted({port for each in ports for port in each})


def _high_availability() -> dict[str, Any]:
    """The chart's ``values-ha.yaml``, which only ``linkerd install --ha`` reads, but for the proxy's part."""
    return {
        "highAvailability": True,
        "controllerReplicas": REPLICAS,
        "enablePodAntiAffinity": True,
        "enablePodDisruptionBudget": True,
        "controller": {"podDisruptionBudget": {"maxUnavailable": 1}},
        "deploymentStrategy": {"rollingUpdate": {"maxUnavailable": 1, "maxSurge": "25%"}},
        **{key: _resources("250Mi") for key in _CONTROLLERS},
        # It holds the endpoints of the whole mesh, and is what runs out of memory (linkerd2#8270, #9813).
        "destinationResources": _resources("500Mi"),
        "identityResources": {"cpu": {"request": "100m"}, "memory": {"limit": "250Mi", "request": "10Mi"}},
    }


def _resources(limit: str) -> dict[str, Any]:
    return {"cpu": {"request": "100m"}, "memory": {"limit": limit, "request": "50Mi"}}


def _heartbeat(mesh: Settings) -> dict[str, Any]:
    return {"disableHeartBeat": True} if mesh.heartbeat == "off" else {"heartbeatSchedule": mesh.heartbeat}


def _control_plane_images(mesh: Settings) -> dict[str, Any]:
    if not mesh.hub:
        return _pull_secrets(mesh.pull_secrets)
    images = {
        "controllerImage": f"{mesh.hub}/controller",
        "debugContainer": {"image": {"name": f"{mesh.hub}/debug"}},
    }
    return images | _pull_secrets(mesh.pull_secrets)


def _pull_secrets(names: Sequence[str]) -> dict[str, Any]:
    return {"imagePullSecrets": [{"name": name} for name in names]} if names else {}
