"""The recorded graph of ConsulMonitoring: what is scraped, what is alerted on, what is shown."""

import json
from typing import Any

import pytest

from meshwright import ConsulMonitoring
from meshwright.consul.observability.alerts import Watched, alerts
from meshwright.consul.observability.dashboards import DASHBOARDS
from meshwright.engine.graph import Graph
from meshwright.kubernetes.errors import ComponentError
from tests.unit.graphs import inputs, shape, with_provider

TOKEN = {"secret_name": "consul-prometheus", "secret_key": "token"}
CA = {"secret_name": "ca", "secret_key": "ca.crt"}


def monitoring(**args: Any) -> Graph:
    return with_provider(lambda opts: ConsulMonitoring("m", args, opts))  # type: ignore[arg-type]


def rules(graph: Graph) -> dict[str, dict[str, Any]]:
    (group,) = inputs(graph, "m-alerts")["spec"]["groups"]
    assert group["name"] == "consul"
    return {each["alert"]: each for each in group["rules"]}


def test_a_monitor_for_each_kind_of_pod_the_rules_and_the_dashboards() -> None:
    monitor = "kubernetes:monitoring.coreos.com/v1:PodMonitor"
    assert shape(monitoring(token=TOKEN)) == [
        ("meshwright:index:ConsulMonitoring", "m", "test-dev"),
        *((monitor, f"m-{job}", "m") for job in ("consul-server", "consul-gateway", "consul-proxy")),
        ("kubernetes:monitoring.coreos.com/v1:PrometheusRule", "m-alerts", "m"),
        ("kubernetes:core/v1:ConfigMap", "m-dashboard-consul-health", "m"),
        ("kubernetes:core/v1:ConfigMap", "m-dashboard-consul-golden-signals", "m"),
    ]


def test_without_a_token_nothing_of_the_servers_is_watched() -> None:
    graph = monitoring()
    assert [name for _, name, parent in shape(graph) if parent == "m"] == [
        "m-consul-gateway",
        "m-consul-proxy",
        "m-alerts",
        "m-dashboard-consul-golden-signals",
    ]
    assert list(rules(graph)) == [each.name for each in alerts(Watched(servers=False))]
    assert "consul-server" not in json.dumps(inputs(graph, "m-alerts"))


def test_each_part_by_itself() -> None:
    def kinds(part: str) -> set[str]:
        return {token.rsplit(":", 1)[1] for token, _, _ in shape(monitoring(parts=[part]))} - {"ConsulMonitoring"}

    assert [kinds(part) for part in ("monitors", "alerts", "dashboards")] == [
        {"PodMonitor"},
        {"PrometheusRule"},
        {"ConfigMap"},
    ]


def test_how_servers_are_scraped() -> None:
    graph = monitoring(namespace="monitoring", token=TOKEN, ca=CA, datacenter="eu", labels={"release": "prom"})
    assert inputs(graph, "m-consul-server") == {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": {"name": "consul-server", "namespace": "monitoring", "labels": {"release": "prom"}},
        "spec": {
            "namespaceSelector": {"matchNames": ["consul"]},
            "selector": {"matchLabels": {"app": "consul", "component": "server"}},
            "podMetricsEndpoints": [
                {
                    "port": "https",
                    "scheme": "https",
                    "path": "/v1/agent/metrics",
                    "params": {"format": ["prometheus"]},
                    "interval": "15s",
                    "authorization": {"credentials": {"name": "consul-prometheus", "key": "token"}},
                    "tlsConfig": {"ca": {"secret": {"name": "ca", "key": "ca.crt"}}, "serverName": "server.eu.consul"},
                    "relabelings": [{"targetLabel": "job", "replacement": "consul-server"}],
                }
            ],
        },
    }


def test_how_proxies_are_scraped() -> None:
    spec = inputs(monitoring(interval="30s"), "m-consul-proxy")["spec"]
    assert spec["namespaceSelector"] == {"any": True}
    (endpoint,) = spec["podMetricsEndpoints"]
    assert endpoint["interval"] == "30s"
    assert "port" not in endpoint
    address = [each["replacement"] for each in endpoint["relabelings"] if each.get("targetLabel") == "__address__"]
    assert address == ["$1:20200", "[$1]:20200"]
    assert endpoint["relabelings"][0]["regex"] == "consul-dataplane.*"
    assert endpoint["relabelings"][-1] == {"targetLabel": "job", "replacement": "consul-proxy"}
    gateways = inputs(monitoring(), "m-consul-gateway")["spec"]["podMetricsEndpoints"][0]["relabelings"]
    assert gateways[0]["targetLabel"] == "component"


def test_what_the_bounds_of_the_alerts_come_from() -> None:
    given = {"token": TOKEN, "ca": CA, "vault": True, "leaf_lifetime_hours": 24, "intermediate_lifetime_hours": 240}
    found = rules(monitoring(**given, alert_labels={"team": "mesh"}, runbooks="https://r"))
    assert found["ConsulIntermediateNotRenewed"]["expr"].endswith("< 388800")  # 120 hours less a tenth
    assert found["ConsulIntermediateAboutToExpire"]["expr"].endswith("< 259200")
    assert found["ConsulServerCertificateExpiresSoon"]["expr"].endswith("< 259200")
    assert found["ConsulServerCertificateExpiresSoon"]["labels"] == {"team": "mesh", "severity": "critical"}
    assert found["ConsulNoLeader"]["annotations"]["runbook_url"] == "https://r#consulnoleader"
    without = rules(monitoring(token=TOKEN))
    assert without["ConsulServerCertificateExpiresSoon"]["expr"].endswith("< 2592000")
    assert without["ConsulServerCertificateExpiresSoon"]["labels"] == {"severity": "warning"}


def test_dashboards_are_grafanas() -> None:
    graph = monitoring(token=TOKEN, dashboard_labels={"folder": "mesh"})
    for dashboard in DASHBOARDS:
        config = inputs(graph, f"m-dashboard-{dashboard.name}")
        assert config["metadata"]["labels"] == {"folder": "mesh"}
        assert json.loads(config["data"][f"{dashboard.name}.json"])["title"] == dashboard.title


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"parts": ["traces"]}, "the part 'traces' is unknown; one of: monitors, alerts, dashboards (MW-E050)"),
        ({"token": TOKEN, "vault": True}, "nothing says what their certificate is verified with; give ca"),
        ({"token": TOKEN, "namespace": "monitoring"}, "the Secret consul-ca-cert is in another namespace"),
    ],
)
def test_refusals(args: dict[str, Any], said: str) -> None:
    with pytest.raises(ComponentError) as error:
        monitoring(**args)
    assert said in str(error.value)
