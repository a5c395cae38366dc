"""The kinds that the checks look at, by their names in the API."""

from __future__ import annotations

from typing import Final

from meshwright.health.kinds import CONFIG_MAPS, CRDS, Kind, of_group

KINDS: Final[dict[str, Kind]] = {
    **of_group("core", "v1", Namespace="namespaces", Node="nodes", Pod="pods", Service="services"),
    **of_group("apps", "v1", Deployment="deployments", StatefulSet="statefulsets", DaemonSet="daemonsets"),
    **of_group("autoscaling", "v2", HorizontalPodAutoscaler="horizontalpodautoscalers"),
    **of_group("policy", "v1", PodDisruptionBudget="poddisruptionbudgets"),
    **of_group("networking.k8s.io", "v1", NetworkPolicy="networkpolicies"),
    **of_group(
        "cilium.io",
        "v2",
        CiliumNetworkPolicy="ciliumnetworkpolicies",
        CiliumClusterwideNetworkPolicy="ciliumclusterwidenetworkpolicies",
    ),
    **of_group(
        "admissionregistration.k8s.io",
        "v1",
        ValidatingWebhookConfiguration="validatingwebhookconfigurations",
        MutatingWebhookConfiguration="mutatingwebhookconfigurations",
    ),
    **of_group(
        "gateway.networking.k8s.io",
        "v1",
        GatewayClass="gatewayclasses",
        Gateway="gateways",
        HTTPRoute="httproutes",
        GRPCRoute="grpcroutes",
        TLSRoute="tlsroutes",
        TCPRoute="tcproutes",
    ),
    **of_group(
        "networking.istio.io",
        "v1",
        ServiceEntry="serviceentries",
        WorkloadEntry="workloadentries",
        DestinationRule="destinationrules",
        Sidecar="sidecars",
    ),
    **of_group("networking.istio.io", "v1alpha3", EnvoyFilter="envoyfilters"),
    **of_group(
        "security.istio.io",
        "v1",
        PeerAuthentication="peerauthentications",
        AuthorizationPolicy="authorizationpolicies",
        RequestAuthentication="requestauthentications",
    ),
    **of_group("telemetry.istio.io", "v1", Telemetry="telemetries"),
    **of_group("extensions.istio.io", "v1alpha1", WasmPlugin="wasmplugins"),
}
"""Kinds that are read whole, by name."""

APART: Final = {"CustomResourceDefinition": CRDS, "ConfigMap": CONFIG_MAPS}
"""Kinds of which a cluster is asked for a part alone."""
