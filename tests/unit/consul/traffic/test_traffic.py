"""ConsulServiceTraffic: routers, splitters and resolvers, and what Consul would refuse of them."""

from typing import Any

import pulumi
import pulumi_consul
import pytest

from meshwright import ConsulServiceTraffic
from meshwright.consul.traffic.checks import circles
from meshwright.engine.graph import Graph
from meshwright.engine.record import record
from meshwright.kubernetes.errors import ComponentError
from tests.unit.graphs import find, inputs, names, shape, with_provider

SUBSETS = {"v1": {"filter": 'Service.Meta.version == "v1"'}, "v2": {"only_passing": True}}
OTHERS = {"api": {"protocol": "http", "subsets": ["old"]}, "db": {}}
GET = {"methods": ["GET"]}


def args_of(**args: Any) -> Any:
    return {"service": "web", "namespace": "shop", "protocol": "http", "services": OTHERS, **args}


def traffic(**args: Any) -> Graph:
    return with_provider(lambda opts: ConsulServiceTraffic("web", args_of(**args), opts))


ALL: dict[str, Any] = {
    "subsets": SUBSETS,
    "default_subset": "v1",
    "failover": {"v1": {"service": "api", "subset": "old", "datacenters": ["dc2"]}, "*": {"targets": [{"peer": "p"}]}},
    "connect_timeout": "2s",
    "request_timeout": "10s",
    "load_balancer": {
        "policy": "ring_hash",
        "min_ring": 8,
        "max_ring": 16.0,
        "hash": [
            {"header": "x-user"},
            {"query": "user"},
            {"cookie": "user", "ttl": "1h"},
            {"cookie": "session", "session": True},
            {"source_ip": True},
        ],
    },
    "split": [{"weight": 99.99, "subset": "v1"}, {"weight": 0.01, "service": "api"}],
    "routes": [
        {
            "match": {
                "path_prefix": "/api",
                "methods": ["GET"],
                "headers": {"x-a": "b"},
                "headers_regex": {"x-c": "d+"},
                "query": {"q": "1"},
                "query_regex": {"r": "2+"},
            },
            "service": "api",
            "subset": "old",
            "prefix_rewrite": "/",
            "timeout": "2s",
            "idle_timeout": "1m",
            "retries": {"attempts": 2, "on": ["5xx"], "statuses": [429]},
            "request_headers": {"add": {"x-Team": "a"}, "set": {"x-b": "c"}, "remove": ["x-d"]},
            "response_headers": {"remove": ["server"]},
        },
        {"match": {"path": "/v2"}, "subset": "v2"},
        {"match": {"path_regex": "/v[0-9]"}},
    ],
}


def test_each_entry_is_told_as_consul_has_it_and_comes_after_what_it_names() -> None:
    graph = traffic(**ALL)
    assert [name for _, name, _ in shape(graph)] == ["web", "web-resolver", "web-splitter", "web-router"]
    assert "web-splitter" in names(find(graph, "web-router").dependencies)
    assert inputs(graph, "web-resolver")["metadata"] == {"name": "web", "namespace": "shop"}
    assert inputs(graph, "web-resolver")["spec"] == {
        "subsets": {"v1": {"filter": 'Service.Meta.version == "v1"'}, "v2": {"onlyPassing": True}},
        "defaultSubset": "v1",
        "connectTimeout": "2s",
        "requestTimeout": "10s",
        "failover": {
            "v1": {"service": "api", "serviceSubset": "old", "datacenters": ["dc2"]},
            "*": {"targets": [{"peer": "p"}]},
        },
        "loadBalancer": {
            "policy": "ring_hash",
            "ringHashConfig": {"minimumRingSize": 8, "maximumRingSize": 16},
            "hashPolicies": [
                {"field": "header", "fieldValue": "x-user"},
                {"field": "query_parameter", "fieldValue": "user"},
                {"field": "cookie", "fieldValue": "user", "cookieConfig": {"ttl": "1h"}},
                {"field": "cookie", "fieldValue": "session", "cookieConfig": {"session": True}},
                {"sourceIP": True},
            ],
        },
    }
    assert inputs(graph, "web-splitter")["spec"] == {
        "splits": [{"weight": 99.99, "serviceSubset": "v1"}, {"weight": 0.01, "service": "api"}]
    }
    assert inputs(graph, "web-router")["spec"]["routes"] == [
        {
            "match": {
                "http": {
                    "pathPrefix": "/api",
                    "methods": ["GET"],
                    "header": [{"name": "x-a", "exact": "b"}, {"name": "x-c", "regex": "d+"}],
                    "queryParam": [{"name": "q", "exact": "1"}, {"name": "r", "regex": "2+"}],
                }
            },
            "destination": {
                "service": "api",
                "serviceSubset": "old",
                "prefixRewrite": "/",
                "requestTimeout": "2s",
                "idleTimeout": "1m",
                "numRetries": 2,
                "retryOn": ["5xx"],
                "retryOnStatusCodes": [429],
                "requestHeaders": {"add": {"x-Team": "a"}, "set": {"x-b": "c"}, "remove": ["x-d"]},
                "responseHeaders": {"remove": ["server"]},
            },
        },
        {"match": {"http": {"pathExact": "/v2"}}, "destination": {"serviceSubset": "v2"}},
        {"match": {"http": {"pathRegex": "/v[0-9]"}}},
    ]


def test_only_what_is_asked_for_is_made() -> None:
    graph = traffic(protocol="tcp", redirect={"service": "db", "datacenter": "dc2"})
    assert inputs(graph, "web-resolver")["spec"] == {"redirect": {"service": "db", "datacenter": "dc2"}}
    assert len(shape(graph)) == 2
    balancer = inputs(traffic(load_balancer={"policy": "least_request", "choices": 3}), "web-resolver")["spec"]
    assert balancer == {"loadBalancer": {"policy": "least_request", "leastRequestConfig": {"choiceCount": 3}}}


def route(**more: Any) -> dict[str, Any]:
    return {"routes": [more]}


@pytest.mark.parametrize(
    ("args", "message", "code"),
    [
        ({"protocol": "udp"}, 'protocol is "udp"; one of: tcp, http', "MW-E251"),
        (
            {"protocol": "tcp", **route(subset="v1"), "subsets": SUBSETS},
            "routes is for requests, and the protocol",
            "MW-E251",
        ),
        (
            {"protocol": "tcp", "split": [{"weight": 100}]},
            "split is for requests, and the protocol of web is tcp",
            "MW-E251",
        ),
        ({"split": [{"weight": 60}, {"weight": 50, "service": "api"}]}, "split has weights that sum to 110", "MW-E255"),
        ({"split": [{"weight": 100}, {"weight": 0, "service": "web"}]}, "split names web twice", "MW-E255"),
        ({"split": [{"weight": 100}, {"weight": 0.001, "service": "api"}]}, "split[1].weight is 0.001", "MW-E255"),
        (
            {"routes": [{"service": "api"}, {"match": GET}]},
            "routes[0] takes every request, and the routes after it would get none",
            "MW-E255",
        ),
        (
            route(service="apj"),
            'routes[0].service is "apj", and no service of that name is listed; did you mean api?',
            "MW-E252",
        ),
        (route(service="zzzzz"), "list it among the services of its namespace", "MW-E252"),
        (route(service="db"), "routes[0].service is db, whose protocol is tcp, and web's is http", "MW-E251"),
        (
            route(subset="v3"),
            'routes[0].subset is "v3", and web has no such subset; add it to the subsets of web',
            "MW-E256",
        ),
        (route(service="api", subset="new"), 'is "new", and api has no such subset; one of: old', "MW-E256"),
        (route(match=GET, prefix_rewrite="/"), "routes[0].prefix_rewrite rewrites what match.path or", "MW-E255"),
        (route(match={"path": "/a", "path_prefix": "/b"}), "routes[0].match.path_prefix stands beside path", "MW-E255"),
        (route(match={"path": "a"}), 'routes[0].match.path is "a"', "MW-E255"),
        (route(match={"path_regex": "(?!a)"}), 'match.path_regex is "(?!a)", which RE2 does not take', "MW-E255"),
        (route(match={"query_regex": {"a": "("}}), 'match.query_regex.a is "(", which RE2 does not take', "MW-E255"),
        (route(match={"headers": {"a b": "c"}}), 'match.headers has the name "a b"', "MW-E255"),
        (route(match={"methods": ["get"]}), 'match.methods[0] is "get", which is no method', "MW-E255"),
        (route(match={"methods": ["GET", "GET"]}), 'match.methods[1] is "GET" again', "MW-E255"),
        (route(match=GET, retries={"on": ["503"]}), 'retries.on[0] is "503", which Consul does not know', "MW-E255"),
        (route(match=GET, retries={}), "retries says not when: nothing would be sent again", "MW-E255"),
        (
            route(retries={"on": ["5xx"]}),
            "retries sends requests again that the application may have worked on",
            "MW-E255",
        ),
        ({"subsets": {"V1": {}}}, 'subsets has the subset "V1"', "MW-E256"),
        (
            {"subsets": {"v1": {"filter": "version = 1"}}},
            "subsets.v1.filter is 'version = 1', which picks by nothing",
            "MW-E256",
        ),
        (
            {"subsets": {"v1": {"filter": 'Service.Meta.a == "b'}}},
            "which picks by nothing that is registered",
            "MW-E256",
        ),
        ({"default_subset": "v1"}, 'default_subset is "v1", which is no subset; add it to subsets', "MW-E256"),
        ({"default_subset": "v3", "subsets": SUBSETS}, "which is no subset; one of: v1, v2", "MW-E256"),
        ({"redirect": {}}, "redirect is empty", "MW-E256"),
        ({"redirect": {"service": "web"}}, "redirect leads to the service itself: nothing would change", "MW-E256"),
        ({"redirect": {"subset": "v1"}, "subsets": SUBSETS}, "redirect.subset is given without a service", "MW-E256"),
        ({"redirect": {"peer": "p"}}, "redirect.peer is given without a service", "MW-E256"),
        (
            {"redirect": {"service": "api", "peer": "p", "datacenter": "dc2"}},
            "redirect.datacenter stands beside peer",
            "MW-E256",
        ),
        (
            {"redirect": {"service": "api"}, "failover": {"*": {"service": "api"}}},
            "redirect stands beside failover, of which there would be none",
            "MW-E256",
        ),
        ({"failover": {"v9": {"service": "api"}}}, 'failover.v9 is for "v9", which is no subset', "MW-E256"),
        ({"failover": {"*": {}}}, "failover.* is empty", "MW-E256"),
        (
            {"failover": {"*": {"targets": [{"service": "api"}], "datacenters": ["dc2"]}}},
            "failover.*.datacenters stands beside targets",
            "MW-E256",
        ),
        (
            {"failover": {"*": {"targets": [{"peer": "p", "subset": "v1"}]}}},
            "failover.*.targets[0].subset stands beside peer",
            "MW-E256",
        ),
        ({"failover": {"*": {"targets": [{"service": "x"}]}}}, 'failover.*.targets[0].service is "x"', "MW-E252"),
        ({"connect_timeout": "5"}, 'connect_timeout is "5"; write it as 500ms', "MW-E050"),
        ({"load_balancer": {"policy": "fastest"}}, 'load_balancer.policy is "fastest"', "MW-E256"),
        (
            {"load_balancer": {"policy": "random", "choices": 2}},
            "choices is for least_request, and the policy is",
            "MW-E256",
        ),
        (
            {"load_balancer": {"policy": "maglev", "hash": [{"header": "a", "query": "b"}]}},
            "hash[0] has 2 of header, cookie, query, source_ip",
            "MW-E256",
        ),
        (
            {"load_balancer": {"policy": "maglev", "hash": [{"header": "a", "ttl": "1s"}]}},
            "hash[0].ttl is for a cookie",
            "MW-E256",
        ),
        (
            {"load_balancer": {"policy": "maglev", "hash": [{"cookie": "a", "ttl": "1s", "session": True}]}},
            "hash[0].ttl stands beside session",
            "MW-E256",
        ),
    ],
)
def test_what_consul_would_refuse(args: Any, message: str, code: str) -> None:
    with pytest.raises(ComponentError) as error:
        traffic(**args)
    (line,) = str(error.value).splitlines()
    assert line.startswith("ConsulServiceTraffic web: ")
    assert message in line
    assert line.endswith(f"({code})")


@pytest.mark.parametrize(
    "retries",
    [{"on": ["connect-failure"]}, {"on": ["5xx"], "idempotent": True}],
)
def test_requests_are_sent_again_where_that_is_known_to_be_safe(retries: Any) -> None:
    assert (
        inputs(traffic(**route(retries=retries)), "web-router")["spec"]["routes"][0]["destination"]["numRetries"] == 1
    )


def test_services_that_lead_to_each_other_in_a_circle_are_found() -> None:
    def split(service: str, *others: str) -> Any:
        return {"service": service, "split": [{"weight": 1, "service": other} for other in others]}

    found = circles(
        [
            split("a", "b", "a"),
            split("b", "c"),
            {"service": "c", "redirect": {"service": "a"}},
            {"service": "d", "split": [{"weight": 1, "service": "a", "subset": "v1"}]},
            {"service": "e", "redirect": {"service": "e", "datacenter": "dc2"}},
        ]
    )
    assert list(found) == [("a", "b", "c", "a")]


def off_kubernetes(**args: Any) -> Graph:
    def run() -> None:
        provider = pulumi_consul.Provider("consul", address="https://consul:8501")
        given: Any = {key: value for key, value in args_of(**args).items() if key != "namespace"}
        ConsulServiceTraffic("web", given, pulumi.ResourceOptions(providers=[provider]))

    return record(run)


def test_off_kubernetes_they_are_typed_entries_as_consul_keeps_them() -> None:
    changed = {key: value for key, value in ALL["routes"][0].items() if key != "response_headers"}
    changed |= {
        "request_headers": {"add": {"x-Team": "a"}, "remove": ["x-d"]},
        "timeout": "90s",
        "idle_timeout": "500ms",
    }
    cookie = {"policy": "ring_hash", "min_ring": 8, "hash": [{"cookie": "user"}, {"source_ip": True}]}
    routes = [changed, *ALL["routes"][1:]]
    graph = off_kubernetes(**{**ALL, "load_balancer": cookie, "routes": routes, "request_timeout": "2h"})
    assert inputs(graph, "web-defaults") == {
        "name": "web",
        "protocol": "http",
        "exposes": [{"checks": False}],
        "meshGateways": [{"mode": ""}],
        "transparentProxies": [{"dialedDirectly": False, "outboundListenerPort": 0}],
    }
    resolver = inputs(graph, "web-resolver")
    assert resolver["subsets"] == [
        {"name": "v1", "filter": 'Service.Meta.version == "v1"', "onlyPassing": False},
        {"name": "v2", "filter": "", "onlyPassing": True},
    ]
    assert resolver["failovers"] == [
        {"subsetName": "v1", "service": "api", "serviceSubset": "old", "datacenters": ["dc2"]},
        {"subsetName": "*", "targets": [{"peer": "p"}]},
    ]
    assert resolver["loadBalancers"] == [
        {
            "policy": "ring_hash",
            "ringHashConfigs": [{"minimumRingSize": 8}],
            "hashPolicies": [{"field": "cookie", "fieldValue": "user"}, {"sourceIp": True}],
        }
    ]
    assert (resolver["connectTimeout"], resolver["requestTimeout"]) == ("2s", "2h0m0s")
    assert inputs(graph, "web-splitter")["splits"] == [
        {"service": "web", "weight": 99.98999786376953, "serviceSubset": "v1"},
        {"service": "api", "weight": 0.009999999776482582},
    ]
    first, second, third = inputs(graph, "web-router")["routes"]
    assert first["match"] == {
        "http": {
            "pathPrefix": "/api",
            "methods": ["GET"],
            "headers": [{"name": "x-a", "exact": "b"}, {"name": "x-c", "regex": "d+"}],
            "queryParams": [{"name": "q", "exact": "1"}, {"name": "r", "regex": "2+"}],
        }
    }
    assert first["destination"] == {
        "requestTimeout": "1m30s",
        "idleTimeout": "500ms",
        "service": "api",
        "serviceSubset": "old",
        "prefixRewrite": "/",
        "numRetries": 2,
        "retryOns": ["5xx"],
        "retryOnStatusCodes": [429],
        "requestHeaders": {"add": {"x-Team": "a"}, "removes": ["x-d"]},
    }
    assert second["destination"] == {"requestTimeout": "0s", "idleTimeout": "0s", "serviceSubset": "v2"}
    assert third["destination"] == {"requestTimeout": "0s", "idleTimeout": "0s"}


def test_off_kubernetes_only_what_is_asked_for_is_made() -> None:
    graph = off_kubernetes(redirect={"service": "api"}, failover={})
    assert inputs(graph, "web-resolver") == {
        "name": "web",
        "connectTimeout": "0s",
        "requestTimeout": "0s",
        "redirects": [{"service": "api"}],
    }


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            route(request_headers={"set": {"a": "b"}}),
            "routes[0].request_headers.set is added by the provider for Consul's API, beside what the caller sent",
        ),
        (route(response_headers={"remove": ["a"]}), "routes[0].response_headers is not read by the provider"),
        (
            {"load_balancer": {"policy": "maglev", "hash": [{"cookie": "a", "session": True}]}},
            "load_balancer.hash[0] has an end of its cookie, which the provider for Consul's API fails to read",
        ),
    ],
)
def test_off_kubernetes_what_the_provider_can_not_do_is_refused(args: Any, message: str) -> None:
    with pytest.raises(ComponentError) as error:
        off_kubernetes(**args)
    assert message in str(error.value)
