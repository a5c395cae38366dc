"""What Prometheus scrapes of an ambient mesh: one job for each kind of pod, by the ports and labels of Istio's charts.

Sources: the charts of release-1.31 and release-1.30 (containers' port names and pods' labels), istiod's
``files/waypoint.yaml``, ztunnel ``src/metrics/server.rs``.
"""

from dataclasses import dataclass
from typing import Any, Final

from meshwright.istio.labels import GATEWAY_CLASS_NAME, GATEWAY_NAME, WAYPOINT_CLASS

ISTIOD: Final = "istiod"
ZTUNNEL: Final = "ztunnel"
CNI: Final = "istio-cni"
WAYPOINT: Final = "waypoint"
JOBS: Final = (ISTIOD, ZTUNNEL, CNI, WAYPOINT)
"""The values of the label ``job``; alerts and dashboards go by them."""


@dataclass(frozen=True, slots=True)
class Job:
    """Pods that are scraped alike."""

    name: str
    """One of `JOBS`; the PodMonitor's name too."""
    pods: dict[str, str]
    """Their labels."""
    port: str
    """Name of the container's port."""
    path: str
    namespaces: tuple[str, ...]
    """Where they run; empty: anywhere."""


def jobs(istio_namespace: str, agents_namespace: str) -> tuple[Job, ...]:
    """The four jobs. istiod is scraped whatever its revision is: two run during an upgrade."""
    return (
        Job(ISTIOD, {"app": "istiod"}, "http-monitoring", "/metrics", (istio_namespace,)),  # 15014
        Job(ZTUNNEL, {"app": "ztunnel"}, "ztunnel-stats", "/metrics", (agents_namespace,)),  # 15020
        Job(CNI, {"k8s-app": "istio-cni-node"}, "metrics", "/metrics", (agents_namespace,)),  # 15014
        # 15020 gives the proxy's metrics together with those of its agent, certificates among them; 15090 the proxy's.
        Job(WAYPOINT, {GATEWAY_CLASS_NAME: WAYPOINT_CLASS}, "metrics", "/stats/prometheus", ()),
    )


def pod_monitor(job: Job, interval: str) -> dict[str, Any]:
    """The spec of the job's PodMonitor."""
    return {
        "namespaceSelector": {"matchNames": list(job.namespaces)} if job.namespaces else {"any": True},
        "selector": {"matchLabels": job.pods},
        "podMetricsEndpoints": [
            {
                "port": job.port,
                "path": job.path,
                "interval": interval,
                "relabelings": [
                    {"targetLabel": "job", "replacement": job.name},
                    {"sourceLabels": ["__meta_kubernetes_pod_node_name"], "targetLabel": "node"},
                    *(_waypoint_name() if job.name == WAYPOINT else ()),
                ],
            }
        ],
    }


def _waypoint_name() -> tuple[dict[str, Any], ...]:
    # Prometheus turns what a label's name can't have into underscores.
    label = GATEWAY_NAME.translate(str.maketrans("./-", "___"))
    return ({"sourceLabels": [f"__meta_kubernetes_pod_label_{label}"], "targetLabel": "waypoint"},)
