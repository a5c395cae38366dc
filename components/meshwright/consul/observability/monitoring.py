"""Monitors, alert rules and dashboards of Consul, for the Prometheus operator and Grafana."""

import json
from typing import Any, NotRequired, TypedDict

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import ConfigMap

from meshwright.consul.labels import CA_SECRET, NAMESPACE
from meshwright.consul.names import Names
from meshwright.consul.observability.alerts import Watched, alerts
from meshwright.consul.observability.dashboards import DASHBOARDS, SERVERS
from meshwright.consul.observability.scraping import (
    GATEWAY,
    PROXY,
    SERVER,
    ServerAccess,
    gateway_monitor,
    proxy_monitor,
    server_monitor,
)
from meshwright.consul.vault.backend import SecretKey
from meshwright.errors import Code
from meshwright.kubernetes.children import below
from meshwright.kubernetes.errors import refuse
from meshwright.kubernetes.providers import require_kubernetes_provider

_PARTS = ("monitors", "alerts", "dashboards")
_CHARTS_CA: SecretKey = {"secret_name": CA_SECRET, "secret_key": "tls.crt"}


class ConsulMonitoringArgs(TypedDict):
    """Arguments of `ConsulMonitoring`."""

    namespace: NotRequired[str]
    """Where the objects stand; it must exist. Default: ``consul_namespace``."""
    consul_namespace: NotRequired[str]
    """Where the servers run. Default: ``consul``."""
    datacenter: NotRequired[str]
    """Default: ``dc1``."""
    domain: NotRequired[str]
    """Of Consul's DNS. Default: ``consul``."""
    parts: NotRequired[list[str]]
    """What is made of ``monitors``, ``alerts``, ``dashboards``. The first two need the Prometheus operator's CRDs, and
    alerts the label ``job`` that the monitors give. Default: all."""
    token: NotRequired[SecretKey]
    """A Secret in ``namespace`` with a token of Consul's that may read agents (``agent_prefix "" {policy = "read"}``),
    for Prometheus. Default: none, and nothing of the servers is watched."""
    ca: NotRequired[SecretKey]
    """A Secret in ``namespace`` with what the servers' certificate is verified with. Needed with ``vault``. Default:
    key ``tls.crt`` of ``consul-ca-cert``, which the chart makes in Consul's own namespace."""
    vault: NotRequired[bool]
    """Vault issues the servers' certificates, for 30 days. Default: false."""
    leaf_lifetime_hours: NotRequired[int]
    """Default: 72."""
    intermediate_lifetime_hours: NotRequired[int]
    """Of what signs the leaves. Default: 8760."""
    labels: NotRequired[dict[str, str]]
    """Labels of the monitors and rules, by which a Prometheus picks its own. Default: none."""
    alert_labels: NotRequired[dict[str, str]]
    """Labels of every alert, by which Alertmanager routes, beside ``severity``. Default: none."""
    dashboard_labels: NotRequired[dict[str, str]]
    """Labels of the dashboards' ConfigMaps. Default: ``grafana_dashboard: "1"``."""
    interval: NotRequired[str]
    """How often Prometheus scrapes. Default: ``15s``."""
    runbooks: NotRequired[str]
    """Address of the page that alerts link to. Default: ``docs/consul/runbooks.md``, its place in this project."""


class ConsulMonitoring(pulumi.ComponentResource):
    """PodMonitors for servers, gateways and proxies, a PrometheusRule, and Grafana dashboards.

    Raises:
        ComponentError: MW-E050 for parts that don't exist and for a CA that can't be told, MW-E051 without a provider.
    """

    def __init__(self, name: str, args: ConsulMonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label, parts = f"ConsulMonitoring {name}", args.get("parts") or list(_PARTS)
        require_kubernetes_provider(opts, label)
        if unknown := sorted(set(parts) - set(_PARTS)):
            remedy = f"one of: {', '.join(_PARTS)}"
            raise refuse(Code.BAD_ARGUMENT, label, f"the part {unknown[0]!r} is unknown", remedy)
        home = args.get("consul_namespace", NAMESPACE)
        namespace = args.get("namespace", home)
        access = _access(args, is_at_home=namespace == home, label=label)
        super().__init__("meshwright:index:ConsulMonitoring", name, {**args}, opts)
        children, labels = below(self, opts), {"labels": given} if (given := args.get("labels")) else {}
        if "monitors" in parts:
            for job, spec in _monitors(home, access, args.get("interval", "15s")).items():
                metadata = {"name": job, "namespace": namespace, **labels}
                _object(f"{name}-{job}", "PodMonitor", metadata, spec, children)
        if "alerts" in parts:
            metadata = {"name": "consul", "namespace": namespace, **labels}
            _object(f"{name}-alerts", "PrometheusRule", metadata, _rules(args), children)
        if "dashboards" in parts:
            for dashboard in DASHBOARDS if access else [each for each in DASHBOARDS if each is not SERVERS]:
                ConfigMap(
                    f"{name}-dashboard-{dashboard.name}",
                    metadata={
                        "name": dashboard.name,
                        "namespace": namespace,
                        "labels": args.get("dashboard_labels") or {"grafana_dashboard": "1"},
                    },
                    data={f"{dashboard.name}.json": json.dumps(dashboard.model(), indent=1, sort_keys=True)},
                    opts=children,
                )
        self.register_outputs({})


def _access(args: ConsulMonitoringArgs, *, is_at_home: bool, label: str) -> ServerAccess | None:
    """How Prometheus gets in to the servers; None without a token."""
    if "token" not in args:
        return None
    if "ca" not in args and (args.get("vault", False) or not is_at_home):
        message = "the servers are scraped, and nothing says what their certificate is verified with"
        if not args.get("vault", False):
            message = f"the Secret {CA_SECRET} is in another namespace than the monitor, which can't read it there"
        raise refuse(Code.BAD_ARGUMENT, label, message, "give ca, a Secret beside the monitor")
    names = Names(datacenter=args.get("datacenter", "dc1"), domain=args.get("domain", "consul"))
    return ServerAccess(args["token"], args.get("ca", _CHARTS_CA), names.server_common_name)


def _monitors(home: str, access: ServerAccess | None, interval: str) -> dict[str, dict[str, Any]]:
    servers = {SERVER: server_monitor(home, access, interval)} if access else {}
    return {**servers, GATEWAY: gateway_monitor(interval), PROXY: proxy_monitor(interval)}


def _object(
    resource_name: str, kind: str, metadata: dict[str, Any], spec: dict[str, Any], opts: pulumi.ResourceOptions
) -> None:
    CustomResource(
        resource_name, api_version="monitoring.coreos.com/v1", kind=kind, metadata=metadata, spec=spec, opts=opts
    )


def _rules(args: ConsulMonitoringArgs) -> dict[str, Any]:
    """The spec of the PrometheusRule."""
    known = Watched()
    watched = Watched(
        servers="token" in args,
        vault=args.get("vault", False),
        leaf_lifetime_h=args.get("leaf_lifetime_hours", known.leaf_lifetime_h),
        intermediate_lifetime_h=args.get("intermediate_lifetime_hours", known.intermediate_lifetime_h),
    )
    runbooks, labels = args.get("runbooks", "docs/consul/runbooks.md"), args.get("alert_labels") or {}
    return {"groups": [{"name": "consul", "rules": [each.rule(runbooks, labels) for each in alerts(watched)]}]}
