"""The recorded graph of Waypoint: a Gateway with what Istio leaves out, and nothing that can go missing under it."""

from typing import Any

import pytest
import yaml

from meshwright import Waypoint
from meshwright.engine.graph import Graph
from meshwright.kubernetes.errors import ComponentError
from tests.unit.graphs import find, inputs, names, shape, with_provider


def waypoint(**args: Any) -> Graph:
    return with_provider(lambda opts: Waypoint("edge", {"namespace": "shop", **args}, opts))  # type: ignore[typeddict-item]


def parameters(graph: Graph) -> dict[str, Any]:
    data = inputs(graph, "edge-parameters")["data"]
    return {kind: yaml.safe_load(text) for kind, text in data.items()}


def test_a_config_map_and_then_a_gateway() -> None:
    graph = waypoint()
    assert shape(graph) == [
        ("meshwright:index:Waypoint", "edge", "test-dev"),
        ("kubernetes:core/v1:ConfigMap", "edge-parameters", "edge"),
        ("kubernetes:gateway.networking.k8s.io/v1:Gateway", "edge-gateway", "edge"),
    ]
    assert names(find(graph, "edge-gateway").dependencies) == {"edge-parameters"}


def test_the_gateway() -> None:
    graph = waypoint()
    config_map = inputs(graph, "edge-parameters")["metadata"]["name"]
    assert inputs(graph, "edge-gateway") == {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {
            "name": "waypoint",
            "namespace": "shop",
            "labels": {"istio.io/waypoint-for": "service"},
            "annotations": {"pulumi.com/waitFor": "condition=Programmed"},
        },
        "spec": {
            "gatewayClassName": "istio-waypoint",
            "infrastructure": {"parametersRef": {"group": "", "kind": "ConfigMap", "name": config_map}},
            "listeners": [
                {
                    "name": "mesh",
                    "port": 15008,
                    "protocol": "HBONE",
                    "allowedRoutes": {"namespaces": {"from": "Same"}},
                }
            ],
        },
    }
    assert find(graph, "edge").outputs == {"name": "waypoint"}


def test_what_istio_leaves_out_is_asked_for() -> None:
    pods = {"matchLabels": {"gateway.networking.k8s.io/gateway-name": "waypoint"}}
    assert parameters(waypoint()) == {
        "deployment": {
            "spec": {
                "template": {
                    "spec": {
                        "topologySpreadConstraints": [
                            {
                                "maxSkew": 1,
                                "topologyKey": key,
                                "whenUnsatisfiable": "ScheduleAnyway",
                                "labelSelector": pods,
                            }
                            for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
                        ]
                    }
                }
            }
        },
        "horizontalPodAutoscaler": {
            "spec": {
                "minReplicas": 2,
                "maxReplicas": 5,
                "metrics": [
                    {
                        "type": "Resource",
                        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
                    }
                ],
            }
        },
        "podDisruptionBudget": {"spec": {"maxUnavailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow"}},
    }


def test_the_parameters_are_plain_yaml_without_aliases() -> None:
    texts = inputs(waypoint(), "edge-parameters")["data"].values()
    assert not any("&" in text or "*" in text for text in texts)


def test_other_parameters_have_another_name_so_that_the_old_ones_stay_until_the_gateway_has_moved() -> None:
    one, same, other = (inputs(waypoint(**args), "edge-parameters") for args in ({}, {}, {"min_replicas": 3}))
    assert one["immutable"] is True
    assert one["metadata"] == same["metadata"]
    assert one["metadata"]["name"] != other["metadata"]["name"]
    assert other["metadata"]["name"].startswith("waypoint-")


def test_what_is_yours_to_set() -> None:
    graph = waypoint(
        name="l7",
        waypoint_for="all",
        revision="prod",
        min_replicas=3.0,
        max_replicas=9.0,
        cpu_percent=60.0,
        resources={"requests": {"cpu": "500m"}},
        overlays={
            "service": {"metadata": {"annotations": {"a": "b"}}},
            "podDisruptionBudget": {"spec": {"maxUnavailable": 2}},
        },
    )
    gateway, overlay = inputs(graph, "edge-gateway"), parameters(graph)
    assert gateway["metadata"]["name"] == "l7"
    assert gateway["metadata"]["labels"] == {"istio.io/waypoint-for": "all", "istio.io/rev": "prod"}
    scaling = overlay["horizontalPodAutoscaler"]["spec"]
    assert (scaling["minReplicas"], scaling["maxReplicas"]) == (3, 9)
    assert scaling["metrics"][0]["resource"]["target"]["averageUtilization"] == 60
    (container,) = overlay["deployment"]["spec"]["template"]["spec"]["containers"]
    assert container == {"name": "istio-proxy", "resources": {"requests": {"cpu": "500m"}}}
    assert overlay["service"] == {"metadata": {"annotations": {"a": "b"}}}
    assert overlay["podDisruptionBudget"]["spec"] == {"maxUnavailable": 2, "unhealthyPodEvictionPolicy": "AlwaysAllow"}


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        (["*"], {"from": "All"}),
        (
            ["web", "api"],
            {
                "from": "Selector",
                "selector": {
                    "matchExpressions": [
                        {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["shop", "api", "web"]}
                    ]
                },
            },
        ),
    ],
)
def test_other_namespaces_may_use_it_when_they_are_allowed(allowed: list[str], expected: dict[str, Any]) -> None:
    (listener,) = inputs(waypoint(allowed_namespaces=allowed), "edge-gateway")["spec"]["listeners"]
    assert listener["allowedRoutes"] == {"namespaces": expected}


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (
            {"waypoint_for": "services"},
            "waypoint_for 'services' is unknown; one of: service, workload, all, none (MW-E050)",
        ),
        ({"name": "none"}, "the name 'none' is reserved: it means no waypoint; choose another name (MW-E050)"),
        ({"min_replicas": 0}, "0 to 5 replicas is no range; 1 <= min_replicas <= max_replicas (MW-E050)"),
        (
            {"min_replicas": 4, "max_replicas": 3},
            "4 to 3 replicas is no range; 1 <= min_replicas <= max_replicas (MW-E050)",
        ),
    ],
)
def test_what_cannot_work_is_refused(args: dict[str, Any], line: str) -> None:
    with pytest.raises(ComponentError) as error:
        waypoint(**args)
    assert str(error.value) == f"Waypoint edge: {line}"


def test_more_replicas_than_the_default_maximum_move_the_maximum() -> None:
    scaling = parameters(waypoint(min_replicas=8))["horizontalPodAutoscaler"]["spec"]
    assert (scaling["minReplicas"], scaling["maxReplicas"]) == (8, 8)
