"""What a stack that says how Consul is watched registers."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshwright.config.load import parse_config
from meshwright.engine.graph import Graph
from meshwright.engine.project import load_project
from meshwright.engine.run import run_program
from meshwright.engine.stack import load_stack_settings
from meshwright.errors import ConfigError
from tests.unit.graphs import find, inputs, names

CHECKOUT = Path(__file__).parents[3]
TOKEN = {"secret": "t", "key": "token"}
VAULT = {"address": "https://vault:8200"}
ELSEWHERE = {"hosts": ["consul.internal"], "bootstrap_token": TOKEN, "kubernetes_host": "https://k8s"}


@cache
def graph() -> Graph:
    project = load_project(CHECKOUT)
    return run_program(project, load_stack_settings(project, "consul-production"))


def test_it_is_watched_where_the_stack_says() -> None:
    monitor = inputs(graph(), "monitoring-consul-server")
    assert monitor["metadata"] == {
        "name": "consul-server",
        "namespace": "consul",
        "labels": {"release": "kube-prometheus-stack"},
    }
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert endpoint["tlsConfig"]["serverName"] == "server.prod-eu.consul"
    assert endpoint["authorization"] == {"credentials": {"name": "consul-prometheus", "key": "token"}}
    (group,) = inputs(graph(), "monitoring-alerts")["spec"]["groups"]
    assert group["rules"][0]["labels"] == {"team": "platform", "severity": "critical"}
    assert "mesh-release" in names(find(graph(), "monitoring-alerts").dependencies)


@pytest.mark.parametrize(
    ("mesh", "line"),
    [
        (
            {"monitoring": {"monitors": False, "alerts": False, "dashboards": False}},
            "mesh.monitoring has monitors, alerts and dashboards off: nothing is left",
        ),
        (
            {"monitoring": {"alert_labels": {"severity": "page"}}},
            "mesh.monitoring.alert_labels has severity, which each alert has of its own: critical, warning or info",
        ),
        (
            {"monitoring": {}, "control_plane": {"metrics": False}},
            "mesh.monitoring watches metrics, and control_plane.metrics is false",
        ),
        (
            {"monitoring": {"token": TOKEN}, "external_servers": ELSEWHERE},
            "mesh.monitoring.token is for servers in the cluster, and external_servers has them elsewhere",
        ),
        (
            {"monitoring": {"token": TOKEN}, "vault": VAULT},
            "mesh.monitoring needs to know what the servers' certificate is verified with: Vault signs",
        ),
        (
            {"monitoring": {"token": TOKEN, "namespace": "monitoring"}},
            "its Secret consul-ca-cert is in the namespace consul",
        ),
    ],
)
def test_what_is_refused(mesh: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_config({"kind": "consul", **mesh}, [])
    assert line in str(error.value)


def test_a_ca_beside_the_monitor_is_taken() -> None:
    found = parse_config({"kind": "consul", "vault": VAULT, "monitoring": {"token": TOKEN, "ca": TOKEN}}, [])
    assert found.mesh.monitoring.ca.secret == "t"  # type: ignore[union-attr]


def test_the_page_shows_what_the_example_has() -> None:
    page = (CHECKOUT / "docs/consul/observability.md").read_text("utf-8")
    shown = yaml.safe_load(page.split("```yaml\n", 1)[1].split("```", 1)[0])
    stack = yaml.safe_load((CHECKOUT / "stacks/Pulumi.consul-production.yaml").read_text("utf-8"))
    assert shown["monitoring"] == stack["config"]["meshwright:mesh"]["monitoring"]
