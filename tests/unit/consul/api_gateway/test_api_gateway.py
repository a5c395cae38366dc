"""A gateway of Consul's: what is registered, and what is refused before anything is."""

from copy import deepcopy
from typing import Any

import pytest

from meshwright import ConsulApiGateway
from meshwright.consul.api_gateway.hosts import fits
from meshwright.engine.graph import Graph
from meshwright.kubernetes.errors import ComponentError
from tests.unit.graphs import find, inputs, names, shape, with_provider

HTTPS: dict[str, Any] = {"name": "https", "port": 443, "certificates": [{"secret": "shop-tls"}]}
SERVICES: dict[str, Any] = {
    "web": {"namespace": "front", "protocol": "http"},
    "cart": {"namespace": "edge", "protocol": "http"},
    "db": {"namespace": "shop"},
    "rpc": {"namespace": "shop", "protocol": "grpc"},
}
TO_WEB: dict[str, Any] = {"to": [{"service": "web"}]}
ROUTE: dict[str, Any] = {"name": "shop", "rules": [TO_WEB]}
ARGS: dict[str, Any] = {
    "gateway": "in",
    "namespace": "edge",
    "listeners": [HTTPS],
    "routes": [ROUTE],
    "services": SERVICES,
}
REWRITE = {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}}
PARENT = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "in"}


def gateway(**args: Any) -> Graph:
    return with_provider(lambda opts: ConsulApiGateway("in", {**ARGS, **args}, opts))  # type: ignore[typeddict-item]


def rules(*given: dict[str, Any]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = inputs(gateway(routes=[{**ROUTE, "rules": list(given)}]), "in-route-shop")["spec"][
        "rules"
    ]
    return made


def refusal(**args: Any) -> list[str]:
    told: list[str] = []

    def run(opts: Any) -> None:
        with pytest.raises(ComponentError) as error:
            ConsulApiGateway("in", {**ARGS, **args}, opts)  # type: ignore[typeddict-item]
        told.extend(str(error.value).splitlines())

    assert shape(with_provider(run)) == []
    return told


def test_a_gateway_its_routes_and_what_they_may_name() -> None:
    graph = gateway()
    assert sorted(shape(graph)) == [
        ("kubernetes:gateway.networking.k8s.io/v1:Gateway", "in-gateway", "in"),
        ("kubernetes:gateway.networking.k8s.io/v1:HTTPRoute", "in-route-shop", "in"),
        ("kubernetes:gateway.networking.k8s.io/v1beta1:ReferenceGrant", "in-httproute-to-front", "in"),
        ("kubernetes:policy/v1:PodDisruptionBudget", "in-budget", "in"),
        ("meshwright:index:ConsulApiGateway", "in", "test-dev"),
    ]
    made = inputs(graph, "in-gateway")
    assert made["metadata"] == {"name": "in", "namespace": "edge"}
    assert made["spec"] == {
        "gatewayClassName": "consul",
        "listeners": [
            {
                "name": "https",
                "port": 443,
                "protocol": "HTTPS",
                "tls": {
                    "mode": "Terminate",
                    "certificateRefs": [{"group": "", "kind": "Secret", "name": "shop-tls"}],
                    "options": {"api-gateway.consul.hashicorp.com/tls_min_version": "TLSv1_2"},
                },
                "allowedRoutes": {"namespaces": {"from": "Same"}},
            }
        ],
    }
    route = inputs(graph, "in-route-shop")
    assert route["metadata"] == {"name": "in-shop", "namespace": "edge"}
    backend = {"group": "", "kind": "Service", "name": "web", "port": 80, "weight": 1, "namespace": "front"}
    every = {"path": {"type": "PathPrefix", "value": "/"}}
    assert route["spec"] == {"parentRefs": [PARENT], "rules": [{"matches": [every], "backendRefs": [backend]}]}
    grant = inputs(graph, "in-httproute-to-front")
    assert grant["metadata"] == {"name": "in-httproute", "namespace": "front"}
    assert grant["spec"] == {
        "from": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "edge"}],
        "to": [{"group": "", "kind": "Service", "name": "web"}],
    }
    budget = inputs(graph, "in-budget")["spec"]
    assert budget["maxUnavailable"] == 1
    assert budget["selector"]["matchLabels"] == {
        "gateway.consul.hashicorp.com/name": "in",
        "gateway.consul.hashicorp.com/namespace": "edge",
    }


def test_a_destroy_takes_routes_before_the_gateway_and_grants_last() -> None:
    graph = gateway()
    assert {"in-gateway", "in-httproute-to-front"} <= names(find(graph, "in-route-shop").dependencies)
    assert "in-httproute-to-front" in names(find(graph, "in-gateway").dependencies)
    # In Consul it has one name, whichever namespace it is in.
    assert find(graph, "in-gateway").options.delete_before_replace
    assert find(graph, "in-route-shop").options.delete_before_replace


def test_what_is_said_of_listeners_and_routes_is_written() -> None:
    abroad = {"secret": "org-tls", "namespace": "certs"}
    graph = gateway(
        annotations={"a.example/scheme": "internal"},
        listeners=[
            {**HTTPS, "hostname": "*.example.com", "certificates": [abroad], "tls_min_version": "1.3"},
            {"name": "http", "port": 8080, "protocol": "http"},
        ],
        routes=[
            {**ROUTE, "hosts": ["a.example.com"], "listeners": ["https"], "rules": [{"to": [{"service": "cart"}]}]}
        ],
    )
    made = inputs(graph, "in-gateway")
    assert made["metadata"]["annotations"] == {"a.example/scheme": "internal"}
    https, http = made["spec"]["listeners"]
    assert https["hostname"] == "*.example.com"
    assert https["tls"]["certificateRefs"][0]["namespace"] == "certs"
    assert https["tls"]["options"] == {"api-gateway.consul.hashicorp.com/tls_min_version": "TLSv1_3"}
    assert (http["protocol"], "tls" in http) == ("HTTP", False)
    spec = inputs(graph, "in-route-shop")["spec"]
    assert spec["parentRefs"] == [PARENT | {"sectionName": "https"}]
    assert spec["hostnames"] == ["a.example.com"]
    assert "namespace" not in spec["rules"][0]["backendRefs"][0]
    assert inputs(graph, "in-gateway-to-certs")["spec"]["to"] == [{"group": "", "kind": "Secret", "name": "org-tls"}]


def test_a_prefix_takes_whole_elements_of_a_path_although_consul_compares_text() -> None:
    (rule,) = rules({**TO_WEB, "match": [{"path_prefix": "/v1", "methods": ["GET"]}]})
    exact, below = rule["matches"]
    assert exact == {"path": {"type": "Exact", "value": "/v1"}, "method": "GET"}
    assert below == {"path": {"type": "PathPrefix", "value": "/v1/"}, "method": "GET"}


def test_a_prefix_that_is_rewritten_is_the_only_match() -> None:
    (rule,) = rules({**TO_WEB, "match": [{"path_prefix": "/v1"}], "filters": [REWRITE]})
    assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/v1/"}}]
    assert rule["filters"] == [REWRITE]


def test_it_says_what_intentions_it_needs() -> None:
    made: list[ConsulApiGateway] = []
    rest = {"to": [{"service": "cart"}], "match": [{"path": "/cart"}]}
    wanted: Any = {**ARGS, "routes": [ROUTE, {"name": "api", "hosts": ["b.example"], "rules": [TO_WEB, rest]}]}
    with_provider(lambda opts: made.append(ConsulApiGateway("in", wanted, opts)))
    assert made[0].intentions == [{"source": "in", "to": "web"}, {"source": "in", "to": "cart"}]


@pytest.mark.parametrize(
    ("host", "hostname", "taken"),
    [
        ("a.example", "", True),
        ("a.example", "a.example", True),
        ("b.example", "a.example", False),
        ("a.example.com", "*.Example.com", True),
        ("a.b.example.com", "*.example.com", False),
    ],
)
def test_a_wildcard_stands_for_one_label(host: str, hostname: str, taken: bool) -> None:
    assert fits(host, hostname) is taken


def listener(**given: Any) -> dict[str, Any]:
    return {"listeners": [{**HTTPS, **given}]}


def route(*given: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"routes": [{**ROUTE, **more, "rules": list(given) or [TO_WEB]}]}


def matching(**match: Any) -> dict[str, Any]:
    return route({**TO_WEB, "match": [match]})


def filtering(given: dict[str, Any], **match: Any) -> dict[str, Any]:
    return route({**TO_WEB, "match": [match or {"path_prefix": "/v1"}], "filters": [given]})


def rewriting(**rewrite: Any) -> dict[str, Any]:
    return filtering({"type": "URLRewrite", "urlRewrite": rewrite})


PLAIN = {"name": "http", "port": 80, "protocol": "http"}
TO_PREFIX = {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/x"}


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (
            {"listeners": [{"name": "https", "port": 443}]},
            (
                "listeners[0] has no certificate, and Consul would serve https in plain text; "
                "add certificates, or set protocol: http (MW-E280)"
            ),
        ),
        ({"listeners": []}, "listeners is empty: nobody could call; add a listener (MW-E280)"),
        ({"gateway": "In"}, 'gateway is "In", which is no name'),
        (
            {"gateway": "web"},
            (
                'gateway is "web", as a service is: its Service and its account would be taken over; '
                "give the gateway a name of its own (MW-E253)"
            ),
        ),
        ({"listeners": [PLAIN, {**PLAIN, "port": 81}]}, 'listeners[1].name is "http", as is listeners[0].name'),
        (
            {"listeners": [PLAIN, {**PLAIN, "name": "b", "hostname": "b.example"}]},
            (
                "listeners[1].port is 80, which pods listen to for listeners[0]: Consul has one listener a port; write one "
                "listener, without a hostname, with all certificates; routes tell hosts apart (MW-E280)"
            ),
        ),
        ({"listeners": [PLAIN, {**PLAIN, "name": "b", "port": 8080}]}, "listeners[1].port is 8080, which pods listen"),
        (listener(name="A"), 'listeners[0].name is "A", which is no name'),
        (listener(port=0), "listeners[0].port is 0; write 1 to 65535 (MW-E280)"),
        (listener(port=20000), "listeners[0].port is 20000, which the gateway's pods have for proxies"),
        (listener(hostname="*"), 'listeners[0].hostname is "*", which is no host'),
        (listener(protocol="tcp"), 'listeners[0].protocol is "tcp"; one of: http, https (MW-E280)'),
        (listener(protocol="http"), "listeners[0].protocol is http, and speaks no TLS; set protocol: https"),
        (listener(tls_min_version="1.1"), 'listeners[0].tls_min_version is "1.1"; one of: 1.2, 1.3 (MW-E280)'),
        (
            listener(certificates=[{"secret": "in"}]),
            'listeners[0].certificates[0].secret is "in", the name of the Secret that Consul makes for the gateway',
        ),
        (
            listener(certificates=[{"secret": "a"}, {"secret": "a", "namespace": "b"}]),
            'listeners[0].certificates[1].secret is "a" in b, and another in edge: Consul knows certificates by this',
        ),
        ({"routes": [ROUTE, {**ROUTE, "hosts": ["a.b"]}]}, 'routes has "shop" 2 times; name each route once (MW-E017)'),
        (route(name="A"), "routes[0].name makes the name in-A, which is none; choose another (MW-E281)"),
        (
            {"services": {**SERVICES, "in-shop": {"namespace": "x"}}},
            "routes[0].name makes the name in-shop, which is a service's",
        ),
        (route(listeners=["http"]), 'routes[0].listeners[0] is "http", and there is none; one of: https (MW-E281)'),
        (
            route(hosts=["*.example.com"]),
            (
                'routes[0].hosts[0] is "*.example.com", and Consul takes no wildcard in a route; '
                "name the hosts; a listener's hostname may be a wildcard (MW-E281)"
            ),
        ),
        (route(hosts=["A b"]), 'routes[0].hosts[0] is "A b"; name the hosts'),
        (
            {**listener(hostname="a.example"), **route(hosts=["b.example"])},
            'routes[0].hosts[0] is "b.example", which no listener of the route takes',
        ),
        ({"routes": [{**ROUTE, "rules": []}]}, "routes[0].rules has 0 entries; write 1 to 16, or two routes (MW-E281)"),
        (
            matching(methods=["GET", "POST"] * 33),
            "routes[0].rules[0].match has 66 matches, a prefix counted twice and each method once; write 64 at most",
        ),
        (route({"to": [{"service": "web", "weight": 0}]}), "routes[0].rules[0].to leads nowhere: every request"),
        (route({"to": [{"service": "wep"}]}), 'to[0].service is "wep", and no namespace lists such a service; did you'),
        (route({"to": [{"service": "none"}]}), "list it among the services of its namespace (MW-E252)"),
        (
            route({"to": [{"service": "rpc"}]}),
            (
                "to[0].service is rpc, whose protocol is grpc: Consul's HTTP routes lead to services of the protocol http; "
                "set the protocol of rpc: http (MW-E251)"
            ),
        ),
        (route({"to": [{"service": "db"}]}), "to[0].service is db, whose protocol is tcp"),
        (matching(grpc_service="a.B"), "match[0].grpc_service is for gRPC, and Consul reads no GRPCRoute; remove it"),
        (matching(path="/a", path_regex="/b"), "match[0].path_regex stands beside path; keep one of the two"),
        (matching(path="a//b"), 'match[0].path is "a//b", which no request has once its path is normalised'),
        (matching(path_regex="(?=a)"), 'match[0].path_regex is "(?=a)", which RE2 does not take'),
        (matching(headers_regex={"x-a": "("}), 'match[0].headers_regex.x-a is "(", which RE2 does not take'),
        (matching(methods=["get"]), 'match[0].methods[0] is "get"; one of: GET, HEAD'),
        (
            filtering({"type": "RequestRedirect"}),
            'filters[0].type is "RequestRedirect", which Consul\'s gateway drops without a word; one of: RequestHeader',
        ),
        (
            filtering({"type": "ExtensionRef", "extensionRef": {"group": "x.example", "kind": "Limit", "name": "a"}}),
            "filters[0].extensionRef names a Limit, which is no filter of Consul's; name one of consul.hashicorp.com: R",
        ),
        (rewriting(hostname="a.example"), "filters[0].urlRewrite rewrites more than a prefix, which Consul's gateway"),
        (rewriting(path={"type": "ReplaceFullPath", "replaceFullPath": "/"}), "urlRewrite rewrites more than a prefix"),
        (filtering(REWRITE, path="/v1"), "filters[0].urlRewrite replaces a prefix, and the rule matches no prefix, or"),
        (
            rewriting(path=TO_PREFIX),
            'urlRewrite.path.replacePrefixMatch puts "/x" for /v1/, and Consul would leave the slash out; end it with /',
        ),
        (
            {"routes": [ROUTE, {**ROUTE, "name": "b"}]},
            (
                "routes[1].rules[0] takes what routes[0].rules[0] takes: the same requests for any host; "
                "tell them apart, or make them one (MW-E281)"
            ),
        ),
        (
            route({**TO_WEB, "match": [{"path_prefix": "/a"}]}, {**TO_WEB, "match": [{"path": "/a"}]}),
            "routes[0].rules[1] takes what routes[0].rules[0] takes",
        ),
    ],
)
def test_what_consul_would_refuse_or_serve_in_another_way_is_refused(args: dict[str, Any], line: str) -> None:
    given = deepcopy(args)
    told = refusal(**args)
    assert any(line in each for each in told), told
    assert all(each.startswith("ConsulApiGateway in: ") for each in told)
    assert args == given


def test_filters_that_consul_knows_are_taken() -> None:
    filters = [
        {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["x-a"]}},
        {
            "type": "ExtensionRef",
            "extensionRef": {"group": "consul.hashicorp.com", "kind": "RouteTimeoutFilter", "name": "slow"},
        },
    ]
    (rule,) = rules({**TO_WEB, "filters": filters})
    assert rule["filters"] == filters


def test_the_meshs_protocol_is_that_of_services_that_say_none() -> None:
    routes = [{**ROUTE, "rules": [{"to": [{"service": "db"}]}]}]
    assert "in-route-shop" in {each.name for each in gateway(routes=routes, default_protocol="http")}


def test_a_gateway_without_routes_and_without_a_provider() -> None:
    assert "in-gateway" in {each.name for each in gateway(routes=[])}
    with pytest.raises(ComponentError, match="MW-E051"):
        ConsulApiGateway("in", ARGS)  # type: ignore[arg-type]
