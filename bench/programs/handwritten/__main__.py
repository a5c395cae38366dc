"""The same resources as in ``components``, written by hand."""

import pulumi
import pulumi_kubernetes as kubernetes
import yaml
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import ConfigMap, Namespace, NamespacePatch

cluster = kubernetes.Provider("cluster", context="bench")


class Group(pulumi.ComponentResource):
    """A parent."""


def spread(key: str) -> dict[str, object]:
    """Replicas apart."""
    return {
        "maxSkew": 1,
        "topologyKey": key,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"gateway.networking.k8s.io/gateway-name": "waypoint"}},
    }


def parameters() -> dict[str, str]:
    """The waypoint's parameters."""
    zones = [spread("topology.kubernetes.io/zone"), spread("kubernetes.io/hostname")]
    target = {"type": "Utilization", "averageUtilization": 80}
    metrics = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    return {
        "deployment": yaml.safe_dump({"spec": {"template": {"spec": {"topologySpreadConstraints": zones}}}}),
        "horizontalPodAutoscaler": yaml.safe_dump({"spec": {"minReplicas": 2, "maxReplicas": 5, "metrics": metrics}}),
        "podDisruptionBudget": yaml.safe_dump(
            {"spec": {"maxUnavailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow"}}
        ),
    }


for number in range(100):
    name = f"team-{number}"
    group = Group(
        "meshwright:index:AmbientNamespace",
        name,
        {"namespace": name, "phase": "permissive", "waypoint": {"reason": "retries"}},
        pulumi.ResourceOptions(providers=[cluster]),
    )
    below = pulumi.ResourceOptions(parent=group)
    made = Namespace(
        f"{name}-namespace",
        metadata={"name": name, "labels": {"istio.io/dataplane-mode": "ambient"}},
        opts=below,
    )
    inside = pulumi.ResourceOptions(parent=group, depends_on=[made])
    CustomResource(
        f"{name}-peer-authentication",
        api_version="security.istio.io/v1",
        kind="PeerAuthentication",
        metadata={"name": "default", "namespace": name},
        spec={"mtls": {"mode": "PERMISSIVE"}},
        opts=inside,
    )
    proxy = Group("meshwright:index:Waypoint", f"{name}-waypoint", {"namespace": name, "reason": "retries"}, inside)
    config = ConfigMap(
        f"{name}-waypoint-parameters",
        metadata={"name": "waypoint-parameters", "namespace": name},
        data=parameters(),
        immutable=True,
        opts=pulumi.ResourceOptions(parent=proxy, depends_on=[made]),
    )
    gateway = CustomResource(
        f"{name}-waypoint-gateway",
        api_version="gateway.networking.k8s.io/v1",
        kind="Gateway",
        metadata={
            "name": "waypoint",
            "namespace": name,
            "labels": {"istio.io/waypoint-for": "service"},
            "annotations": {"pulumi.com/waitFor": "condition=Programmed"},
        },
        spec={
            "gatewayClassName": "istio-waypoint",
            "infrastructure": {"parametersRef": {"group": "", "kind": "ConfigMap", "name": "waypoint-parameters"}},
            "listeners": [
                {
                    "name": "mesh",
                    "port": 15008,
                    "protocol": "HBONE",
                    "allowedRoutes": {"namespaces": {"from": "Same"}},
                }
            ],
        },
        opts=pulumi.ResourceOptions(parent=proxy, depends_on=[made, config]),
    )
    NamespacePatch(
        f"{name}-use-waypoint",
        metadata={"name": name, "labels": {"istio.io/use-waypoint": "waypoint"}},
        opts=pulumi.ResourceOptions(parent=group, depends_on=[made, gateway, config]),
    )
