"""Monitoring of a stack of kind `consul`: monitors, alerts and dashboards."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from meshwright.config.base import Flag, Labels, Mistake, Model, NamespaceName, Spelt
from meshwright.config.consul_control import SecretReference
from meshwright.config.istio_observability import LabelName, ScrapeInterval
from meshwright.consul.labels import CA_SECRET, NAMESPACE
from meshwright.errors import Code

if TYPE_CHECKING:
    from meshwright.config.consul import ConsulMesh


class ConsulMonitoring(Model):
    """Monitors and alert rules for the Prometheus operator, whose CRDs have to be there, and dashboards for Grafana."""

    namespace: NamespaceName = "consul"
    """Where they stand; it exists, and so do the Secrets that they name, in it."""
    token: SecretReference | None = None
    """A token of Consul's that may read agents, for Prometheus. Default: none, and the servers aren't watched."""
    ca: SecretReference | None = None
    """What the servers' certificate is verified with. Default, without Vault: consul-ca-cert, in Consul's namespace."""
    monitors: Flag = True
    """PodMonitors for servers, gateways and proxies."""
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
    runbooks: Annotated[str, Spelt(r"https?://\S+", "address", "begin it with https://", limit=2000)] | None = None
    """Where you publish the runbooks. Default: docs/consul/runbooks.md, their place in this project."""

    def mistakes(self) -> Iterator[Mistake]:
        """Something is made of it, and alerts keep their severity."""
        if not (self.monitors or self.alerts or self.dashboards):
            message = "has monitors, alerts and dashboards off: nothing is left"
            yield Mistake(Code.CONTRADICTION, message, "remove it, or set one of them")
        if "severity" in self.alert_labels:
            message = "has severity, which each alert has of its own: critical, warning or info"
            yield Mistake(Code.CONTRADICTION, message, "remove it, or call it otherwise", ("alert_labels",))


def monitoring_mistakes(mesh: "ConsulMesh") -> Iterator[Mistake]:
    """There are metrics, and what is scraped of the servers can be verified."""
    wanted = mesh.monitoring
    if wanted is None:
        return
    at = ("monitoring",)
    if not mesh.control_plane.metrics:
        message, remedy = "watches metrics, and control_plane.metrics is false", "remove one of the two"
        yield Mistake(Code.CONTRADICTION, message, remedy, at)
    if wanted.token and mesh.external_servers:
        message = "is for servers in the cluster, and external_servers has them elsewhere"
        yield Mistake(Code.CONTRADICTION, message, "remove it; have them scraped where they are", (*at, "token"))
    elif wanted.token and wanted.ca is None and (mesh.vault or wanted.namespace != NAMESPACE):
        why = "Vault signs" if mesh.vault else f"its Secret {CA_SECRET} is in the namespace {NAMESPACE}"
        message = f"needs to know what the servers' certificate is verified with: {why}"
        yield Mistake(Code.MISSING_KEY, message, "add ca, a Secret in monitoring.namespace", at)
