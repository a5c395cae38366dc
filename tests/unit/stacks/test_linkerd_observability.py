"""What a stack that says how Linkerd is watched registers."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from meshwright.config.load import parse_config
from meshwright.engine.graph import Graph
from meshwright.engine.project import load_project
from meshwright.engine.run import run_program
from meshwright.engine.stack import load_stack_settings
from meshwright.errors import ConfigError
from tests.unit.graphs import find, inputs, names

CHECKOUT = Path(__file__).parents[3]


@cache
def graph() -> Graph:
    project = load_project(CHECKOUT)
    return run_program(project, load_stack_settings(project, "linkerd-observability"))


def test_it_is_watched_where_the_stack_says() -> None:
    monitor = inputs(graph(), "monitoring-linkerd-proxy")["metadata"]
    assert monitor == {
        "name": "linkerd-proxy",
        "namespace": "monitoring",
        "labels": {"release": "kube-prometheus-stack"},
    }
    (group,) = inputs(graph(), "monitoring-alerts")["spec"]["groups"]
    alerts = {rule["alert"]: rule for rule in group["rules"] if "alert" in rule}
    assert alerts["LinkerdIssuerNotRenewed"]["expr"].endswith(" < 86400")  # an hour below 25 of them
    assert alerts["LinkerdPodNotInjected"]["labels"] == {"team": "platform", "severity": "critical"}
    assert "mesh-control-plane" in {
        name for each in names(find(graph(), "monitoring-alerts").dependencies) for name in [each]
    }


def test_spans_go_to_the_collector() -> None:
    tracing = inputs(graph(), "mesh-control-plane")["values"]["proxy"]["tracing"]
    assert tracing == {
        "enabled": True,
        "collector": {
            "endpoint": "otel-collector.observability.svc.cluster.local:4317",
            "meshIdentity": {"serviceAccountName": "otel-collector", "namespace": "observability"},
        },
    }


@pytest.mark.parametrize(
    ("observability", "line"),
    [
        (
            {"monitors": False, "alerts": False, "dashboards": False},
            "mesh.observability has monitors, alerts and dashboards off: nothing is left",
        ),
        (
            {"alert_labels": {"severity": "high"}},
            "mesh.observability.alert_labels has severity, which each alert has of its own",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(observability: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError, match=line):
        parse_config({"kind": "linkerd", "observability": observability}, [], None)
