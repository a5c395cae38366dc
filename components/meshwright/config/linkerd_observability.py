"""Observability of a stack of kind `linkerd`: monitors, alerts, dashboards and spans."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from meshwright.config.base import Flag, Labels, Mistake, Model, NamespaceName, ServiceName, Spelt
from meshwright.config.istio_observability import Endpoint, LabelName, ScrapeInterval
from meshwright.errors import Code


class LinkerdTraces(Model):
    """Spans of proxies, by OTLP. Applications have to pass the trace headers on."""

    collector: Endpoint = Field(examples=["otel-collector.observability:4317"])
    """An OpenTelemetry collector, by OTLP over gRPC. It is meshed: proxies ask who it is."""
    namespace: NamespaceName = Field(examples=["observability"])
    """The namespace of its service account."""
    service_account: ServiceName = Field(examples=["otel-collector"])
    """Its service account."""


class LinkerdObservability(Model):
    """Monitors and alert rules for the Prometheus operator, whose CRDs have to be there, and dashboards for Grafana."""

    namespace: NamespaceName = "linkerd"
    """Where they stand; it exists."""
    monitors: Flag = True
    """PodMonitors for controllers and proxies. Leave the chart's own, podMonitor.enabled, off."""
    alerts: Flag = True
    """A PrometheusRule, each alert with a runbook. It goes by the label `job` that the monitors give."""
    dashboards: Flag = True
    """ConfigMaps that Grafana's sidecar picks up."""
    labels: Labels = Field(default_factory=dict)
    """Labels by which your Prometheus picks monitors and rules, such as release: kube-prometheus-stack."""
    alert_labels: dict[LabelName, str] = Field(default_factory=dict)
    """Labels of every alert, by which Alertmanager routes; `severity` is each alert's own."""
    dashboard_labels: Labels = Field(default_factory=dict)
    """Labels of the dashboards. Default: grafana_dashboard: "1"."""
    interval: ScrapeInterval = "15s"
    """How often Prometheus scrapes."""
    cert_manager: Flag = True
    """Prometheus scrapes cert-manager: two alerts more, and the ends of the anchors that it keeps."""
    kube_state_metrics: Flag = False
    """It exports the annotation linkerd.io/inject of namespaces and pods: two alerts more."""
    multicluster: Flag = False
    """Other clusters are linked, by something else than `multicluster.links` of the stack: one alert more."""
    runbooks: Annotated[str, Spelt(r"https?://\S+", "address", "begin it with https://", limit=2000)] | None = None
    """Where you publish the runbooks. Default: docs/linkerd/runbooks.md, their place in this project."""
    traces: LinkerdTraces | None = None
    """Where proxies send spans. Default: nowhere."""

    def mistakes(self) -> Iterator[Mistake]:
        """Something is made of it, and alerts keep their severity."""
        if not (self.monitors or self.alerts or self.dashboards or self.traces):
            message = "has monitors, alerts and dashboards off: nothing is left"
            yield Mistake(Code.CONTRADICTION, message, "remove it, or set one of them")
        if "severity" in self.alert_labels:
            message = "has severity, which each alert has of its own: critical or warning"
            yield Mistake(Code.CONTRADICTION, message, "remove it, or call it otherwise", ("alert_labels",))
