"""What `traffic`, `rate_limits` and `egress` in a Linkerd stack become."""

import json
from pathlib import Path
from typing import Any

from meshwright.engine.graph import Graph
from meshwright.engine.project import load_project
from meshwright.engine.run import run_program
from meshwright.engine.stack import StackSettings
from tests.unit.graphs import find, inputs, names

ROOT = Path(__file__).parents[3]


def run(**mesh: Any) -> Graph:
    wanted = {"kind": "linkerd", "version": "edge-26.8.3", "cluster": {"context": "c", "platform": "kind"}, **mesh}
    settings = StackSettings("x", config={"meshwright:mesh": json.dumps(wanted)}, secret_keys=frozenset())
    return run_program(load_project(ROOT), settings)


def test_all_that_a_stack_may_say_reaches_the_components() -> None:
    traffic = {
        "service": "reviews",
        "port": 9080,
        "protocol": "http",
        "routes": [
            {
                "match": [
                    {"path_prefix": "/v1", "methods": ["GET"], "headers": {"x": "1"}, "query_regex": {"r": ".+"}}
                ],
                "to": [{"service": "reviews-v2", "port": 9080, "weight": 3}],
                "retries": {"on": ["5xx", "429"], "limit": 2, "timeout": "300ms"},
                "timeouts": {"request": "2s", "idle": "1s"},
            }
        ],
        "circuit_breaker": {"mode": "unified", "success_rate": 0.7, "honor_retry_after": True},
        "load_bias": {},
    }
    limit = {
        "server": "reviews-http",
        "total": 400,
        "overrides": [{"rate": 50, "callers": [{"service_account": "web", "namespace": "shop"}]}],
    }
    inside = {"policy": "deny", "routes": [{"name": "api", "port": 80, "protocol": "http", "hosts": ["a.example.com"]}]}
    shop = {
        "name": "shop",
        "phase": "audit",
        "since": "2026-11-02",
        "previous": {"phase": "unmeshed"},
        "traffic": [traffic],
        "rate_limits": [limit],
        "egress": inside,
    }
    outside = {"policy": "allow", "networks": [{"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}]}
    graph = run(namespaces=[shop], egress=outside)
    assert inputs(graph, "reviews.shop") == {"namespace": "shop", "linkerd_version": "edge-26.8.3", **traffic}
    assert inputs(graph, "reviews-http.shop") == {"namespace": "shop", **limit}
    assert inputs(graph, "egress.shop") == {"namespace": "shop", **inside}
    assert inputs(graph, "egress") == outside
    assert inputs(graph, "egress.shop-network")["metadata"] == {"name": "egress.shop", "namespace": "shop"}
    assert inputs(graph, "egress-network")["metadata"] == {"name": "egress", "namespace": "linkerd-egress"}
    assert graph.outputs["routes"] == {"reviews.shop": "HTTPRoute"}
    # Before the control plane there is no proxy that would read a route.
    assert "mesh-control-plane" in names(find(graph, "reviews.shop-reviews").dependencies)


def test_without_it_nothing_is_added() -> None:
    graph = run(namespaces=[{"name": "shop", "phase": "unmeshed"}])
    added = {"LinkerdTraffic", "LinkerdRateLimit", "LinkerdEgress"}
    assert not added & {each.type.rpartition(":")[2] for each in graph}
    assert "routes" not in graph.outputs
