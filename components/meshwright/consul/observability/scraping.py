"""What Prometheus scrapes of Consul: servers, gateways and proxies.

The chart annotates pods with ``prometheus.io/scrape``, which the Prometheus operator doesn't read. Servers ask for a
token that may read agents (``agent/agent_endpoint.go``, ``AgentMetrics``), as soon as ACLs are on; proxies for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from meshwright.consul.labels import DATAPLANE_CONTAINER, INJECT_STATUS, METRICS_PORT, SERVER_SELECTOR

if TYPE_CHECKING:
    from meshwright.consul.vault.backend import SecretKey

SERVER: Final = "consul-server"
GATEWAY: Final = "consul-gateway"
PROXY: Final = "consul-proxy"
JOBS: Final = (SERVER, GATEWAY, PROXY)
"""The values of the label ``job``; alerts and dashboards go by them."""
GATEWAYS: Final = ("api-gateway", "mesh-gateway", "terminating-gateway")
"""Values of the label ``component`` of gateways' pods."""
_PATH: Final = "/v1/agent/metrics"
_CONTAINER: Final = "__meta_kubernetes_pod_container_name"
_IP: Final = "__meta_kubernetes_pod_ip"
_COMPONENT: Final = "__meta_kubernetes_pod_label_component"


@dataclass(frozen=True, slots=True)
class ServerAccess:
    """How Prometheus gets in to the servers."""

    token: SecretKey
    """A Secret beside the monitor."""
    ca: SecretKey
    """What their certificate is verified with; a Secret beside the monitor."""
    server_name: str
    """The name in it: ``server.dc1.consul``."""


def server_monitor(namespace: str, access: ServerAccess, interval: str) -> dict[str, Any]:
    """The spec of the servers' PodMonitor."""
    endpoint = {
        "port": "https",
        "scheme": "https",
        "path": _PATH,
        "params": {"format": ["prometheus"]},
        "interval": interval,
        "authorization": {"credentials": _selector(access.token)},
        "tlsConfig": {"ca": {"secret": _selector(access.ca)}, "serverName": access.server_name},
        "relabelings": [_job(SERVER)],
    }
    return _spec([namespace], {"matchLabels": dict(SERVER_SELECTOR)}, endpoint)


def gateway_monitor(interval: str) -> dict[str, Any]:
    """The spec of the gateways' PodMonitor. API gateways are in the namespaces of their Gateways."""
    kinds = {"key": "component", "operator": "In", "values": list(GATEWAYS)}
    named = {"sourceLabels": [_COMPONENT], "targetLabel": "component"}
    return _spec([], {"matchExpressions": [kinds]}, _of_proxy(interval, GATEWAY, [named]))


def proxy_monitor(interval: str) -> dict[str, Any]:
    """The spec of the proxies' PodMonitor."""
    injected = {"key": INJECT_STATUS, "operator": "In", "values": ["injected"]}
    # One target a pod: of a pod with several containers, that of its first proxy.
    own = {"sourceLabels": [_CONTAINER], "action": "keep", "regex": f"{DATAPLANE_CONTAINER}.*"}
    return _spec([], {"matchExpressions": [injected]}, _of_proxy(interval, PROXY, [own]))


def _of_proxy(interval: str, job: str, relabelings: list[dict[str, Any]]) -> dict[str, Any]:
    """An endpoint at the port of a dataplane's metrics, which not every container declares."""
    address = {"sourceLabels": [_IP], "targetLabel": "__address__", "replacement": f"$1:{METRICS_PORT}"}
    v6 = {
        "sourceLabels": [_IP],
        "regex": "(.*:.*)",
        "targetLabel": "__address__",
        "replacement": f"[$1]:{METRICS_PORT}",
    }
    one = {"targetLabel": "container", "replacement": DATAPLANE_CONTAINER}
    return {"path": "/metrics", "interval": interval, "relabelings": [*relabelings, address, v6, one, _job(job)]}


def _job(name: str) -> dict[str, str]:
    return {"targetLabel": "job", "replacement": name}


def _selector(secret: SecretKey) -> dict[str, str]:
    return {"name": secret["secret_name"], "key": secret["secret_key"]}


def _spec(namespaces: list[str], selector: dict[str, Any], endpoint: dict[str, Any]) -> dict[str, Any]:
    return {
        "namespaceSelector": {"matchNames": namespaces} if namespaces else {"any": True},
        "selector": selector,
        "podMetricsEndpoints": [endpoint],
    }
