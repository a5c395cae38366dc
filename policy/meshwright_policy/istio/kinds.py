"""Type tokens of the Kubernetes objects that rules about Istio read."""

from typing import Final

from meshwright_policy.istio.dataplane import GATEWAY, WAYPOINT
from meshwright_policy.istio.mesh_wide import ISTIO, KUBERNETES_NAMESPACE, PEER_AUTHENTICATION
from meshwright_policy.versions import HELM

__all__ = ["GATEWAY", "HELM", "ISTIO", "KUBERNETES_NAMESPACE", "PEER_AUTHENTICATION", "WAYPOINT"]


def _tokens(group: str, versions: str, *kinds: str) -> tuple[str, ...]:
    return tuple(f"kubernetes:{group}/{version}:{kind}" for kind in kinds for version in versions.split())


SERVICE: Final = _tokens("core", "v1", "Service")
SERVICE_PATCH: Final = _tokens("core", "v1", "ServicePatch")
POD: Final = _tokens("core", "v1", "Pod")
CONFIG_MAP: Final = _tokens("core", "v1", "ConfigMap")
SECRET: Final = _tokens("core", "v1", "Secret")
WORKLOAD: Final = (
    *_tokens("apps", "v1", "Deployment", "StatefulSet", "DaemonSet"),
    *_tokens("batch", "v1", "Job", "CronJob"),
    *POD,
)
NETWORK_POLICY: Final = _tokens("networking.k8s.io", "v1", "NetworkPolicy")
SERVICE_ENTRY: Final = _tokens("networking.istio.io", "v1 v1beta1 v1alpha3", "ServiceEntry")
VIRTUAL_SERVICE: Final = _tokens("networking.istio.io", "v1 v1beta1 v1alpha3", "VirtualService")
DESTINATION_RULE: Final = _tokens("networking.istio.io", "v1 v1beta1 v1alpha3", "DestinationRule")
SIDECAR: Final = _tokens("networking.istio.io", "v1 v1beta1 v1alpha3", "Sidecar")
ENVOY_FILTER: Final = _tokens("networking.istio.io", "v1alpha3", "EnvoyFilter")
AUTHORIZATION_POLICY: Final = _tokens("security.istio.io", "v1 v1beta1", "AuthorizationPolicy")
REQUEST_AUTHENTICATION: Final = _tokens("security.istio.io", "v1 v1beta1", "RequestAuthentication")
WASM_PLUGIN: Final = _tokens("extensions.istio.io", "v1alpha1", "WasmPlugin")
TRAFFIC_EXTENSION: Final = _tokens("extensions.istio.io", "v1alpha1", "TrafficExtension")
TELEMETRY: Final = _tokens("telemetry.istio.io", "v1 v1alpha1", "Telemetry")
ROUTE: Final = (
    *_tokens("gateway.networking.k8s.io", "v1 v1beta1", "HTTPRoute"),
    *_tokens("gateway.networking.k8s.io", "v1", "GRPCRoute"),
)
CRD: Final = _tokens("apiextensions.k8s.io", "v1", "CustomResourceDefinition")
CONFIG_FILE: Final = ("kubernetes:yaml/v2:ConfigFile", "kubernetes:yaml:ConfigFile")
CONFIG_GROUP: Final = ("kubernetes:yaml/v2:ConfigGroup", "kubernetes:yaml:ConfigGroup")
FARGATE: Final = ("aws:eks/fargateProfile:FargateProfile",)
AUTOPILOT: Final = ("gcp:container/cluster:Cluster",)
