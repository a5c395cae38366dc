"""NamespaceAccess: which policies a call graph becomes, and what comes last."""

from typing import Any

import pytest

from meshwright import NamespaceAccess
from meshwright.engine.graph import Graph
from meshwright.kubernetes.errors import ComponentError
from tests.unit.graphs import find, inputs, names, shape, with_provider

POLICY = "kubernetes:security.istio.io/v1:AuthorizationPolicy"
WEB = "cluster.local/ns/front/sa/web"


def call(caller: str, service: str, **limits: Any) -> dict[str, Any]:
    return {"caller": caller, "service": service, **limits}


def access(*calls: dict[str, Any], **args: Any) -> Graph:
    given: Any = {"namespace": "shop", "calls": list(calls), **args}
    return with_provider(lambda opts: NamespaceAccess("shop", given, opts))


def specs(graph: Graph) -> dict[str, Any]:
    made = [each.inputs for each in graph if each.type == POLICY]
    return {each["metadata"]["name"]: each["spec"] for each in made}


def refusal(*calls: dict[str, Any], **args: Any) -> str:
    with pytest.raises(ComponentError) as error:
        access(*calls, **args)
    return str(error.value).removeprefix("NamespaceAccess shop: ")


def test_no_calls_are_default_deny_alone() -> None:
    graph = access()
    assert shape(graph) == [
        ("meshwright:index:NamespaceAccess", "shop", "test-dev"),
        (POLICY, "shop-default-deny", "shop"),
    ]
    assert inputs(graph, "shop-default-deny") == {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": "default-deny", "namespace": "shop"},
        "spec": {"action": "ALLOW"},
    }


def test_without_a_waypoint_ztunnel_judges_callers_and_ports() -> None:
    graph = access(
        call("front/web", "cart", ports=[8080.0]),
        call("shop/stock", "cart", ports=[8080]),
        call("front/web", "stock"),
        workloads={"stock": {"app.kubernetes.io/name": "stock"}},
        trust_domain="td",
    )
    callers = ["td/ns/front/sa/web", "td/ns/shop/sa/stock"]
    assert specs(graph) == {
        "direct-to-cart": {
            "action": "ALLOW",
            "selector": {"matchLabels": {"app": "cart"}},
            "rules": [{"from": [{"source": {"principals": callers}}], "to": [{"operation": {"ports": ["8080"]}}]}],
        },
        "direct-to-stock": {
            "action": "ALLOW",
            "selector": {"matchLabels": {"app.kubernetes.io/name": "stock"}},
            "rules": [{"from": [{"source": {"principals": callers[:1]}}]}],
        },
        "default-deny": {"action": "ALLOW"},
    }
    assert names(find(graph, "shop-default-deny").dependencies) == {"shop-direct-to-cart", "shop-direct-to-stock"}
    assert find(graph, "shop-direct-to-cart").dependencies == ()


def test_with_a_waypoint_it_judges_callers_and_ztunnel_lets_in_the_waypoint_alone() -> None:
    graph = access(
        call("front/web", "cart", methods=["GET"], paths=["/cart/*"]),
        call("front/admin", "cart"),
        waypoint={"canary": "waypoint-canary"},
    )
    waypoints = ["cluster.local/ns/shop/sa/waypoint", "cluster.local/ns/shop/sa/waypoint-canary"]
    assert specs(graph) == {
        "callers-of-cart": {
            "action": "ALLOW",
            "targetRefs": [{"group": "", "kind": "Service", "name": "cart"}],
            "rules": [
                {
                    "from": [{"source": {"principals": [WEB]}}],
                    "to": [{"operation": {"methods": ["GET"], "paths": ["/cart/*"]}}],
                },
                {"from": [{"source": {"principals": ["cluster.local/ns/front/sa/admin"]}}]},
            ],
        },
        "waypoint-to-cart": {
            "action": "ALLOW",
            "selector": {"matchLabels": {"app": "cart"}},
            "rules": [{"from": [{"source": {"principals": waypoints}}]}],
        },
        "default-deny-waypoint": {
            "action": "ALLOW",
            "targetRefs": [
                {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "waypoint"},
                {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "waypoint-canary"},
            ],
        },
        "default-deny": {"action": "ALLOW"},
    }
    for last in ("shop-default-deny", "shop-default-deny-waypoint"):
        assert names(find(graph, last).dependencies) == {"shop-callers-of-cart", "shop-waypoint-to-cart"}


def test_callers_that_go_past_the_waypoint_are_judged_by_ztunnel() -> None:
    made = specs(
        access(
            call("front/web", "cart"),
            call("old/web", "cart", ports=[8080]),
            call("monitoring/prometheus", "*", ports=[9090]),
            waypoint={},
            past_waypoint=["old/web", "monitoring/prometheus"],
        )
    )
    assert list(made) == [
        "direct",
        "callers-of-cart",
        "waypoint-to-cart",
        "direct-to-cart",
        "default-deny-waypoint",
        "default-deny",
    ]
    assert "selector" not in made["direct"]
    assert made["direct-to-cart"]["rules"] == [
        {
            "from": [{"source": {"principals": ["cluster.local/ns/old/sa/web"]}}],
            "to": [{"operation": {"ports": ["8080"]}}],
        }
    ]


@pytest.mark.parametrize(
    ("waypoint", "shared", "expected"),
    [
        ({"namespace": "platform"}, False, ["callers-of-cart", "waypoint-to-cart", "default-deny"]),
        ({}, True, ["callers-of-cart", "waypoint-to-cart", "default-deny"]),
        ({"services": ["stock"]}, False, ["direct-to-cart", "default-deny-waypoint", "default-deny"]),
        ({"waypoint_for": "workload"}, False, ["direct-to-cart", "default-deny-waypoint", "default-deny"]),
    ],
)
def test_a_waypoint_is_closed_where_nobody_else_uses_it(
    waypoint: dict[str, Any], shared: bool, expected: list[str]
) -> None:
    made = specs(access(call("front/web", "cart"), waypoint=waypoint, shared_waypoint=shared))
    assert list(made) == expected
    if "waypoint-to-cart" in made:
        home = waypoint.get("namespace", "shop")
        (rule,) = made["waypoint-to-cart"]["rules"]
        assert rule["from"][0]["source"]["principals"] == [f"cluster.local/ns/{home}/sa/waypoint"]


def test_a_dry_run_marks_every_policy() -> None:
    graph = access(call("front/web", "cart"), dry_run={"istio_version": "1.31.1", "enabled": True})
    marks = [each.inputs["metadata"].get("annotations") for each in graph if each.type == POLICY]
    assert marks == [{"istio.io/dry-run": "true"}] * 2


def test_a_dry_run_and_what_is_enforced_are_never_one_object() -> None:
    enforced, dry = (
        {each.inputs["metadata"]["name"] for each in graph if each.type.startswith("kubernetes:security")}
        for graph in (
            access(call("front/web", "cart")),
            access(call("front/web", "cart"), dry_run={"istio_version": "1.31.1", "enabled": True}),
        )
    )
    assert dry == {"direct-to-cart-dry-run", "default-deny-dry-run"}
    assert not enforced & dry


@pytest.mark.parametrize(
    ("calls", "args", "line"),
    [
        ([call("web", "cart")], {}, "calls[0] is from 'web', which is no identity; write it as namespace/service-account (MW-E126)"),
        ([], {"past_waypoint": ["web"]}, "past_waypoint names 'web', which is no identity; write it as namespace/service-account (MW-E126)"),
        ([call("front/web", "cart", methods=["GET"])], {}, "calls[0] is limited by methods, and no waypoint is in the path: ztunnel can't enforce that; leave methods out, or let a waypoint for services stand in front of cart (MW-E120)"),
        ([call("old/web", "cart", methods=["GET"], paths=["/"])], {"waypoint": {}, "past_waypoint": ["old/web"]}, "calls[0] is limited by methods and paths, and old/web goes past the waypoint: ztunnel can't enforce that; leave methods and paths out, or let a waypoint for services stand in front of cart (MW-E120)"),
        ([call("front/web", "*")], {"waypoint": {}}, "calls[0] is to every pod, and front/web comes through the waypoint; name the services that it calls, or list front/web among those that go past the waypoint (MW-E122)"),
        ([call("front/web", "cart", ports=[0])], {}, "rules[0].operations has the port 0, which is none; a number from 1 to 65535 (MW-E129)"),
        ([], {"namespace": "istio-system"}, "default deny in istio-system would cut off the cluster, or all of the mesh; name a namespace of workloads (MW-E050)"),
        ([], {"dry_run": {"istio_version": "1.28", "enabled": True}}, "ztunnel 1.28 would enforce a dry run; upgrade to 1.29 or later first, or leave dry_run out (MW-E123)"),
    ],
)  # fmt: skip
def test_what_no_layer_can_allow_is_refused(calls: list[dict[str, Any]], args: dict[str, Any], line: str) -> None:
    assert refusal(*calls, **args) == line
