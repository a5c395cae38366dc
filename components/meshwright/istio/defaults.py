"""The values that our Istio charts get, where they differ from the charts' own, and why.

Sources: the charts of release-1.31 (``values.yaml``, ``files/profile-*.yaml``), istio.io's ambient pages, and the
issues named below. The user's own values are merged on top of these.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

ZONE = "topology.kubernetes.io/zone"
NODE = "kubernetes.io/hostname"

ZTUNNEL_LOG_LEVELS: Final = {"off": "info,access=off", "errors": "info,access=warn", "all": "info"}
"""Which connections ztunnel logs, as its log filter has it: one line at its end, at the level ``error`` for one that
failed, and ``warn`` for one that was refused at once (ztunnel ``src/proxy/metrics.rs``)."""


def spread(topology_key: str, labels: dict[str, str]) -> dict[str, Any]:
    """Keep replicas apart where that is possible, without leaving one unscheduled where it isn't."""
    return {
        "maxSkew": 1,
        "topologyKey": topology_key,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": labels},
    }


@dataclass(frozen=True, slots=True)
class Settings:
    """What the four charts need to know of the mesh."""

    namespace: str
    agents_namespace: str
    """Where istio-cni and ztunnel run; ``kube-system`` on OpenShift."""
    hub: Any
    platform: str = ""
    """Istio's own platform name for ``global.platform``; empty where Istio has none (EKS, AKS, kind)."""
    revision: str = ""
    trust_domain: Any = None
    istiod_replicas: int = 2
    extension_providers: Sequence[Mapping[str, Any]] = ()
    """What Telemetry and AuthorizationPolicy may name, as ``meshConfig.extensionProviders`` has it."""
    json_logs: bool = False
    ztunnel_access_logs: str = "all"
    """A key of `ZTUNNEL_LOG_LEVELS`."""


def base(settings: Settings) -> dict[str, Any]:
    """CRDs and the default validation webhook."""
    return {
        # The default validator would point at a new revision before that one runs, and refuse every write of Istio's
        # configuration until it does. Each revision brings a validator of its own.
        "defaultRevision": "" if settings.revision else "default",
        "base": _validation(),
        "global": {"istioNamespace": settings.namespace, **_platform(settings)},
    }


def istiod(settings: Settings) -> dict[str, Any]:
    """The control plane."""
    values: dict[str, Any] = {
        "profile": "ambient",
        **_revision(settings),
        # One replica, and with it no disruption budget at all, is the chart's default.
        "autoscaleMin": settings.istiod_replicas,
        "autoscaleMax": max(5, settings.istiod_replicas),
        # Without this a crash-looping replica blocks every node drain.
        "pdb": {"unhealthyPodEvictionPolicy": "AlwaysAllow"},
        "topologySpreadConstraints": [spread(ZONE, {"app": "istiod"}), spread(NODE, {"app": "istiod"})],
        "base": _validation(),
        "global": {"istioNamespace": settings.namespace, "hub": settings.hub, **_platform(settings)},
    }
    if settings.agents_namespace != settings.namespace:
        values["trustedZtunnelNamespace"] = settings.agents_namespace
    if mesh_config := _mesh_config(settings):
        values["meshConfig"] = mesh_config
    if settings.json_logs:
        values["global"]["logAsJson"] = True
    return values


def cni(settings: Settings) -> dict[str, Any]:
    """The node agent that captures pods."""
    values: dict[str, Any] = {
        "profile": "ambient",
        **_revision(settings),
        "global": {"hub": settings.hub, **_platform(settings)},
        # A passing API error would leave a pod outside of the mesh without a word.
        "ambient": {"enableAmbientDetectionRetry": True},
    }
    if settings.platform != "openshift":
        # Pods that start before istio-cni after a node's restart would bypass the mesh. Only a chained plugin can own
        # the configuration; OpenShift's Multus isn't chained.
        values["istioOwnedCNIConfig"] = True
    if settings.json_logs:
        values["global"]["logAsJson"] = True
    return values


def ztunnel(settings: Settings) -> dict[str, Any]:
    """The node proxy."""
    values: dict[str, Any] = {
        "hub": settings.hub,
        **_revision(settings),
        "istioNamespace": settings.namespace,
        # Since 1.25 the chart would name its objects after the release.
        "resourceName": "ztunnel",
        **({"global": _platform(settings)} if settings.platform else {}),
    }
    if settings.ztunnel_access_logs != "all":
        values["logLevel"] = ZTUNNEL_LOG_LEVELS[settings.ztunnel_access_logs]
    if settings.json_logs:
        values["logAsJson"] = True
    return values


def _mesh_config(settings: Settings) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if settings.trust_domain is not None:
        config["trustDomain"] = settings.trust_domain
    if settings.extension_providers:
        config["extensionProviders"] = [dict(each) for each in settings.extension_providers]
    if settings.json_logs:
        # The access log of waypoints, where Telemetry names the provider `envoy`.
        config["accessLogEncoding"] = "JSON"
    return config


def _revision(settings: Settings) -> dict[str, str]:
    return {"revision": settings.revision} if settings.revision else {}


def _platform(settings: Settings) -> dict[str, str]:
    return {"platform": settings.platform} if settings.platform else {}


def _validation() -> dict[str, str]:
    # istiod turns the webhook's policy from Ignore to Fail at run time, and the next update of the release would fight
    # over that field (pulumi-kubernetes#2210, istio#57643). Fail from the start leaves nothing to fight over.
    return {"validationFailurePolicy": "Fail"}
