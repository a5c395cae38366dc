"""The recorded graph of MeshMonitoring: what is scraped, what is alerted on, what is shown."""

import json
import re
from typing import Any

import pytest

from meshwright import MeshMonitoring
from meshwright.engine.graph import Graph
from meshwright.istio.observability.alerts import alerts
from meshwright.istio.observability.dashboards import DASHBOARDS
from meshwright.istio.observability.scraping import JOBS
from meshwright.kubernetes.errors import ComponentError
from tests.unit.graphs import inputs, shape, with_provider


def monitoring(**args: Any) -> Graph:
    return with_provider(lambda opts: MeshMonitoring("m", args, opts))  # type: ignore[arg-type]


def rules(graph: Graph) -> dict[str, dict[str, Any]]:
    (group,) = inputs(graph, "m-alerts")["spec"]["groups"]
    assert group["name"] == "istio-ambient"
    return {rule["alert"]: rule for rule in group["rules"]}


def test_a_monitor_for_each_kind_of_pod_the_rules_and_the_dashboards() -> None:
    monitor = "kubernetes:monitoring.coreos.com/v1:PodMonitor"
    assert shape(monitoring()) == [
        ("meshwright:index:MeshMonitoring", "m", "test-dev"),
        (monitor, "m-istiod", "m"),
        (monitor, "m-ztunnel", "m"),
        (monitor, "m-istio-cni", "m"),
        (monitor, "m-waypoint", "m"),
        ("kubernetes:monitoring.coreos.com/v1:PrometheusRule", "m-alerts", "m"),
        ("kubernetes:core/v1:ConfigMap", "m-dashboard-mesh-health", "m"),
        ("kubernetes:core/v1:ConfigMap", "m-dashboard-l4", "m"),
        ("kubernetes:core/v1:ConfigMap", "m-dashboard-l7", "m"),
    ]


def test_each_part_by_itself() -> None:
    def kinds(*parts: str) -> set[str]:
        return {token.rsplit(":", 1)[1] for token, _, _ in shape(monitoring(parts=list(parts)))} - {"MeshMonitoring"}

    assert kinds("monitors") == {"PodMonitor"}
    assert kinds("alerts") == {"PrometheusRule"}
    assert kinds("dashboards") == {"ConfigMap"}


def test_where_the_pods_are_and_how_they_are_scraped() -> None:
    graph = monitoring(
        namespace="monitoring", agents_namespace="kube-system", labels={"release": "prom"}, interval="30s"
    )
    assert inputs(graph, "m-ztunnel") == {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": {"name": "ztunnel", "namespace": "monitoring", "labels": {"release": "prom"}},
        "spec": {
            "namespaceSelector": {"matchNames": ["kube-system"]},
            "selector": {"matchLabels": {"app": "ztunnel"}},
            "podMetricsEndpoints": [
                {
                    "port": "ztunnel-stats",
                    "path": "/metrics",
                    "interval": "30s",
                    "relabelings": [
                        {"targetLabel": "job", "replacement": "ztunnel"},
                        {"sourceLabels": ["__meta_kubernetes_pod_node_name"], "targetLabel": "node"},
                    ],
                }
            ],
        },
    }
    assert inputs(graph, "m-istiod")["spec"]["namespaceSelector"] == {"matchNames": ["istio-system"]}
    waypoint = inputs(graph, "m-waypoint")["spec"]
    assert waypoint["namespaceSelector"] == {"any": True}
    assert waypoint["podMetricsEndpoints"][0]["relabelings"][-1] == {
        "sourceLabels": ["__meta_kubernetes_pod_label_gateway_networking_k8s_io_gateway_name"],
        "targetLabel": "waypoint",
    }


def test_every_rule_says_how_bad_it_is_and_what_to_do() -> None:
    made = rules(monitoring(alert_labels={"team": "mesh"}, runbooks="https://wiki.example/mesh"))
    for name, rule in made.items():
        assert rule["labels"]["team"] == "mesh"
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert rule["annotations"]["runbook_url"] == f"https://wiki.example/mesh#{name.lower()}"
        assert not rule["annotations"]["summary"].endswith(".")
        assert rule["annotations"]["description"].endswith(".")
    assert len(made) == 20


def test_alerts_go_by_the_jobs_that_the_monitors_name() -> None:
    named = {job for alert in alerts() for job in re.findall(r'job="([^"]+)"', alert.expr)}
    named |= {
        job for board in DASHBOARDS for query in board.queries() for job in re.findall(r'job="([^"]+)"', query.expr)
    }
    assert named == set(JOBS)


def test_waypoints_that_have_to_be_there() -> None:
    graph = monitoring(waypoints=[{"namespace": "catalog", "name": "waypoint"}])
    assert rules(graph)["WaypointDown"]["expr"] == (
        'max by (namespace, waypoint) (up{job="waypoint"}) == 0 or '
        'absent(up{job="waypoint",namespace="catalog",waypoint="waypoint"})'
    )


def test_capture_is_judged_pod_by_pod_where_kube_state_metrics_tells() -> None:
    more = rules(monitoring(kube_state_metrics=True)).keys() - rules(monitoring()).keys()
    assert more == {"IstioPodNotCaptured", "IstioCaptureUnobserved"}


def test_dashboards_are_what_grafanas_sidecar_looks_for() -> None:
    graph = monitoring(dashboard_labels={"dashboards": "mesh"})
    assert inputs(monitoring(), "m-dashboard-l7")["metadata"] == {
        "name": "istio-ambient-l7",
        "namespace": "istio-system",
        "labels": {"grafana_dashboard": "1"},
    }
    config_map = inputs(graph, "m-dashboard-l7")
    assert config_map["metadata"]["labels"] == {"dashboards": "mesh"}
    model = json.loads(config_map["data"]["istio-ambient-l7.json"])
    assert model["uid"] == "meshwright-l7"
    assert [variable["name"] for variable in model["templating"]["list"]] == ["datasource", "namespace", "service"]


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=[each.name for each in DASHBOARDS])
def test_panels_lie_beside_each_other_and_never_over(dashboard: Any) -> None:
    panels = dashboard.model()["panels"]
    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken
        taken |= cells


def test_a_number_is_of_now_and_a_graph_of_the_time_looked_at() -> None:
    panels = [panel for each in DASHBOARDS for panel in each.model()["panels"] if panel["type"] != "row"]
    assert {panel["type"] for panel in panels} == {"timeseries", "stat", "table"}
    for panel in panels:
        assert panel["description"] or panel["title"]
        for target in panel["targets"]:
            assert target["instant"] is (panel["type"] != "timeseries")
            assert ("format" in target) is (panel["type"] == "table")


def test_parts_that_do_not_exist() -> None:
    with pytest.raises(
        ComponentError, match=r"MeshMonitoring m: the part 'logs' is unknown; one of: monitors, alerts, "
    ):
        monitoring(parts=["alerts", "logs"])


def test_no_provider_no_monitoring() -> None:
    with pytest.raises(ComponentError, match="MW-E051"):
        MeshMonitoring("m", {})
