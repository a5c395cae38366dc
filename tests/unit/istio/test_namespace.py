"""The recorded graph of AmbientNamespace, phase by phase."""

from typing import Any

import pytest

from meshwright import AmbientNamespace
from meshwright.engine.graph import Graph
from meshwright.kubernetes.errors import ComponentError
from tests.unit.graphs import find, inputs, names, shape, with_provider

NAMESPACE = "kubernetes:core/v1:Namespace"
PATCH = "kubernetes:core/v1:NamespacePatch"
PEER_AUTHENTICATION = "kubernetes:security.istio.io/v1:PeerAuthentication"
COMPONENT = ("meshwright:index:AmbientNamespace", "shop", "test-dev")


def shop(**args: Any) -> Graph:
    return with_provider(lambda opts: AmbientNamespace("shop", {"namespace": "shop", **args}, opts))  # type: ignore[typeddict-item]


@pytest.mark.parametrize(("phase", "mode"), [("permissive", "PERMISSIVE"), ("strict", "STRICT")])
def test_a_meshed_namespace_is_captured_and_says_its_mode(phase: str, mode: str) -> None:
    graph = shop(phase=phase)
    assert shape(graph) == [
        COMPONENT,
        (NAMESPACE, "shop-namespace", "shop"),
        (PEER_AUTHENTICATION, "shop-peer-authentication", "shop"),
    ]
    assert inputs(graph, "shop-namespace")["metadata"] == {
        "name": "shop",
        "labels": {"istio.io/dataplane-mode": "ambient"},
    }
    assert inputs(graph, "shop-peer-authentication") == {
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": {"name": "default", "namespace": "shop"},
        "spec": {"mtls": {"mode": mode}},
    }
    assert names(find(graph, "shop-peer-authentication").dependencies) == {"shop-namespace"}
    assert find(graph, "shop").outputs == {"namespace": "shop", "phase": phase}


def test_an_unmeshed_namespace_is_made_and_left_alone() -> None:
    graph = shop(phase="unmeshed")
    assert shape(graph) == [COMPONENT, (NAMESPACE, "shop-namespace", "shop")]
    assert inputs(graph, "shop-namespace")["metadata"] == {"name": "shop"}


def test_an_adopted_namespace_is_patched_never_owned() -> None:
    graph = shop(phase="permissive", adopt=True)
    assert find(graph, "shop-namespace").type == PATCH
    assert inputs(graph, "shop-namespace")["metadata"]["labels"] == {"istio.io/dataplane-mode": "ambient"}
    assert NAMESPACE not in {resource.type for resource in graph}


def test_an_adopted_unmeshed_namespace_is_not_touched_at_all() -> None:
    assert shape(shop(phase="unmeshed", adopt=True)) == [COMPONENT]


def test_the_namespace_uses_its_waypoint_only_once_the_gateway_stands() -> None:
    graph = shop(phase="permissive", waypoint={"reason": "retries", "ingress": True, "min_replicas": 3})
    assert shape(graph) == [
        COMPONENT,
        (NAMESPACE, "shop-namespace", "shop"),
        (PEER_AUTHENTICATION, "shop-peer-authentication", "shop"),
        ("meshwright:index:Waypoint", "shop-waypoint", "shop"),
        ("kubernetes:core/v1:ConfigMap", "shop-waypoint-parameters", "shop-waypoint"),
        ("kubernetes:gateway.networking.k8s.io/v1:Gateway", "shop-waypoint-gateway", "shop-waypoint"),
        (PATCH, "shop-use-waypoint", "shop"),
    ]
    assert "istio.io/use-waypoint" not in inputs(graph, "shop-namespace")["metadata"]["labels"]
    assert inputs(graph, "shop-use-waypoint")["metadata"] == {
        "name": "shop",
        "labels": {"istio.io/use-waypoint": "waypoint", "istio.io/ingress-use-waypoint": "true"},
    }
    assert "shop-waypoint-gateway" in names(find(graph, "shop-use-waypoint").dependencies)
    assert names(find(graph, "shop-waypoint-parameters").dependencies) == {"shop-namespace"}
    assert inputs(graph, "shop-waypoint") == {"namespace": "shop", "reason": "retries", "min_replicas": 3}


def test_single_services_use_the_waypoint() -> None:
    graph = shop(phase="strict", waypoint={"services": ["cart"], "require": {}}, workloads={"cart": {"name": "cart"}})
    patch = find(graph, "shop-use-waypoint-cart")
    assert patch.type == "kubernetes:core/v1:ServicePatch"
    assert "shop-waypoint-gateway" in names(patch.dependencies)
    assert inputs(graph, "shop-require-waypoint-policy-cart")["spec"]["selector"] == {"matchLabels": {"name": "cart"}}


def test_the_ways_past_the_waypoint_are_closed_once_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHWRIGHT_AS_OF", "2026-11-23")
    require = {"sidecars": ["old/web"], "until": "2026-12-31"}
    graph = shop(phase="strict", waypoint={"require": require}, trust_domain="td")
    assert find(graph, "shop-require-waypoint").parent.endswith("::shop")
    policy = find(graph, "shop-require-waypoint-policy")
    assert "shop-use-waypoint" in names(policy.dependencies)
    (rule,) = policy.inputs["spec"]["rules"]
    assert rule == {"from": [{"source": {"notPrincipals": ["td/ns/shop/sa/waypoint", "td/ns/old/sa/web"]}}]}


def test_a_canary_is_a_second_waypoint_that_may_pass_too() -> None:
    canary = {"weight": 25, "istio_version": "1.31.1", "revision": "1-31-1"}
    graph = shop(phase="strict", revision="1-30-7", waypoint={"canary": canary, "require": {}, "min_replicas": 3})
    for name, gateway, revision in (
        ("shop-waypoint", "waypoint", "1-30-7"),
        ("shop-waypoint-canary", "waypoint-canary", "1-31-1"),
    ):
        metadata = inputs(graph, f"{name}-gateway")["metadata"]
        assert (metadata["name"], metadata["labels"]["istio.io/rev"]) == (gateway, revision)
        assert inputs(graph, name)["min_replicas"] == 3
    used = find(graph, "shop-use-waypoint")
    assert {"shop-waypoint-gateway", "shop-waypoint-canary-gateway"} <= names(used.dependencies)
    assert used.inputs["metadata"] == {
        "name": "shop",
        "labels": {"istio.io/use-waypoint": "waypoint", "istio.io/use-waypoint-canary": "waypoint-canary"},
        "annotations": {"istio.io/use-waypoint-canary-weight": "25"},
    }
    (rule,) = inputs(graph, "shop-require-waypoint-policy")["spec"]["rules"]
    assert rule["from"][0]["source"]["notPrincipals"] == [
        "cluster.local/ns/shop/sa/waypoint",
        "cluster.local/ns/shop/sa/waypoint-canary",
    ]
    plain = shop(phase="strict", waypoint={"canary": {"weight": 0, "istio_version": "1.31.1", "name": "next"}})
    assert "istio.io/rev" not in inputs(plain, "shop-waypoint-canary-gateway")["metadata"]["labels"]
    assert inputs(plain, "shop-waypoint-canary-gateway")["metadata"]["name"] == "next"


def test_ingress_goes_past_the_waypoint_unless_it_is_asked_for() -> None:
    graph = shop(phase="strict", waypoint={"reason": "retries"}, revision="prod")
    assert inputs(graph, "shop-use-waypoint")["metadata"]["labels"] == {"istio.io/use-waypoint": "waypoint"}
    assert inputs(graph, "shop-waypoint-gateway")["metadata"]["labels"]["istio.io/rev"] == "prod"


def test_policy_sees_the_rollout_on_the_component() -> None:
    facts = {"phase": "strict", "since": "2026-10-12", "previous": {"phase": "permissive", "since": "2026-10-01"}}
    assert inputs(shop(**facts), "shop") == {"namespace": "shop", **facts}


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ({"phase": "strickt"}, "the phase 'strickt' is unknown; one of: unmeshed, permissive, strict (MW-E050)"),
        ({"phase": "strict", "namespace": "istio-system"}, "istio-system is not for workloads: its PeerAuthentication is the whole mesh's, or nothing in it is captured; leave it out; MeshWideMtls sets the mode of the whole mesh (MW-E050)"),
        ({"phase": "strict", "waypoint": {"overlays": {"deploymnet": {}}}}, "the overlay 'deploymnet' is unknown; one of: deployment, service, serviceAccount, horizontalPodAutoscaler, podDisruptionBudget (MW-E050)"),
        ({"phase": "strict", "waypoint": {"canary": {"weight": 1, "istio_version": "1.30.7"}}}, "Istio 1.30.7 knows no canary of a waypoint; upgrade to 1.31 or later, or leave the canary out (MW-E125)"),
        ({"phase": "strict", "waypoint": {"require": {"until": "2026-12-31"}}}, "until is given, and no sidecars; remove until, or list the sidecars (MW-E127)"),
        ({"phase": "unmeshed", "waypoint": {}}, "a waypoint takes no traffic of a namespace that is unmeshed; remove the waypoint, or set the phase to permissive (MW-E050)"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused(args: dict[str, Any], line: str) -> None:
    with pytest.raises(ComponentError) as error:
        shop(**args)
    assert str(error.value) == f"AmbientNamespace shop: {line}"


def test_a_namespace_that_was_made_here_and_is_adopted_later_is_handed_over() -> None:
    """Without the alias Pulumi would make the patch and then delete the namespace."""
    made, adopted = (find(shop(phase="strict", adopt=adopt), "shop-namespace") for adopt in (False, True))
    assert made.options.aliases == (f"type={PATCH}",)
    assert adopted.options.aliases == (f"type={NAMESPACE}",)
