"""The kinds that the checks look at, by their names in the API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of object."""

    group: str
    """``core`` for the one without a name."""
    version: str
    plural: str

    @property
    def path(self) -> str:
        """Where the API server lists it, of all namespaces."""
        return f"/api/v1/{self.plural}" if self.group == "core" else f"/apis/{self.group}/{self.version}/{self.plural}"

    @property
    def crd(self) -> str:
        """Name of the CRD that defines it; empty for Kubernetes' own."""
        return f"{self.plural}.{self.group}" if self.group in _OF_CRDS else ""


_OF_CRDS: Final = (
    "cilium.io",
    "gateway.networking.k8s.io",
    "networking.istio.io",
    "security.istio.io",
    "telemetry.istio.io",
    "extensions.istio.io",
)


def _of(group: str, version: str, **plurals: str) -> dict[str, Kind]:
    return {kind: Kind(group, version, plural) for kind, plural in plurals.items()}


KINDS: Final[dict[str, Kind]] = {
    **_of("core", "v1", Namespace="namespaces", Node="nodes", Pod="pods", Service="services"),
    **_of("apps", "v1", Deployment="deployments", StatefulSet="statefulsets", DaemonSet="daemonsets"),
    **_of("autoscaling", "v2", HorizontalPodAutoscaler="horizontalpodautoscalers"),
    **_of("policy", "v1", PodDisruptionBudget="poddisruptionbudgets"),
    **_of("networking.k8s.io", "v1", NetworkPolicy="networkpolicies"),
    **_of(
        "cilium.io",
        "v2",
        CiliumNetworkPolicy="ciliumnetworkpolicies",
        CiliumClusterwideNetworkPolicy="ciliumclusterwidenetworkpolicies",
    ),
    **_of(
        "admissionregistration.k8s.io",
        "v1",
        ValidatingWebhookConfiguration="validatingwebhookconfigurations",
        MutatingWebhookConfiguration="mutatingwebhookconfigurations",
    ),
    **_of(
        "gateway.networking.k8s.io",
        "v1",
        GatewayClass="gatewayclasses",
        Gateway="gateways",
        HTTPRoute="httproutes",
        GRPCRoute="grpcroutes",
        TLSRoute="tlsroutes",
        TCPRoute="tcproutes",
    ),
    **_of(
        "networking.istio.io",
        "v1",
        ServiceEntry="serviceentries",
        WorkloadEntry="workloadentries",
        DestinationRule="destinationrules",
        Sidecar="sidecars",
    ),
    **_of("networking.istio.io", "v1alpha3", EnvoyFilter="envoyfilters"),
    **_of(
        "security.istio.io",
        "v1",
        PeerAuthentication="peerauthentications",
        AuthorizationPolicy="authorizationpolicies",
        RequestAuthentication="requestauthentications",
    ),
    **_of("telemetry.istio.io", "v1", Telemetry="telemetries"),
    **_of("extensions.istio.io", "v1alpha1", WasmPlugin="wasmplugins"),
}
"""Kinds that are read whole, by name."""

CRDS: Final = Kind("apiextensions.k8s.io", "v1", "customresourcedefinitions")
CONFIG_MAPS: Final = Kind("core", "v1", "configmaps")
APART: Final = {"CustomResourceDefinition": CRDS, "ConfigMap": CONFIG_MAPS}
"""Kinds of which a cluster is asked for a part alone."""
