"""The values that our Istio charts get, where they differ from the charts' own, and why.

Sources: the charts of release-1.31 (``values.yaml``, ``files/profile-*.yaml``), istio.io's ambient pages, and the
issues named below. The user's own values are merged on top of these.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from meshwright.istio.images import Images
from meshwright.versions import version_key

ZONE = "topology.kubernetes.io/zone"
NODE = "kubernetes.io/hostname"

ZTUNNEL_LOG_LEVELS: Final = {"off": "info,access=off", "errors": "info,access=warn", "all": "info"}
"""Which connections ztunnel logs, as its log filter has it: one line at its end, at the level ``error`` for one that
failed, and ``warn`` for one that was refused at once (ztunnel ``src/proxy/metrics.rs``)."""

LARGE_MESH: Final = 30_000
"""Pods from which on istiod's limit of 4 MiB for a message is raised: a ztunnel that reconnects names all it knows, and
meets the limit at 40,000 workloads. The upgrade notes of 1.31 ask for 1 MiB per 10,000 workloads and services."""


def spread(topology_key: str, labels: dict[str, str]) -> dict[str, Any]:
    """Keep replicas apart where that is possible, without leaving one unscheduled where it isn't."""
    return {
        "maxSkew": 1,
        "topologyKey": topology_key,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": labels},
    }


@dataclass(frozen=True, slots=True)
class Agents:
    """How istio-cni and ztunnel behave, where it is said."""

    grace_period_s: int | None = None
    """What ztunnel leaves to open connections when it ends."""
    ztunnel_on_delete: bool = False
    """A ztunnel stays until its pod or node is deleted."""
    dns_capture: bool | None = None
    ipv6: bool | None = None
    untaint: bool = False
    """istiod takes the taint ``cni.istio.io/not-ready`` off a node where istio-cni is ready."""


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
    default_revision: str = ""
    """What the tag ``default`` stands for; empty without that tag."""
    images: Images = field(default_factory=Images)
    agents: Agents = field(default_factory=Agents)
    workloads: int = 0
    """Pods and services of the mesh, as far as they are known."""
    version: str = ""
    """The full version that the charts are of."""


def base(settings: Settings) -> dict[str, Any]:
    """CRDs and the default validation webhook."""
    # A revision's own validator is asked about objects that name the revision alone, and hardly any does. During an
    # upgrade the old control plane answers for the rest, until it goes or the tag `default` is moved.
    return {
        "defaultRevision": settings.default_revision or settings.revision or "default",
        "base": _validation(),
        "global": {"istioNamespace": settings.namespace, **_platform(settings), **settings.images.secrets()},
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
        "global": {
            "istioNamespace": settings.namespace,
            "hub": settings.hub,
            **_platform(settings),
            **settings.images.pulled(),
        },
        **settings.images.image(settings.hub, "pilot"),
    }
    if settings.agents_namespace != settings.namespace:
        values["trustedZtunnelNamespace"] = settings.agents_namespace
    if proxy := settings.images.image(settings.hub, "proxyv2"):
        values["global"]["proxy"] = proxy
    if settings.agents.untaint:
        values["taint"] = _untaint(settings)
    if environment := _istiod_environment(settings):
        values["env"] = environment
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
        "global": {"hub": settings.hub, **_platform(settings), **settings.images.pulled()},
        **settings.images.image(settings.hub, "install-cni"),
        # A passing API error would leave a pod outside of the mesh without a word.
        "ambient": {"enableAmbientDetectionRetry": True, **_capture(settings.agents)},
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
        **settings.images.pulled(),
        **settings.images.image(settings.hub, "ztunnel"),
    }
    if settings.agents.grace_period_s is not None:
        values["terminationGracePeriodSeconds"] = settings.agents.grace_period_s
    if settings.agents.ztunnel_on_delete:
        values["updateStrategy"] = {"type": "OnDelete"}
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


def _istiod_environment(settings: Settings) -> dict[str, str]:
    environment = {}
    if settings.workloads >= LARGE_MESH:
        environment["ISTIO_GPRC_MAXRECVMSGSIZE"] = str(2 * math.ceil(settings.workloads / 10_000) * 1024 * 1024)
    if settings.agents.untaint and version_key(settings.version) < (1, 30):
        # From 1.30 on the chart sets it by itself (release note helm-fix-untaint-controller).
        environment["PILOT_ENABLE_NODE_UNTAINT_CONTROLLERS"] = "true"
    return environment


def _untaint(settings: Settings) -> dict[str, Any]:
    elsewhere = settings.agents_namespace != settings.namespace
    return {"enabled": True, **({"namespace": settings.agents_namespace} if elsewhere else {})}


def _capture(agents: Agents) -> dict[str, bool]:
    said = {"dnsCapture": agents.dns_capture, "ipv6": agents.ipv6}
    return {key: value for key, value in said.items() if value is not None}


def _revision(settings: Settings) -> dict[str, str]:
    return {"revision": settings.revision} if settings.revision else {}


def _platform(settings: Settings) -> dict[str, str]:
    return {"platform": settings.platform} if settings.platform else {}


def _validation() -> dict[str, str]:
    # istiod turns the webhook's policy from Ignore to Fail at run time, and the next update of the release would fight
    # over that field (pulumi-kubernetes#2210, istio#57643). Fail from the start leaves nothing to fight over.
    return {"validationFailurePolicy": "Fail"}
