"""What the keys of waypoints and security become."""

from typing import Any

import pytest

from meshwright.engine.project import load_project
from meshwright.engine.run import run_program
from meshwright.engine.stack import load_stack_settings
from meshwright.errors import ProgramError
from tests.unit.graphs import find, inputs, names
from tests.unit.stacks.test_program import ROOT, run

POLICY = "kubernetes:security.istio.io/v1:AuthorizationPolicy"
HUB: dict[str, Any] = {
    "name": "hub",
    "phase": "strict",
    "waypoint": {"for": "all", "allowed_namespaces": ["shop"], "reason": "http"},
}
SHOP: dict[str, Any] = {"name": "shop", "phase": "strict", "services": ["cart", "stock"]}


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHWRIGHT_AS_OF", "2026-11-23")


def test_the_waypoint_of_another_namespace_is_used_once_both_stand() -> None:
    require = {"sidecars": ["old/web"], "until": "2026-12-31"}
    use = {"namespace": "hub", "services": ["cart"], "ingress": True, "require": require}
    workloads = {"cart": {"name": "cart"}}
    graph = run(
        trust_domain="td",
        namespaces=[HUB, SHOP | {"use_waypoint": use, "security": {"workloads": workloads}}],
    )
    assert inputs(graph, "shop-use-waypoint") == {
        "namespace": "shop",
        "waypoint": "waypoint",
        "waypoint_namespace": "hub",
        "services": ["cart"],
        "ingress": True,
    }
    assert {"hub-waypoint-gateway", "shop-namespace"} <= names(
        find(graph, "shop-use-waypoint-labels-cart").dependencies
    )
    assert inputs(graph, "shop-require-waypoint") == {
        "sidecars": ["old/web"],
        "until": "2026-12-31",
        "namespace": "shop",
        "trust_domain": "td",
        "waypoint": {"namespace": "hub", "waypoint_for": "all", "services": ["cart"]},
        "workloads": workloads,
    }
    assert "shop-use-waypoint-labels-cart" in names(find(graph, "shop-require-waypoint-policy-cart").dependencies)


def test_a_whole_namespace_may_use_it_too() -> None:
    graph = run(namespaces=[HUB, SHOP | {"use_waypoint": {"namespace": "hub"}}])
    assert inputs(graph, "shop-use-waypoint-labels")["metadata"]["labels"] == {
        "istio.io/use-waypoint": "waypoint",
        "istio.io/use-waypoint-namespace": "hub",
    }
    assert [each.name for each in graph if each.type == POLICY] == []


def test_a_namespace_of_its_own_waypoint_with_canary_and_without_a_way_past() -> None:
    waypoint = {
        "reason": "http",
        "canary": {"weight": 5, "revision": "1-31-1"},
        "require": {"direct": ["shop/scraper"]},
    }
    workloads = {"cart": {"name": "cart"}}
    graph = run(trust_domain="td", namespaces=[SHOP | {"waypoint": waypoint, "security": {"workloads": workloads}}])
    shop = inputs(graph, "shop")
    assert (shop["trust_domain"], shop["workloads"]) == ("td", workloads)
    assert shop["waypoint"]["canary"] == {"weight": 5, "revision": "1-31-1", "istio_version": "1.31.1"}
    (rule,) = inputs(graph, "shop-require-waypoint-policy")["spec"]["rules"]
    assert rule["from"][0]["source"]["notPrincipals"] == [
        "td/ns/shop/sa/waypoint",
        "td/ns/shop/sa/waypoint-canary",
        "td/ns/shop/sa/scraper",
    ]


def test_calls_are_allowed_once_all_namespaces_stand() -> None:
    calls = [{"from": "web/web", "to": "cart", "ports": [8080]}]
    web = {"name": "web", "phase": "strict"}
    graph = run(namespaces=[SHOP | {"security": {"access": "default-deny", "calls": calls}}, web])
    assert inputs(graph, "shop-access") == {
        "namespace": "shop",
        "calls": [{"caller": "web/web", "service": "cart", "ports": [8080]}],
        "trust_domain": "cluster.local",
    }
    assert {"web-namespace", "shop-namespace"} <= names(find(graph, "shop-access-direct-to-cart").dependencies)


def test_a_dry_run_asks_istiod_to_hand_it_on() -> None:
    graph = run(security={"dry_run": True}, namespaces=[SHOP | {"security": {"access": "dry-run"}}])
    assert inputs(graph, "mesh")["values"] == {
        "istiod": {"env": {"AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY": "true"}}
    }
    assert inputs(graph, "shop-access-default-deny-dry-run")["metadata"]["annotations"] == {"istio.io/dry-run": "true"}


def test_tokens_and_an_authorizer_at_the_waypoint() -> None:
    authorizers = [
        {"name": "opa", "service": "opa.policy.svc.cluster.local", "port": 9191},
        {"name": "web", "service": "web.example.com", "port": 80, "protocol": "http", "headers": ["x-a"], "timeout": "1s"},
    ]  # fmt: skip
    security = {
        "jwt": {"issuers": [{"issuer": "https://login.example.com/"}]},
        "external_authorization": {"authorizer": "opa", "paths": ["/pay"]},
    }
    one = run(
        security={"authorizers": authorizers}, namespaces=[SHOP | {"waypoint": {"reason": "jwt"}, "security": security}]
    )
    assert inputs(one, "mesh")["extension_providers"] == [
        {
            "name": "opa",
            "envoyExtAuthzGrpc": {"service": "opa.policy.svc.cluster.local", "port": 9191, "timeout": "2s"},
        },
        {
            "name": "web",
            "envoyExtAuthzHttp": {
                "service": "web.example.com",
                "port": 80,
                "timeout": "1s",
                "includeRequestHeadersInCheck": ["x-a"],
            },
        },
    ]
    gateway = [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "waypoint"}]
    assert inputs(one, "shop-jwt-request-authentication")["spec"]["targetRefs"] == gateway
    assert inputs(one, "shop-external-authorization-policy")["spec"] == {
        "action": "CUSTOM",
        "targetRefs": gateway,
        "provider": {"name": "opa"},
        "rules": [{"to": [{"operation": {"paths": ["/pay"]}}]}],
    }
    security["external_authorization"] = {"authorizer": "opa", "services": ["cart"]}
    two = run(
        security={"authorizers": authorizers}, namespaces=[SHOP | {"waypoint": {"reason": "jwt"}, "security": security}]
    )
    spec = inputs(two, "shop-external-authorization-policy")["spec"]
    assert spec["targetRefs"] == [{"group": "", "kind": "Service", "name": "cart"}]
    assert spec["rules"] == [{}]


def test_exceptions_from_mutual_tls() -> None:
    exceptions = [
        {"name": "old", "workloads": {"app": "cart"}, "mode": "permissive"},
        {"name": "metrics", "workloads": {"app": "stock"}, "ports": [{"port": 9090, "mode": "permissive"}]},
    ]
    graph = run(namespaces=[SHOP | {"security": {"mtls": exceptions}}])
    assert inputs(graph, "shop-old-peer-authentication")["spec"] == {
        "selector": {"matchLabels": {"app": "cart"}},
        "mtls": {"mode": "PERMISSIVE"},
    }
    assert inputs(graph, "shop-metrics-peer-authentication")["spec"] == {
        "selector": {"matchLabels": {"app": "stock"}},
        "portLevelMtls": {"9090": {"mode": "PERMISSIVE"}},
    }


def test_a_stack_that_istio_would_not_enforce_registers_nothing() -> None:
    with pytest.raises(ProgramError, match=r"the waypoint in hub doesn't allow other.* \(MW-E124\)"):
        run(namespaces=[HUB, {"name": "other", "phase": "strict", "use_waypoint": {"namespace": "hub"}}])


def test_the_example_stack_has_a_policy_for_every_call() -> None:
    graph = run_program(load_project(ROOT), load_stack_settings(load_project(ROOT), "istio-security"))
    made = {each.name for each in graph if each.type == POLICY}
    assert {
        "checkout-access-callers-of-cart",
        "checkout-access-waypoint-to-cart",
        "checkout-access-direct-to-cart",
        "checkout-access-direct",
        "catalog-access-callers-of-products",
        "accounts-access-direct-to-profile",
        "accounts-access-default-deny",
    } <= made
