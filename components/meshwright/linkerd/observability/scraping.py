"""What Prometheus scrapes of Linkerd: controllers, multi-cluster controllers and proxies.

The chart has monitors too (``podMonitor.enabled``). Ours differ in three ways. The label ``job`` has the names that
Linkerd's own dashboards go by, where the Prometheus operator would make ``<namespace>/<name>`` of it. The controllers
of declarative Links are found: the chart looks for a label that they don't have (``podmonitor.yaml`` of edge-26.8.3,
``controller/deployment.yaml`` of linkerd-multicluster). And proxies don't get all labels of their pods, which divide
the number of series by every rollout.
"""

from dataclasses import dataclass
from typing import Any, Final

from meshwright.linkerd.labels import MULTICLUSTER_NAMESPACE, PROXY_CONTAINER, VIZ_NAMESPACE

CONTROLLER: Final = "linkerd-controller"
MULTICLUSTER: Final = "linkerd-multicluster-controller"
PROXY: Final = "linkerd-proxy"
JOBS: Final = (CONTROLLER, MULTICLUSTER, PROXY)
"""The values of the label ``job``; alerts and dashboards go by them."""
_PORT: Final = "__meta_kubernetes_pod_container_port_name"
_CONTAINER: Final = "__meta_kubernetes_pod_container_name"
_OWNER: Final = "__meta_kubernetes_pod_label_linkerd_io_proxy_"
_CONTROL_PLANE: Final = "__meta_kubernetes_pod_label_linkerd_io_control_plane_ns"


@dataclass(frozen=True, slots=True)
class Job:
    """Pods that are scraped alike."""

    name: str
    """One of `JOBS`; the PodMonitor's name too."""
    namespaces: tuple[str, ...]
    """Where they run; empty: anywhere."""
    relabelings: tuple[dict[str, Any], ...]


def jobs(linkerd_namespace: str) -> tuple[Job, ...]:
    """The three jobs. The ports of controllers are called ``…-admin``, and so is the one of the proxy beside them."""
    admin = (
        {"sourceLabels": [_PORT], "action": "keep", "regex": ".+-admin"},
        {"sourceLabels": [_PORT], "action": "drop", "regex": "linkerd-admin"},
        {"sourceLabels": [_CONTAINER], "targetLabel": "component"},
    )
    proxies = (
        {
            "sourceLabels": [_CONTAINER, _PORT, _CONTROL_PLANE],
            "action": "keep",
            "regex": f"{PROXY_CONTAINER};linkerd-admin;{linkerd_namespace}",
        },
        {"action": "labelmap", "regex": f"{_OWNER}(deployment|statefulset|daemonset|cronjob)"},
        {"sourceLabels": [f"{_OWNER}job"], "targetLabel": "k8s_job"},
    )
    return (
        Job(CONTROLLER, (linkerd_namespace, VIZ_NAMESPACE), admin),
        Job(MULTICLUSTER, (MULTICLUSTER_NAMESPACE,), admin),
        Job(PROXY, (), proxies),
    )


def pod_monitor(job: Job, interval: str) -> dict[str, Any]:
    """The spec of the job's PodMonitor."""
    return {
        "namespaceSelector": {"matchNames": list(job.namespaces)} if job.namespaces else {"any": True},
        "selector": {},
        "podMetricsEndpoints": [
            {
                "interval": interval,
                # A pod that starts again would bring timestamps that Prometheus has.
                "honorTimestamps": False,
                "relabelings": [*job.relabelings, {"targetLabel": "job", "replacement": job.name}],
            }
        ],
    }
