"""How Istio runs what it makes for a Gateway: scaled, spread, and with a disruption budget.

Istio's default is one replica and neither autoscaling nor a budget. It makes the three where the Gateway's
``parametersRef`` names a ConfigMap that asks for them, and renders nothing for a key there that it does not know
(``pilot/pkg/config/kube/gatewaycommon/deploymentcontroller.go``).
"""

import hashlib
from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

import yaml

from meshwright.errors import Code
from meshwright.istio.defaults import NODE, ZONE, spread
from meshwright.istio.labels import GATEWAY_NAME
from meshwright.istio.overlays import OVERLAYS
from meshwright.kubernetes.chart_values import merge
from meshwright.kubernetes.errors import refuse


class ScaledSettings(TypedDict):
    """How many replicas there are, and what they are like."""

    min_replicas: NotRequired[int]
    """Default: 2. Istio's default is one replica without autoscaling; where a waypoint is not ready, ztunnel sends
    traffic past it and past its policies."""
    max_replicas: NotRequired[int]
    """Default: 5, or ``min_replicas`` where that is more."""
    cpu_percent: NotRequired[int]
    """Average CPU utilisation, in percent of the request, that autoscaling aims at. Default: 80, as for istiod."""
    resources: NotRequired[dict[str, Any]]
    """Kubernetes resource requirements of the proxy. Default: Istio's own (100m and 128Mi, up to 2 and 1Gi)."""
    overlays: NotRequired[dict[str, Any]]
    """Strategic-merge patches of yours, merged last, by Istio's keys: ``deployment``, ``service``, ``serviceAccount``,
    ``horizontalPodAutoscaler``, ``podDisruptionBudget``. Istio renders nothing at all when it meets another key."""


def check_scaling(args: ScaledSettings, label: str) -> None:
    """Refuse replicas that are no range, and overlays that Istio doesn't know. Raises `ComponentError`, MW-E050."""
    least, most = _replicas(args)
    if not 1 <= least <= most:
        raise refuse(
            Code.BAD_ARGUMENT,
            label,
            f"{least} to {most} replicas is no range",
            "1 <= min_replicas <= max_replicas",
        )
    if unknown := sorted(set(args.get("overlays") or ()) - set(OVERLAYS)):
        raise refuse(
            Code.BAD_ARGUMENT, label, f"the overlay {unknown[0]!r} is unknown", f"one of: {', '.join(OVERLAYS)}"
        )


def _replicas(args: ScaledSettings) -> tuple[int, int]:
    # Numbers of a hosted component arrive as floats.
    least = int(args.get("min_replicas", 2))
    return least, int(args.get("max_replicas", max(5, least)))


def parameters_of(gateway_name: str, args: ScaledSettings) -> dict[str, str]:
    """The ConfigMap's data: one YAML text for each object that Istio renders for the Gateway."""
    least, most = _replicas(args)
    pods = {GATEWAY_NAME: gateway_name}
    pod_spec: dict[str, Any] = {"topologySpreadConstraints": [spread(ZONE, pods), spread(NODE, pods)]}
    if resources := args.get("resources"):
        pod_spec["containers"] = [{"name": "istio-proxy", "resources": resources}]
    cpu = {"type": "Utilization", "averageUtilization": int(args.get("cpu_percent", 80))}
    ours: Mapping[str, Any] = {
        "deployment": {"spec": {"template": {"spec": pod_spec}}},
        "horizontalPodAutoscaler": {
            "spec": {
                "minReplicas": least,
                "maxReplicas": most,
                "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": cpu}}],
            }
        },
        "podDisruptionBudget": {"spec": {"maxUnavailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow"}},
    }
    overlays = merge(ours, args.get("overlays") or {})
    return {kind: yaml.dump(patch, Dumper=_WithoutAliases) for kind, patch in sorted(overlays.items())}


class _WithoutAliases(yaml.SafeDumper):
    """YAML in which everything stands in full."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def digest(data: Mapping[str, str]) -> str:
    """A name for the ConfigMap by its content: a change brings a new one before the old one goes."""
    text = "\0".join(f"{key}\0{value}" for key, value in data.items())
    return hashlib.sha256(text.encode()).hexdigest()[:8]
