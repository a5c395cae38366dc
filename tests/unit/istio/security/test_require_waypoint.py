"""RequireWaypoint: ztunnel denies what doesn't come from the waypoint, but to those that are named."""

from typing import Any

import pytest

from meshwright import RequireWaypoint
from meshwright.engine.graph import Graph
from meshwright.kubernetes.errors import ComponentError
from tests.unit.graphs import inputs, shape, with_provider


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHWRIGHT_AS_OF", "2026-11-23")


def require(**args: Any) -> Graph:
    return with_provider(lambda opts: RequireWaypoint("shop", {"namespace": "shop", **args}, opts))  # type: ignore[typeddict-item]


def let_in(graph: Graph, name: str = "shop-policy") -> list[str]:
    (rule,) = inputs(graph, name)["spec"]["rules"]
    return list(rule["from"][0]["source"]["notPrincipals"])


def test_one_deny_for_all_pods_at_ztunnel() -> None:
    graph = require()
    assert shape(graph) == [
        ("meshwright:index:RequireWaypoint", "shop", "test-dev"),
        ("kubernetes:security.istio.io/v1:AuthorizationPolicy", "shop-policy", "shop"),
    ]
    assert inputs(graph, "shop-policy") == {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": "require-waypoint", "namespace": "shop"},
        "spec": {
            "action": "DENY",
            "rules": [{"from": [{"source": {"notPrincipals": ["cluster.local/ns/shop/sa/waypoint"]}}]}],
        },
    }


def test_the_trust_domain_another_namespace_and_the_canary_count() -> None:
    front = {"name": "l7", "namespace": "platform", "canary": "l7-canary"}
    assert let_in(require(waypoint=front, trust_domain="td")) == [
        "td/ns/platform/sa/l7",
        "td/ns/platform/sa/l7-canary",
    ]


def test_for_some_services_it_selects_their_pods() -> None:
    graph = require(waypoint={"services": ["cart", "stock"]}, workloads={"stock": {"name": "stock"}})
    for service, labels in (("cart", {"app": "cart"}), ("stock", {"name": "stock"})):
        made = inputs(graph, f"shop-policy-{service}")
        assert made["metadata"]["name"] == f"require-waypoint-{service}"
        assert made["spec"]["selector"] == {"matchLabels": labels}
        assert "targetRefs" not in made["spec"]


def test_sidecars_are_let_in_until_the_last_day_of_their_migration() -> None:
    graph = require(sidecars=["old/web"], until="2026-11-23", direct=["monitoring/prometheus", "old/web"])
    assert let_in(graph) == [
        "cluster.local/ns/shop/sa/waypoint",
        "cluster.local/ns/monitoring/sa/prometheus",
        "cluster.local/ns/old/sa/web",
    ]
    assert inputs(graph, "shop")["until"] == "2026-11-23"


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ({"sidecars": ["old/web"], "until": "2026-11-22"}, "the last day for sidecars past the waypoint was 2026-11-22: old/web; remove those that have moved; for the others, agree on another day (MW-E127)"),
        ({"sidecars": ["old/web"]}, "sidecars are let past the waypoint without an end; add until, the last day of their migration: YYYY-MM-DD (MW-E127)"),
        ({"until": "2026-12-24"}, "until is given, and no sidecars; remove until, or list the sidecars (MW-E127)"),
        ({"sidecars": ["old/web"], "until": "24.12.2026"}, "until is '24.12.2026', which is no date; write it as YYYY-MM-DD (MW-E127)"),
        ({"direct": ["prometheus"]}, "direct names 'prometheus', which is no identity; write it as namespace/service-account (MW-E126)"),
        ({"sidecars": ["web"], "until": "2026-12-24"}, "sidecars names 'web', which is no identity; write it as namespace/service-account (MW-E126)"),
        ({"direct": ["a/b"], "waypoint": {"waypoint_for": "all"}}, "direct names callers in the mesh, and this waypoint takes calls to pods too: they come through it; leave direct out, or let the waypoint be for service (MW-E122)"),
        ({"waypoint": {"waypoint_for": "workload"}}, "calls to services don't go through this waypoint, and would all be denied; let it be for all, or leave require out (MW-E122)"),
        ({"waypoint": {"services": []}}, "the waypoint is for no service, so that nothing could be reached; name its services, or leave services out for all of them (MW-E050)"),
        ({"namespace": "kube-system"}, "kube-system is Istio's or Kubernetes' own; name a namespace of workloads (MW-E050)"),
    ],
)  # fmt: skip
def test_what_would_let_in_too_much_or_too_little_is_refused(args: dict[str, Any], line: str) -> None:
    with pytest.raises(ComponentError) as error:
        require(**args)
    assert str(error.value) == f"RequireWaypoint shop: {line}"
