"""What Consul's chart would refuse, or take and not keep: told before anything is registered.

Helm renders the chart on the cluster's side of an update, so that a ``fail`` in a template comes when half of a stack
stands. Source: the templates of the chart 2.0.3, each ``fail`` that values can reach; `tests/conformance` asks the
chart itself.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from meshwright.consul.budgets import blocked_drain
from meshwright.errors import Code, Problem

RESERVED = ("system", "universal", "operator", "root")
"""Names of namespaces that Consul keeps for itself."""


class _Chart:
    """The values as the chart will see them, by dotted paths."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def get(self, path: str, default: Any = None) -> Any:
        node: Any = self._values
        for key in path.split("."):
            if not isinstance(node, Mapping) or node.get(key) is None:
                return default
            node = node[key]
        return node

    def on(self, path: str) -> bool:
        """Whether it is set: not false, empty or absent."""
        return bool(self.get(path))

    def number(self, path: str) -> int:
        """A whole number; 0 for what is none, which the chart or Kubernetes refuses."""
        value = self.get(path)
        return value if isinstance(value, int) else 0

    def half(self, path: str, one: str = "secretName", other: str = "secretKey") -> bool:
        """Whether one of a pair is set without the other."""
        return self.on(f"{path}.{one}") != self.on(f"{path}.{other}")

    @property
    def servers(self) -> bool:
        enabled = self.get("server.enabled", "-")
        return bool(self.get("global.enabled", True) if enabled == "-" else enabled)

    @property
    def vault(self) -> bool:
        return self.on("global.secretsBackend.vault.enabled")

    @property
    def acls(self) -> bool:
        return self.on("global.acls.manageSystemACLs")


class _Refusal(NamedTuple):
    """A ``fail`` of the chart's."""

    when: Callable[[_Chart], bool]
    message: str
    remedy: str


_V = "global.secretsBackend.vault"
_WEBHOOK = (
    f"{_V}.connectInjectRole",
    f"{_V}.connectInject.tlsCert.secretName",
    f"{_V}.connectInject.caCert.secretName",
)

_REFUSALS: tuple[_Refusal, ...] = (
    _Refusal(
        lambda c: c.vault and c.servers and not c.on(f"{_V}.consulServerRole"),
        f"{_V}.enabled needs consulServerRole",
        "name the servers' role",
    ),
    _Refusal(
        lambda c: c.vault and c.on("client.enabled") and not c.on(f"{_V}.consulClientRole"),
        f"{_V}.enabled needs consulClientRole for client agents",
        "name their role, or leave client.enabled false",
    ),
    _Refusal(
        lambda c: c.vault and c.on("global.tls.enabled") and not c.on("global.tls.caCert.secretName"),
        f"{_V}.enabled needs global.tls.caCert.secretName with TLS",
        "name the path of the servers' CA certificate",
    ),
    _Refusal(
        lambda c: c.vault and c.on("client.enabled") and not c.on("global.tls.enableAutoEncrypt"),
        f"{_V}.enabled needs global.tls.enableAutoEncrypt for client agents",
        "leave it true",
    ),
    _Refusal(
        lambda c: c.vault and c.on("global.tls.enabled") and not c.on(f"{_V}.consulCARole"),
        f"{_V}.enabled needs consulCARole with TLS",
        "name the role that reads the CA certificate",
    ),
    _Refusal(
        lambda c: c.vault and c.acls and not c.on(f"{_V}.manageSystemACLsRole"),
        f"{_V}.enabled needs manageSystemACLsRole with ACLs",
        "name the role of the job that sets ACLs up",
    ),
    _Refusal(
        lambda c: (
            c.vault
            and c.acls
            and not (c.on("global.acls.bootstrapToken.secretName") or c.on("global.acls.replicationToken.secretName"))
        ),
        f"{_V}.enabled needs global.acls.bootstrapToken with ACLs",
        "name the path and the key of the bootstrap token",
    ),
    _Refusal(
        lambda c: 0 < sum(c.on(path) for path in _WEBHOOK) < len(_WEBHOOK),
        f"{', '.join(path.removeprefix(_V + '.') for path in _WEBHOOK)} go together",
        f"set all three below {_V}, or none",
    ),
    _Refusal(
        lambda c: c.on("server.serverCert.secretName") and not c.on("global.tls.caCert.secretName"),
        "server.serverCert.secretName needs global.tls.caCert.secretName",
        "name the CA that signed it",
    ),
    _Refusal(
        lambda c: (
            c.on("global.gossipEncryption.autoGenerate")
            and (c.on("global.gossipEncryption.secretName") or c.on("global.gossipEncryption.secretKey"))
        ),
        "global.gossipEncryption has autoGenerate and a key",
        "keep one of the two",
    ),
    _Refusal(
        lambda c: c.half("global.gossipEncryption"),
        "global.gossipEncryption has half of secretName and secretKey",
        "set both",
    ),
    *(
        _Refusal(
            lambda c, path=f"global.acls.{token}": c.half(path),  # type: ignore[misc]
            f"global.acls.{token} has half of secretName and secretKey",
            "set both",
        )
        for token in ("bootstrapToken", "replicationToken")
    ),
    _Refusal(
        lambda c: c.half("global.enterpriseLicense"),
        "global.enterpriseLicense has half of secretName and secretKey",
        "set both",
    ),
    _Refusal(
        lambda c: c.on("server.snapshotAgent.enabled") and c.half("server.snapshotAgent.configSecret"),
        "server.snapshotAgent.configSecret has half of secretName and secretKey",
        "set both",
    ),
    _Refusal(
        lambda c: c.on("global.acls.createReplicationToken") and not c.acls,
        "global.acls.createReplicationToken needs global.acls.manageSystemACLs",
        "leave manageSystemACLs true",
    ),
    _Refusal(
        lambda c: c.on("global.bootstrapACLs"),
        "global.bootstrapACLs was removed",
        "use global.acls.manageSystemACLs, which is true",
    ),
    _Refusal(
        lambda c: c.on("global.imageK8s"), "global.imageK8s is not a value of the chart", "write it as global.imageK8S"
    ),
    _Refusal(
        lambda c: c.servers and c.on("externalServers.enabled"),
        "server.enabled and externalServers.enabled exclude each other",
        "keep one of the two",
    ),
    _Refusal(
        lambda c: c.on("externalServers.enabled") and not c.on("externalServers.hosts"),
        "externalServers.enabled needs hosts",
        "name them",
    ),
    _Refusal(
        lambda c: c.on("externalServers.skipServerWatch") and not c.on("externalServers.enabled"),
        "externalServers.skipServerWatch needs externalServers.enabled",
        "remove it",
    ),
    _Refusal(
        lambda c: c.on("server.bootstrapExpect") and c.number("server.bootstrapExpect") < c.number("server.replicas"),
        "server.bootstrapExpect is less than server.replicas",
        "leave it out",
    ),
    _Refusal(
        lambda c: c.get("server.limits.requestLimits.mode", "disabled") not in ("disabled", "permissive", "enforce"),
        "server.limits.requestLimits.mode is none of disabled, permissive, enforce",
        "use one of them",
    ),
    _Refusal(
        lambda c: c.on("server.auditLogs.enabled") and not c.acls,
        "server.auditLogs.enabled needs global.acls.manageSystemACLs",
        "leave manageSystemACLs true",
    ),
    _Refusal(
        lambda c: c.get("global.imagePullPolicy", "") not in ("", "IfNotPresent", "Always", "Never"),
        "global.imagePullPolicy is none of IfNotPresent, Always, Never",
        "use one of them",
    ),
    _Refusal(
        lambda c: not c.get("connectInject.enabled", True),
        "connectInject.enabled is false, and without it there is no mesh",
        "leave it true",
    ),
    # The chart hands these annotations on as text, and consul-k8s reads a map: `GetHelmValues` fails, and with it every
    # reconciliation of a TerminatingGateway (control-plane/controllers/helmvalues, 2.0.3).
    _Refusal(
        lambda c: c.on("terminatingGateways.enabled") and c.on(f"{_V}.agentAnnotations"),
        f"beside terminatingGateways, consul-k8s can't read {_V}.agentAnnotations, and would neither write a "
        "TerminatingGateway to Consul nor let one be deleted",
        "mount Vault's auth method as kubernetes, and leave agent_annotations to the settings of Vault's injector",
    ),
    _Refusal(
        lambda c: c.get("connectInject.consulNamespaces.consulDestinationNamespace") in RESERVED,
        "connectInject.consulNamespaces.consulDestinationNamespace is a name that Consul keeps for itself",
        "choose another",
    ),
    _Refusal(
        lambda c: c.on("global.peering.enabled") and not c.on("global.tls.enabled"),
        "global.peering.enabled needs global.tls.enabled",
        "leave TLS on",
    ),
    _Refusal(
        lambda c: c.on("global.peering.enabled") and not c.on("meshGateway.enabled"),
        "global.peering.enabled needs meshGateway.enabled",
        "add mesh_gateway",
    ),
    _Refusal(
        lambda c: (
            c.on("meshGateway.enabled")
            and c.acls
            and c.get("meshGateway.consulServiceName", "mesh-gateway") not in ("", "mesh-gateway")
        ),
        "meshGateway.consulServiceName can't be changed with ACLs",
        "leave it out",
    ),
    _Refusal(
        lambda c: c.get("meshGateway.wanAddress.source") == "Static" and not c.on("meshGateway.wanAddress.static"),
        "meshGateway.wanAddress.source is Static, without an address",
        "add meshGateway.wanAddress.static",
    ),
    _Refusal(
        lambda c: (
            c.on("meshGateway.enabled")
            and c.get("meshGateway.wanAddress.source", "Service") == "Service"
            and c.get("meshGateway.service.type") == "NodePort"
            and not c.on("meshGateway.service.nodePort")
        ),
        "meshGateway.service.type is NodePort, without a port",
        "add meshGateway.service.nodePort",
    ),
    _Refusal(
        lambda c: c.on("global.federation.enabled") and c.on("global.adminPartitions.enabled"),
        "global.federation.enabled and global.adminPartitions.enabled exclude each other",
        "keep one of the two",
    ),
    _Refusal(
        lambda c: c.on("global.federation.enabled") and not c.on("meshGateway.enabled"),
        "global.federation.enabled needs meshGateway.enabled",
        "add mesh_gateway",
    ),
    _Refusal(
        lambda c: c.on("global.federation.enabled") and not c.on("global.tls.enabled"),
        "global.federation.enabled needs global.tls.enabled",
        "leave TLS on",
    ),
    _Refusal(
        lambda c: c.on("global.federation.createFederationSecret") and not c.on("global.federation.enabled"),
        "global.federation.createFederationSecret needs global.federation.enabled",
        "set both, or none",
    ),
    _Refusal(
        lambda c: (
            c.on("global.federation.createFederationSecret")
            and c.acls
            and not c.on("global.acls.createReplicationToken")
        ),
        "global.federation.createFederationSecret needs global.acls.createReplicationToken with ACLs",
        "set both",
    ),
    _Refusal(
        lambda c: c.on("global.adminPartitions.enabled") and not c.on("global.enableConsulNamespaces"),
        "global.adminPartitions.enabled needs global.enableConsulNamespaces",
        "set both, or none",
    ),
    _Refusal(
        lambda c: c.on("global.metrics.disableAgentHostName") and not c.on("global.metrics.enableAgentMetrics"),
        "global.metrics.disableAgentHostName needs global.metrics.enableAgentMetrics",
        "leave metrics on",
    ),
    _Refusal(
        lambda c: (
            c.on("global.metrics.datadog.enabled")
            and not (c.on("global.metrics.enabled") and c.on("global.metrics.enableAgentMetrics"))
        ),
        "global.metrics.datadog.enabled needs global.metrics.enabled and enableAgentMetrics",
        "leave metrics on",
    ),
    _Refusal(
        lambda c: (
            c.on("global.metrics.datadog.dogstatsd.enabled")
            and c.on("global.metrics.datadog.openMetricsPrometheus.enabled")
        ),
        "global.metrics.datadog has dogstatsd and openMetricsPrometheus",
        "keep one of the two",
    ),
)


def chart_problems(values: Mapping[str, Any], given: Mapping[str, Any], label: str) -> Iterator[Problem]:
    """What is wrong with the values.

    Args:
        values: All values: ours, with the user's merged last.
        given: The user's own.
        label: The component's, such as ``Consul mesh``.
    """
    chart = _Chart(values)
    for each in _REFUSALS:
        if each.when(chart):
            yield Problem(Code.CONSUL_VALUES, f"the chart's values can't work: {each.message}", each.remedy, label)
    if _Chart(given).on("server.extraConfig"):
        message = "values.server.extraConfig replaces the servers' configuration, default_intention_policy with it"
        yield Problem(Code.CONSUL_VALUES, message, "write it as server_config, which is added to it", label)
    yield from _limits(chart, label)
    yield from _budgets(chart, label)


def _limits(chart: _Chart, label: str) -> Iterator[Problem]:
    """Rates are unlimited until they are set, so that a mode alone enforces nothing."""
    if not chart.servers or chart.get("server.limits.requestLimits.mode") != "enforce":
        return
    try:
        extra = _Chart(json.loads(chart.get("server.extraConfig", "{}")))
    except ValueError:
        return
    rates = [chart.get(f"server.limits.requestLimits.{key}", -1) for key in ("readRate", "writeRate")]
    rates += [extra.get(f"limits.request_limits.{key}", -1) for key in ("read_rate", "write_rate")]
    if all(rate == -1 for rate in rates):
        message = "the servers enforce request limits, and there is none: both rates are unlimited"
        remedy = "add server_config: {limits: {request_limits: {read_rate: 500, write_rate: 200}}}, or leave "
        yield Problem(Code.CONSUL_VALUES, message, f"{remedy}request_limits out", label)


def _budgets(chart: _Chart, label: str) -> Iterator[Problem]:
    budget = chart.get("connectInject.disruptionBudget", {})
    if isinstance(budget, Mapping) and (message := blocked_drain(chart.number("connectInject.replicas"), budget)):
        remedy = "use 3 injectors, or allow one to be away: connectInject.disruptionBudget.maxUnavailable: 1"
        yield Problem(Code.CONSUL_BUDGET, message, remedy, label)
    one = chart.number("server.replicas") == 1
    if chart.servers and one and chart.get("server.disruptionBudget.enabled", True):
        message = "the budget of 1 server lets no node be drained"
        yield Problem(
            Code.CONSUL_BUDGET, message, "use 3 servers, or set server.disruptionBudget.enabled: false", label
        )
