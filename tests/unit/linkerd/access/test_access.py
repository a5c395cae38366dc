"""LinkerdAccess: the objects that a call graph becomes, and what is refused before any is made."""

from typing import Any

import pytest

from meshwright import LinkerdAccess
from meshwright.engine.graph import Graph
from meshwright.kubernetes.errors import ComponentError
from tests.unit.graphs import find, inputs, names, with_provider

PORT = {"port": 8080.0, "protocol": "HTTP/1", "probes": ["/healthz"]}
WEB = {"caller": "front/web", "service": "cart"}


def access(*calls: Any, ports: Any = (PORT,), **args: Any) -> Graph:
    workloads = {"cart": {"ports": list(ports)}} | args.pop("workloads", {})
    given: Any = {"namespace": "shop", "phase": "deny", "workloads": workloads, "calls": list(calls), **args}
    return with_provider(lambda opts: LinkerdAccess("shop", given, opts))


def refusal(*calls: Any, **args: Any) -> str:
    with pytest.raises(ComponentError) as error:
        access(*calls, **args)
    return str(error.value).replace("LinkerdAccess shop: ", "")


def test_a_call_to_a_whole_port_is_a_server_and_a_policy() -> None:
    graph = access(WEB)
    assert inputs(graph, "shop-cart-8080-server") == {
        "apiVersion": "policy.linkerd.io/v1beta3",
        "kind": "Server",
        "metadata": {"name": "cart-8080", "namespace": "shop"},
        "spec": {
            "podSelector": {"matchLabels": {"app": "cart"}},
            "port": 8080,
            "proxyProtocol": "HTTP/1",
            "accessPolicy": "deny",
        },
    }
    assert inputs(graph, "shop-cart-8080-meshtlsauthentication")["spec"] == {
        "identityRefs": [{"kind": "ServiceAccount", "name": "web", "namespace": "front"}]
    }
    assert inputs(graph, "shop-cart-8080-authorizationpolicy")["spec"] == {
        "targetRef": {"group": "policy.linkerd.io", "kind": "Server", "name": "cart-8080"},
        "requiredAuthenticationRefs": [
            {"group": "policy.linkerd.io", "kind": "MeshTLSAuthentication", "name": "cart-8080"}
        ],
    }


def test_a_server_that_denies_comes_after_what_allows() -> None:
    server = find(access(WEB), "shop-cart-8080-server")
    allowing = {"shop-cart-8080-meshtlsauthentication", "shop-cart-8080-authorizationpolicy"}
    assert allowing <= names(server.dependencies)


def test_a_limited_call_gets_a_route_and_the_rest_of_the_port_another() -> None:
    graph = access({**WEB, "paths": ["/v1/*"]}, ports=[{"port": "http", "probes": []}])
    routes = {each.inputs["metadata"]["name"]: each.inputs["spec"] for each in graph if each.type.endswith("HTTPRoute")}
    parent = {"group": "policy.linkerd.io", "kind": "Server", "name": "cart-http"}
    rest = routes.pop("cart-http-rest")
    assert rest == {
        "parentRefs": [parent],
        "rules": [{"matches": [{"path": {"type": "PathPrefix", "value": "/"}}]}],
    }
    (limited,) = routes.values()
    assert limited["rules"] == [{"matches": [{"path": {"type": "PathPrefix", "value": "/v1"}}]}]


def test_a_phase_is_the_servers_access_policy() -> None:
    workloads = {"stock": {"ports": [{"port": 8080}], "phase": "authenticated"}}
    graph = access(workloads=workloads, phase="audit")
    assert inputs(graph, "shop-cart-8080-server")["spec"]["accessPolicy"] == "audit"
    assert inputs(graph, "shop-stock-8080-server")["spec"]["accessPolicy"] == "all-authenticated"


def test_scrapers_read_the_proxies_metrics() -> None:
    graph = access(WEB, scrapers=["linkerd-viz/prometheus"])
    spec = inputs(graph, "shop-proxy-metrics-server")["spec"]
    assert (spec["port"], spec["podSelector"]) == (4191, {})
    refs = inputs(graph, "shop-proxy-metrics-meshtlsauthentication")["spec"]["identityRefs"]
    assert refs == [{"kind": "ServiceAccount", "name": "prometheus", "namespace": "linkerd-viz"}]


@pytest.mark.parametrize(
    ("calls", "args", "message"),
    [
        ([WEB], {"phase": "strict"}, "the phase 'strict' has no policy; one of: audit, authenticated, deny (MW-E050)"),
        ([], {}, "cart is in phase deny, and no call is to its port 8080: nobody could use it"),
        ([WEB, {"service": "cart"}], {}, "calls[1] says nobody who calls"),
        ([WEB, {**WEB, "caller": "web"}], {}, "calls[1] is from 'web', which is no identity"),
        ([WEB, {**WEB, "service": "stock"}], {}, "calls[1] is to stock, which is no workload here"),
        ([WEB, {**WEB, "ports": [80]}], {}, "calls[1] is to port 80, which cart doesn't list"),
        ([WEB, {**WEB, "networks": ["10.0.0.1/8"]}], {}, "calls[1].networks has '10.0.0.1/8', which is no network"),
        ([WEB, {**WEB, "paths": ["/a*"]}], {"probe_networks": ["10.0.0.0/8"]}, "calls[1] has the path '/a*'"),
        ([WEB, {**WEB, "methods": ["get"]}], {"probe_networks": ["10.0.0.0/8"]}, "calls[1] has the method 'get'"),
        ([WEB, {**WEB, "grpc": ["a b"]}], {}, "calls[1] has 'a b' for gRPC"),
        ([WEB, {**WEB, "grpc": ["a.B"]}], {}, "calls[1] is limited by grpc, and cart's port 8080 is HTTP/1"),
        ([WEB], {"scrapers": ["prometheus"]}, "scrapers names 'prometheus', which is no identity"),
        ([WEB], {"ports": [{"port": 1, "protocol": "HTTP"}]}, "the protocol of cart's port 1 is 'HTTP'"),
        ([{**WEB, "paths": ["/a"]}], {}, "nobody says where probes of cart's port 8080 come from"),
        (
            [{**WEB, "paths": ["/a"]}],
            {"ports": [{"port": 1}]},
            "Linkerd no longer lets the kubelet probe cart's port 1",
        ),
        ([WEB], {"ports": [{"port": 1, "protocol": "opaque", "probes": ["/a"]}]}, "is opaque and has HTTP probes"),
        ([WEB], {"ports": [{"port": 1, "probes": ["a"]}]}, "cart has the probe 'a'"),
        ([WEB], {"workloads": {"cart": {"ports": [PORT], "host_network": True}}}, "no policy holds for them"),
        (
            [WEB, {**WEB, "service": "all"}],
            {"workloads": {"all": {"ports": [{"port": 8080}], "labels": {"tier": "a"}}}},
            "cart's port 8080 and all's port 8080 are the same on pods that both select",
        ),
        (
            [WEB],
            {"ports": [PORT, {"port": "http"}]},
            "cart's port 8080 and cart's port http may be the same: one is a name, one a number",
        ),
    ],
)
def test_what_is_refused(calls: list[Any], args: dict[str, Any], message: str) -> None:
    assert message in refusal(*calls, **args)


@pytest.mark.parametrize(
    ("said", "code"), [("overlap", "MW-E201"), ("probes", "MW-E202"), ("host", "MW-E203"), ("call", "MW-E200")]
)
def test_codes(said: str, code: str) -> None:
    tried: dict[str, tuple[list[Any], dict[str, Any]]] = {
        "overlap": ([WEB], {"ports": [PORT, {"port": "http"}]}),
        "probes": ([{**WEB, "paths": ["/a"]}], {}),
        "host": ([WEB], {"workloads": {"cart": {"ports": [PORT], "host_network": True}}}),
        "call": ([], {}),
    }
    calls, args = tried[said]
    assert code in refusal(*calls, **args)


def test_what_other_meshes_have_is_refused_with_their_name() -> None:
    assert refusal({**WEB, "jwt": {}}).startswith("calls[0].jwt asks for tokens of users, which Linkerd doesn't check")
    said = refusal(WEB, external_authorization={})
    assert said.startswith("external_authorization asks for an external authorizer, which Linkerd has not")
    assert said.endswith("Istio ambient has it, at a waypoint (kind: istio-ambient) (MW-E207)")
    assert access(WEB, workloads={"jwt": {"ports": []}})


def test_the_proxys_own_ports() -> None:
    assert refusal(WEB, ports=[{"port": 4190}]) == (
        "port 4190 of cart is the proxy's own, which lets in viz's tap alone, by no policy; leave it out (MW-E200)"
    )
    assert refusal(WEB, ports=[{"port": 4191}], scrapers=["viz/prometheus"]).endswith("or remove scrapers (MW-E201)")
    assert access(WEB, ports=[{"port": 4191}])


def test_more_matches_than_a_route_may_have_make_several() -> None:
    graph = access(
        {**WEB, "paths": [f"/p{at}" for at in range(70)], "methods": ["GET"]}, ports=[{"port": 8080, "probes": []}]
    )
    routes = [dict(each.inputs) for each in graph if each.type.endswith("HTTPRoute")]
    counts = {
        str(each["metadata"]["name"]): [len(rule["matches"]) for rule in each["spec"]["rules"]] for each in routes
    }
    assert all(len(rules) == 1 and rules[0] <= 64 for rules in counts.values())
    assert sum(rules[0] for rules in counts.values()) == 2 * (
        70 + 1
    )  # each path and everything else, by GET and by any method
    policies = [dict(each.inputs)["spec"] for each in graph if each.type.endswith("AuthorizationPolicy")]
    targets = {each["targetRef"]["name"] for each in policies}
    assert targets >= {name for name in counts if "-rest" not in name}
