"""The kinds that the checks look at, by their names in the API."""

from __future__ import annotations

from typing import Final

from meshwright.health.kinds import CONFIG_MAPS, CRDS, Kind, of_group

POLICY_GROUP: Final = "policy.linkerd.io"

KINDS: Final[dict[str, Kind]] = {
    **of_group("core", "v1", Namespace="namespaces", Node="nodes", Pod="pods", Service="services"),
    **of_group("apps", "v1", Deployment="deployments", StatefulSet="statefulsets", DaemonSet="daemonsets"),
    **of_group("batch", "v1", Job="jobs", CronJob="cronjobs"),
    **of_group("autoscaling", "v2", HorizontalPodAutoscaler="horizontalpodautoscalers"),
    **of_group("policy", "v1", PodDisruptionBudget="poddisruptionbudgets"),
    **of_group(
        "admissionregistration.k8s.io",
        "v1",
        ValidatingWebhookConfiguration="validatingwebhookconfigurations",
        MutatingWebhookConfiguration="mutatingwebhookconfigurations",
    ),
    **of_group("gateway.networking.k8s.io", "v1", HTTPRoute="httproutes", GRPCRoute="grpcroutes"),
    **of_group(POLICY_GROUP, "v1beta3", Server="servers"),
    **of_group(POLICY_GROUP, "v1beta1", ServerAuthorization="serverauthorizations"),
    **of_group(
        POLICY_GROUP,
        "v1alpha1",
        AuthorizationPolicy="authorizationpolicies",
        NetworkAuthentication="networkauthentications",
    ),
    **of_group("linkerd.io", "v1alpha2", ServiceProfile="serviceprofiles"),
    **of_group("multicluster.linkerd.io", "v1alpha3", Link="links"),
    **of_group("cert-manager.io", "v1", Certificate="certificates", Issuer="issuers", ClusterIssuer="clusterissuers"),
}
"""Kinds that are read whole, by name."""

SECOND: Final = {"HTTPRoute": Kind(POLICY_GROUP, "v1beta3", "httproutes")}
"""Kinds of the same name in another group; the checks take both as one."""

APART: Final = {"CustomResourceDefinition": CRDS, "ConfigMap": CONFIG_MAPS}
"""Kinds of which a cluster is asked for a part alone."""
