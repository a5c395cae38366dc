"""Monitors, alert rules and dashboards of an ambient mesh, for the Prometheus operator and Grafana."""

import json
from typing import Any, NotRequired, TypedDict

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import ConfigMap

from meshwright.errors import Code
from meshwright.istio.observability.alerts import alerts
from meshwright.istio.observability.dashboards import DASHBOARDS
from meshwright.istio.observability.scraping import jobs, pod_monitor
from meshwright.kubernetes.children import below
from meshwright.kubernetes.errors import refuse
from meshwright.kubernetes.providers import require_kubernetes_provider

_PARTS = ("monitors", "alerts", "dashboards")


class ExpectedWaypoint(TypedDict):
    """A waypoint that has to be there."""

    namespace: str
    name: str


class MeshMonitoringArgs(TypedDict):
    """Arguments of `MeshMonitoring`."""

    namespace: NotRequired[str]
    """Where the objects stand; it must exist. Default: ``istio_namespace``."""
    istio_namespace: NotRequired[str]
    """Where istiod runs. Default: ``istio-system``."""
    agents_namespace: NotRequired[str]
    """Where istio-cni and ztunnel run (``kube-system`` on OpenShift). Default: ``istio_namespace``."""
    parts: NotRequired[list[str]]
    """What is made of ``monitors``, ``alerts``, ``dashboards``. The first two need the Prometheus operator's CRDs, and
    alerts the label ``job`` that the monitors give. Default: all."""
    labels: NotRequired[dict[str, str]]
    """Labels of the monitors and rules, by which a Prometheus picks its own, such as
    ``{"release": "kube-prometheus-stack"}``. Default: none."""
    alert_labels: NotRequired[dict[str, str]]
    """Labels of every alert, by which Alertmanager routes, beside ``severity``. Default: none."""
    dashboard_labels: NotRequired[dict[str, str]]
    """Labels of the dashboards' ConfigMaps. Default: ``grafana_dashboard: "1"``, which Grafana's sidecar looks for."""
    interval: NotRequired[str]
    """How often Prometheus scrapes. Default: ``15s``."""
    waypoints: NotRequired[list[ExpectedWaypoint]]
    """Waypoints that an alert misses when they are gone altogether. Default: none."""
    kube_state_metrics: NotRequired[bool]
    """kube-state-metrics exports what tells enrolled pods from captured ones (see docs/istio/observability.md), for two
    more alerts. Default: false."""
    runbooks: NotRequired[str]
    """Address of the page that alerts link to. Default: ``docs/istio/runbooks.md``, its place in this project."""


class MeshMonitoring(pulumi.ComponentResource):
    """PodMonitors for istiod, ztunnel, istio-cni and waypoints, a PrometheusRule, and Grafana dashboards.

    Raises:
        ComponentError: MW-E050 for parts that don't exist, MW-E051 without a provider.
    """

    def __init__(self, name: str, args: MeshMonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label, parts = f"MeshMonitoring {name}", args.get("parts") or list(_PARTS)
        require_kubernetes_provider(opts, label)
        if unknown := sorted(set(parts) - set(_PARTS)):
            raise refuse(
                Code.BAD_ARGUMENT, label, f"the part {unknown[0]!r} is unknown", f"one of: {', '.join(_PARTS)}"
            )
        super().__init__("meshwright:index:MeshMonitoring", name, {**args}, opts)
        istio_namespace = args.get("istio_namespace", "istio-system")
        namespace, children = args.get("namespace", istio_namespace), below(self, opts)
        labels = {"labels": labels} if (labels := args.get("labels")) else {}
        if "monitors" in parts:
            for job in jobs(istio_namespace, args.get("agents_namespace", istio_namespace)):
                _object(
                    f"{name}-{job.name}",
                    "PodMonitor",
                    {"name": job.name, "namespace": namespace, **labels},
                    pod_monitor(job, args.get("interval", "15s")),
                    children,
                )
        if "alerts" in parts:
            metadata = {"name": "istio-ambient", "namespace": namespace, **labels}
            _object(f"{name}-alerts", "PrometheusRule", metadata, _rules(args), children)
        if "dashboards" in parts:
            _dashboards(name, namespace, args.get("dashboard_labels") or {"grafana_dashboard": "1"}, children)
        self.register_outputs({})


def _object(
    resource_name: str, kind: str, metadata: dict[str, Any], spec: dict[str, Any], opts: pulumi.ResourceOptions
) -> None:
    CustomResource(
        resource_name, api_version="monitoring.coreos.com/v1", kind=kind, metadata=metadata, spec=spec, opts=opts
    )


def _rules(args: MeshMonitoringArgs) -> dict[str, Any]:
    """The spec of the PrometheusRule."""
    ours = alerts(
        [(each["namespace"], each["name"]) for each in args.get("waypoints") or ()],
        kube_state_metrics=bool(args.get("kube_state_metrics", False)),
    )
    runbooks, labels = args.get("runbooks", "docs/istio/runbooks.md"), args.get("alert_labels") or {}
    return {"groups": [{"name": "istio-ambient", "rules": [alert.rule(runbooks, labels) for alert in ours]}]}


def _dashboards(name: str, namespace: str, labels: dict[str, str], opts: pulumi.ResourceOptions) -> None:
    for dashboard in DASHBOARDS:
        ConfigMap(
            f"{name}-dashboard-{dashboard.name}",
            metadata={"name": f"istio-ambient-{dashboard.name}", "namespace": namespace, "labels": labels},
            data={f"istio-ambient-{dashboard.name}.json": json.dumps(dashboard.model(), indent=1, sort_keys=True)},
            opts=opts,
        )
