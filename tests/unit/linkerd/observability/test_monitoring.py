"""The recorded graph of LinkerdMonitoring: what is scraped, what is alerted on, what is shown."""

import json
from typing import Any

import pytest

from meshwright import LinkerdMonitoring
from meshwright.engine.graph import Graph
from meshwright.kubernetes.errors import ComponentError
from meshwright.linkerd.observability.alerts import Watched, alerts
from meshwright.linkerd.observability.dashboards import DASHBOARDS
from meshwright.linkerd.observability.scraping import JOBS
from tests.unit.graphs import inputs, shape, with_provider


def monitoring(**args: Any) -> Graph:
    return with_provider(lambda opts: LinkerdMonitoring("m", args, opts))  # type: ignore[arg-type]


def rules(graph: Graph) -> list[dict[str, Any]]:
    (group,) = inputs(graph, "m-alerts")["spec"]["groups"]
    assert group["name"] == "linkerd"
    return list(group["rules"])


def test_a_monitor_for_each_kind_of_pod_the_rules_and_the_dashboards() -> None:
    monitor = "kubernetes:monitoring.coreos.com/v1:PodMonitor"
    assert shape(monitoring()) == [
        ("meshwright:index:LinkerdMonitoring", "m", "test-dev"),
        *((monitor, f"m-{job}", "m") for job in JOBS),
        ("kubernetes:monitoring.coreos.com/v1:PrometheusRule", "m-alerts", "m"),
        ("kubernetes:core/v1:ConfigMap", "m-dashboard-linkerd-health", "m"),
        ("kubernetes:core/v1:ConfigMap", "m-dashboard-linkerd-golden-signals", "m"),
    ]


def test_each_part_by_itself() -> None:
    def kinds(part: str) -> set[str]:
        return {token.rsplit(":", 1)[1] for token, _, _ in shape(monitoring(parts=[part]))} - {"LinkerdMonitoring"}

    assert [kinds(part) for part in ("monitors", "alerts", "dashboards")] == [
        {"PodMonitor"},
        {"PrometheusRule"},
        {"ConfigMap"},
    ]


def test_how_proxies_are_scraped() -> None:
    graph = monitoring(namespace="monitoring", labels={"release": "prom"}, interval="30s")
    assert inputs(graph, "m-linkerd-proxy") == {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": {"name": "linkerd-proxy", "namespace": "monitoring", "labels": {"release": "prom"}},
        "spec": {
            "namespaceSelector": {"any": True},
            "selector": {},
            "podMetricsEndpoints": [
                {
                    "interval": "30s",
                    "honorTimestamps": False,
                    "relabelings": [
                        {
                            "sourceLabels": [
                                "__meta_kubernetes_pod_container_name",
                                "__meta_kubernetes_pod_container_port_name",
                                "__meta_kubernetes_pod_label_linkerd_io_control_plane_ns",
                            ],
                            "action": "keep",
                            "regex": "linkerd-proxy;linkerd-admin;linkerd",
                        },
                        {
                            "action": "labelmap",
                            "regex": (
                                "__meta_kubernetes_pod_label_linkerd_io_proxy_"
                                "(deployment|statefulset|daemonset|cronjob)"
                            ),
                        },
                        {
                            "sourceLabels": ["__meta_kubernetes_pod_label_linkerd_io_proxy_job"],
                            "targetLabel": "k8s_job",
                        },
                        {"targetLabel": "job", "replacement": "linkerd-proxy"},
                    ],
                }
            ],
        },
    }
    controllers = inputs(graph, "m-linkerd-controller")["spec"]["namespaceSelector"]
    assert controllers == {"matchNames": ["linkerd", "linkerd-viz"]}


def test_the_end_of_each_anchor_is_recorded_and_alerts_have_labels_of_yours() -> None:
    ends = {"old": "2027-01-01", "new": "2037-01-01T00:00:00+00:00"}
    made = rules(
        monitoring(cert_manager=False, anchors=ends, alert_labels={"team": "mesh"}, runbooks="https://runbooks.example")
    )
    assert made[:2] == [
        {
            "record": "linkerd:trust_anchor_expiry_timestamp_seconds",
            "expr": f"vector({seconds})",
            "labels": {"anchor": name},
        }
        for name, seconds in (("new", 2_114_380_800), ("old", 1_798_761_600))
    ]
    for rule in made[2:]:
        assert rule["labels"]["team"] == "mesh"
        assert rule["annotations"]["runbook_url"] == f"https://runbooks.example#{rule['alert'].lower()}"


def test_alerts_are_those_whose_metrics_are_there() -> None:
    def called(**args: Any) -> set[str]:
        return {rule["alert"] for rule in rules(monitoring(parts=["alerts"], **args)) if "alert" in rule}

    least, more = called(cert_manager=False), called(kube_state_metrics=True, multicluster=True)
    assert more - least == {
        "LinkerdSecretUnread",
        "LinkerdCertificateNotRenewed",
        "LinkerdPodNotInjected",
        "LinkerdDestinationMemory",
        "LinkerdGatewayDown",
    }


def test_the_issuer_is_judged_by_its_own_renewal() -> None:
    late = {each.name: each for each in alerts(Watched(renew_before_s=10 * 86_400))}
    assert late["LinkerdIssuerNotRenewed"].expr.endswith(" < 860400")
    assert late["LinkerdIssuerAboutToExpire"].expr.endswith(" < 432000")


def test_dashboards_are_grafana_s() -> None:
    graph = monitoring(dashboard_labels={"grafana": "yes"})
    for dashboard in DASHBOARDS:
        made = inputs(graph, f"m-dashboard-{dashboard.name}")
        assert made["metadata"] == {"name": dashboard.name, "namespace": "linkerd", "labels": {"grafana": "yes"}}
        model = json.loads(made["data"][f"{dashboard.name}.json"])
        assert (model["uid"], model["tags"]) == (f"meshwright-{dashboard.name}", ["linkerd"])
        assert {panel["type"] for panel in model["panels"]} <= {"row", "timeseries", "stat", "table"}


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ({"parts": ["logs"]}, "the part 'logs' is unknown; one of: monitors, alerts, dashboards (MW-E050)"),
        (
            {"anchors": {"2026": "soon"}},
            "the anchor's end 'soon' is no moment; write it as 2036-11-20T00:00:00+00:00 (MW-E050)",
        ),
    ],
)
def test_what_monitoring_refuses(args: dict[str, Any], line: str) -> None:
    with pytest.raises(ComponentError) as error:
        monitoring(**args)
    assert str(error.value) == f"LinkerdMonitoring m: {line}"
