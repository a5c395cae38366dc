"""What `traffic` and `egress` in a stack file become."""

import json
from pathlib import Path
from typing import Any

from meshwright.engine.graph import Graph
from meshwright.engine.project import load_project
from meshwright.engine.run import run_program
from meshwright.engine.stack import StackSettings
from tests.unit.graphs import find, inputs, names, shape

ROOT = Path(__file__).parents[3]


def run(**mesh: Any) -> Graph:
    wanted = {"kind": "istio-ambient", "version": "1.31", "cluster": {"context": "c", "platform": "kind"}, **mesh}
    settings = StackSettings("x", config={"meshwright:mesh": json.dumps(wanted)}, secret_keys=frozenset())
    return run_program(load_project(ROOT), settings)


def shop(*traffic: dict[str, Any], **namespace: Any) -> dict[str, Any]:
    return {"name": "shop", "phase": "permissive", "waypoint": {"reason": "routing"}, "traffic": traffic, **namespace}


def test_all_that_a_stack_may_say_of_a_service_reaches_the_component() -> None:
    said = {
        "service": "reviews",
        "port": 9080,
        "protocol": "http",
        "versions": [{"service": "reviews-v2", "selector": {"version": "v2"}, "target_port": 8080}],
        "routes": [
            {
                "match": [
                    {
                        "path_prefix": "/v1",
                        "methods": ["GET"],
                        "headers": {"x": "1"},
                        "headers_regex": {"y": ".+"},
                        "query": {"q": "1"},
                        "query_regex": {"r": ".+"},
                    }
                ],
                "to": [{"service": "reviews-v2", "port": 9080, "weight": 3}],
                "timeout": "2s",
                "retries": {
                    "attempts": 1,
                    "retry_on": ["5xx"],
                    "per_try_timeout": "1s",
                    "backoff": "10ms",
                    "idempotent": True,
                },
                "fault": {"delay": {"duration": "1s", "percent": 1}, "abort": {"status": 503, "percent": 2}},
                "mirror": {"service": "shadow", "port": 80, "percent": 5},
            }
        ],
        "timeout": "5s",
        "retries": {"attempts": 2},
        "connection_pool": {"max_connections": 10, "connect_timeout": "1s"},
        "outlier_detection": {"consecutive_5xx": 5, "interval": "10s"},
        "traffic_distribution": "PreferSameZone",
    }
    graph = run(namespaces=[shop(said)])
    assert inputs(graph, "reviews.shop") == {"namespace": "shop", "waypoint": "waypoint", **said}
    assert "shop-use-waypoint" in names(find(graph, "reviews.shop-route").dependencies)
    assert graph.outputs["routes"] == {"reviews.shop": "VirtualService (alpha)"}
    assert "which is alpha" in "".join(each.message for each in graph.logs)


def test_a_service_behind_the_waypoint_of_another_namespace() -> None:
    front = {"name": "front", "phase": "strict", "waypoint": {"reason": "routing", "allowed_namespaces": ["shop"]}}
    behind = shop(
        {"service": "reviews", "port": 80, "timeout": "1s"}, waypoint=None, use_waypoint={"namespace": "front"}
    )
    graph = run(namespaces=[front, behind])
    assert inputs(graph, "reviews.shop")["waypoint"] == "waypoint"
    assert graph.outputs["routes"] == {"reviews.shop": "HTTPRoute (stable)"}


def test_services_whose_names_run_together_are_told_apart() -> None:
    near = {"port": 80, "traffic_distribution": "PreferSameZone"}
    graph = run(
        namespaces=[
            shop({"service": "cart-api", **near}),
            {**shop({"service": "api", **near}), "name": "shop-cart"},
        ]
    )
    assert [name for token, name, _ in shape(graph) if token.endswith(":TrafficPolicy")] == [
        "cart-api.shop",
        "api.shop-cart",
    ]


def test_a_service_without_a_waypoint_prefers_what_is_near() -> None:
    near = {"service": "reviews", "port": 80, "traffic_distribution": "PreferSameNode"}
    graph = run(namespaces=[shop(near, waypoint=None)])
    assert inputs(graph, "reviews.shop") == {"namespace": "shop", **near}
    assert graph.outputs["routes"] == {"reviews.shop": "none (stable)"}


def test_all_that_a_stack_may_say_of_egress_reaches_the_component() -> None:
    said = {
        "hosts": [
            {
                "host": "api.example.com",
                "callers": [{"namespace": "shop", "service_accounts": ["cart"]}],
                "protocol": "http",
                "port": 80,
                "originate_tls": True,
                "target_port": 8443,
                "methods": ["GET"],
                "paths": ["/v1/*"],
                "connection_pool": {"max_connections": 5},
                "outlier_detection": {"consecutive_5xx": 3},
            }
        ],
        "namespace": "outside",
        "adopt": True,
        "waypoint": {"min_replicas": 3, "max_replicas": 6},
        "confine": ["shop"],
        "confine_except": ["10.0.0.0/24"],
    }
    graph = run(revision="prod", egress=said, namespaces=[{"name": "shop", "phase": "permissive"}])
    assert inputs(graph, "egress") == {**said, "revision": "prod"}
    assert "shop-namespace" in names(find(graph, "egress-namespace").dependencies)


def test_the_waypoint_on_the_way_out_follows_the_tag_that_there_is() -> None:
    hosts = [{"host": "api.example.com", "callers": [{"namespace": "shop"}]}]
    graph = run(revision="1-31-1", tags={"prod": "1-31-1"}, egress={"hosts": hosts})
    assert inputs(graph, "egress") == {"hosts": hosts, "revision": "prod"}
    assert inputs(graph, "egress-waypoint-gateway")["metadata"]["labels"]["istio.io/rev"] == "prod"


def test_a_mesh_without_either_registers_neither() -> None:
    graph = run(namespaces=[{"name": "shop", "phase": "permissive"}])
    assert not [each for each in shape(graph) if "Traffic" in each[0] or "Egress" in each[0]]
    assert "routes" not in graph.outputs
