"""Monitors, alert rules and dashboards of Linkerd, for the Prometheus operator and Grafana."""

import json
from datetime import UTC, datetime
from typing import Any, NotRequired, TypedDict

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import ConfigMap

from meshwright.errors import Code
from meshwright.kubernetes.children import below
from meshwright.kubernetes.errors import refuse
from meshwright.kubernetes.providers import require_kubernetes_provider
from meshwright.linkerd.labels import NAMESPACE
from meshwright.linkerd.observability.alerts import Watched, alerts, recordings
from meshwright.linkerd.observability.dashboards import DASHBOARDS
from meshwright.linkerd.observability.scraping import jobs, pod_monitor

_PARTS = ("monitors", "alerts", "dashboards")


class LinkerdMonitoringArgs(TypedDict):
    """Arguments of `LinkerdMonitoring`."""

    namespace: NotRequired[str]
    """Where the objects stand; it must exist. Default: ``linkerd_namespace``."""
    linkerd_namespace: NotRequired[str]
    """Where the control plane runs. Default: ``linkerd``."""
    parts: NotRequired[list[str]]
    """What is made of ``monitors``, ``alerts``, ``dashboards``. The first two need the Prometheus operator's CRDs, and
    alerts the label ``job`` that the monitors give. Default: all."""
    labels: NotRequired[dict[str, str]]
    """Labels of the monitors and rules, by which a Prometheus picks its own. Default: none."""
    alert_labels: NotRequired[dict[str, str]]
    """Labels of every alert, by which Alertmanager routes, beside ``severity``. Default: none."""
    dashboard_labels: NotRequired[dict[str, str]]
    """Labels of the dashboards' ConfigMaps. Default: ``grafana_dashboard: "1"``."""
    interval: NotRequired[str]
    """How often Prometheus scrapes. Default: ``15s``."""
    renew_before_s: NotRequired[int]
    """How long before its end the issuer is renewed, in seconds. Default: 25 hours."""
    anchors: NotRequired[dict[str, str]]
    """Name of each trust anchor whose end is known -> that end, such as ``2036-11-20T00:00:00+00:00``; UTC where it has
    no offset. Default: none."""
    cert_manager: NotRequired[bool]
    """Prometheus scrapes cert-manager: two alerts more. Default: true."""
    kube_state_metrics: NotRequired[bool]
    """kube-state-metrics exports the annotation ``linkerd.io/inject`` (see docs/linkerd/observability.md): two alerts
    more. Default: false."""
    multicluster: NotRequired[bool]
    """Other clusters are linked: one alert more. Default: false."""
    runbooks: NotRequired[str]
    """Address of the page that alerts link to. Default: ``docs/linkerd/runbooks.md``, its place in this project."""


class LinkerdMonitoring(pulumi.ComponentResource):
    """PodMonitors for controllers and proxies, a PrometheusRule, and Grafana dashboards.

    Raises:
        ComponentError: MW-E050 for parts that don't exist and moments that are none, MW-E051 without a provider.
    """

    def __init__(self, name: str, args: LinkerdMonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label, parts = f"LinkerdMonitoring {name}", args.get("parts") or list(_PARTS)
        require_kubernetes_provider(opts, label)
        if unknown := sorted(set(parts) - set(_PARTS)):
            remedy = f"one of: {', '.join(_PARTS)}"
            raise refuse(Code.BAD_ARGUMENT, label, f"the part {unknown[0]!r} is unknown", remedy)
        rules = _rules(args, label)
        super().__init__("meshwright:index:LinkerdMonitoring", name, {**args}, opts)
        home = args.get("linkerd_namespace", NAMESPACE)
        namespace, children = args.get("namespace", home), below(self, opts)
        labels = {"labels": labels} if (labels := args.get("labels")) else {}
        if "monitors" in parts:
            for job in jobs(home):
                spec = pod_monitor(job, args.get("interval", "15s"))
                metadata = {"name": job.name, "namespace": namespace, **labels}
                _object(f"{name}-{job.name}", "PodMonitor", metadata, spec, children)
        if "alerts" in parts:
            metadata = {"name": "linkerd", "namespace": namespace, **labels}
            _object(f"{name}-alerts", "PrometheusRule", metadata, rules, children)
        if "dashboards" in parts:
            _dashboards(name, namespace, args.get("dashboard_labels") or {"grafana_dashboard": "1"}, children)
        self.register_outputs({})


def _object(
    resource_name: str, kind: str, metadata: dict[str, Any], spec: dict[str, Any], opts: pulumi.ResourceOptions
) -> None:
    CustomResource(
        resource_name, api_version="monitoring.coreos.com/v1", kind=kind, metadata=metadata, spec=spec, opts=opts
    )


def _rules(args: LinkerdMonitoringArgs, label: str) -> dict[str, Any]:
    """The spec of the PrometheusRule."""
    watched = Watched(
        renew_before_s=args.get("renew_before_s", Watched().renew_before_s),
        anchors={name: _moment(text, label) for name, text in (args.get("anchors") or {}).items()},
        namespace=args.get("linkerd_namespace", NAMESPACE),
        cert_manager=args.get("cert_manager", True),
        kube_state_metrics=args.get("kube_state_metrics", False),
        multicluster=args.get("multicluster", False),
    )
    runbooks, labels = args.get("runbooks", "docs/linkerd/runbooks.md"), args.get("alert_labels") or {}
    rules = [*recordings(watched), *(alert.rule(runbooks, labels) for alert in alerts(watched))]
    return {"groups": [{"name": "linkerd", "rules": rules}]}


def _moment(text: str, label: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        message = f"the anchor's end {text!r} is no moment"
        raise refuse(Code.BAD_ARGUMENT, label, message, "write it as 2036-11-20T00:00:00+00:00") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _dashboards(name: str, namespace: str, labels: dict[str, str], opts: pulumi.ResourceOptions) -> None:
    for dashboard in DASHBOARDS:
        ConfigMap(
            f"{name}-dashboard-{dashboard.name}",
            metadata={"name": dashboard.name, "namespace": namespace, "labels": labels},
            data={f"{dashboard.name}.json": json.dumps(dashboard.model(), indent=1, sort_keys=True)},
            opts=opts,
        )
