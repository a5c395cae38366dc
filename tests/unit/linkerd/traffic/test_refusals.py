"""What the components of traffic refuse: with its code, before anything is registered."""

from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from meshwright import LinkerdEgress, LinkerdRateLimit, LinkerdTraffic
from meshwright.gateway_api.rules import Condition
from meshwright.kubernetes.errors import ComponentError
from meshwright.linkerd.traffic.precedence import before
from tests.unit.graphs import shape, with_provider


def refused(component: Callable[..., object], args: dict[str, Any]) -> str:
    lines: list[str] = []

    def program(opts: pulumi.ResourceOptions) -> None:
        try:
            component("it", args, opts)
        except ComponentError as error:
            lines.append(str(error))

    graph = with_provider(program)
    assert bool(lines) != bool(shape(graph))
    return "".join(lines)


def traffic(**args: Any) -> str:
    return refused(LinkerdTraffic, {"namespace": "shop", "service": "cart", "port": 80, **args})


def route(**said: Any) -> str:
    return traffic(routes=[said])


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ({}, "says nothing about the service's traffic; add routes, or remove it (MW-E205)"),
        ({"routes": [{"match": [{}]}]}, "routes[0].match[0] is empty"),
        ({"routes": [{"match": [{"grpc_method": "Get"}]}]}, "grpc_method is for gRPC, and the protocol is http"),
        ({"protocol": "grpc", "routes": [{"match": [{"path": "/"}]}]}, "path is for HTTP, and the protocol is grpc"),
        ({"routes": [{"match": [{"path": "/a", "path_prefix": "/a"}]}]}, "path_prefix stands beside path"),
        ({"routes": [{"to": [{"service": "a", "weight": 0}]}]}, "routes[0].to has weights that sum to 0"),
        ({"routes": [{"to": [{"service": "a"}, {"service": "a"}]}]}, "routes[0].to names a twice"),
        (
            {"routes": [{"match": [{"path_prefix": "/a"}]}, {"match": [{"path_prefix": "/a/b"}]}]},
            "routes[0] shares requests with routes[1], which Linkerd may prefer",
        ),
        (
            {"routes": [{"match": [{"path_prefix": "/"}], "timeouts": {"request": "1s"}}, {}]},
            "routes[0] shares requests with routes[1]",
        ),
        (
            {"routes": [{"match": [{"path": "/"}], "timeouts": {"request": "1s"}}]},
            "shares requests with the service itself",
        ),
        (
            {"service_profile": True, "routes": [{}], "load_bias": {}},
            "Linkerd ignores all of it then; delete the ServiceProfile once its routes are written anew, or keep it alone (MW-E206)",
        ),
        ({"routes": [{"fault": {}}]}, "routes[0].fault asks for delays or errors on purpose, which Linkerd has not"),
        ({"routes": [{"mirror": {}}]}, "Istio ambient has it, at a waypoint (kind: istio-ambient) (MW-E207)"),
        ({"external_authorization": {}}, "asks for an external authorizer, which Linkerd has not"),
        ({"retries": {"on": [], "idempotent": True}}, "retries.on is empty"),
        ({"retries": {"on": ["cancelled"], "idempotent": True}}, 'is "cancelled", which no response of HTTP is'),
        ({"protocol": "grpc", "retries": {"on": ["5xx"], "idempotent": True}}, "which no response of gRPC is"),
        ({"retries": {"on": ["5xx"]}}, "sends requests again that the application may have worked on"),
        (
            {"routes": [{"match": [{"methods": ["GET"]}, {"methods": ["POST"]}], "retries": {"on": ["5xx"]}}]},
            "routes[0].retries sends requests again",
        ),
        (
            {"timeouts": {"request": "1s"}, "retries": {"on": ["5xx"], "idempotent": True, "timeout": "1000ms"}},
            "retries.timeout is 1000ms, no shorter than timeouts.request (1s), after which nothing is retried",
        ),
        (
            {"timeouts": {"request": "1s", "response": "2s"}},
            "longer than request (1s), and so never reached; shorten it, or remove response (MW-E208)",
        ),
        ({"circuit_breaker": {"mode": "consecutive", "window": "5s"}}, "window has no effect with mode: consecutive"),
        ({"circuit_breaker": {"mode": "consecutive", "max_failures": 0}}, "is 0: no breaker would run"),
        ({"circuit_breaker": {"mode": "unified", "max_failures": 0, "success_rate": 0}}, "no breaker would run"),
        ({"circuit_breaker": {"mode": "consecutive", "min_penalty": "2m"}}, "longer than max_penalty (1m)"),
        ({"circuit_breaker": {"mode": "unified", "window": "500ms"}}, "write 1s or more (MW-E209)"),
    ],
)
def test_rules_that_cannot_work(args: dict[str, Any], says: str) -> None:
    assert says in traffic(**args)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ({"timeouts": {"request": "1m30s"}}, "timeouts.request is '1m30s'; write one number and one unit"),
        ({"timeouts": {"request": "5"}}, "is '5'"),
        ({"retries": {"on": ["500-400"], "idempotent": True}}, "retries.on[0] is '500-400'"),
        ({"retries": {"on": [5], "idempotent": True}}, "retries.on[0] is 5"),
        ({"routes": [{"match": [{"headers": {"a b": "x"}}]}]}, "has the name 'a b'"),
        ({"port": True}, "port is True"),
        ({"circuit_breaker": {"mode": "unified", "success_rate": 1.5}}, "success_rate is 1.5"),
    ],
)
def test_values_that_are_none(args: dict[str, Any], says: str) -> None:
    printed = traffic(**args)
    assert says in printed
    assert "(MW-E050)" in printed


def test_words_of_the_users_are_not_taken_for_keys() -> None:
    assert route(match=[{"headers": {"mirror": "1"}}], to=[{"service": "b"}]) == ""


def test_safe_methods_need_no_word_for_it() -> None:
    assert route(match=[{"methods": ["GET"]}], retries={"on": ["503", "500-504", "gateway-error"]}) == ""


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ({}, "limits nothing; say total, identity or overrides (MW-E210)"),
        ({"total": 5, "identity": 6}, "identity is 6, more than total (5), which Linkerd refuses"),
        ({"total": 5, "overrides": [{"rate": 9, "callers": []}]}, "overrides[0].rate is 9, more than total (5)"),
        ({"overrides": [{"rate": 9, "callers": []}]}, "overrides[0].callers is for nobody"),
        ({"total": 0}, "total is 0; a whole number from 1"),
    ],
)
def test_rates_that_cannot_be(args: dict[str, Any], says: str) -> None:
    assert says in refused(LinkerdRateLimit, {"namespace": "shop", "server": "cart", **args})


HTTP = {"name": "a", "port": 80, "protocol": "http"}


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (
            {"networks": [{"cidr": "10.0.0.0/8", "except": ["11.0.0.0/8"]}]},
            "is no part of 10.0.0.0/8; remove it (MW-E211)",
        ),
        ({"networks": [{"cidr": "10.0.0.0/8", "except": ["fd00::/8"]}]}, "which is no part of"),
        ({"networks": [{"cidr": "10.0.0.1/8"}]}, "networks[0].cidr is '10.0.0.1/8'"),
        ({"networks": [{"cidr": "10.0.0.1"}]}, "networks[0].cidr is '10.0.0.1'"),
        ({"routes": [HTTP, HTTP]}, 'routes[1].name is "a", as is routes[0].name'),
        ({"routes": [{**HTTP, "protocol": "grpc"}]}, "write http, which takes gRPC too"),
        ({"routes": [{**HTTP, "protocol": "tcp", "hosts": ["a.example.com"]}]}, "plain TCP names none"),
        ({"routes": [{**HTTP, "protocol": "tls"}]}, "every name would be allowed"),
        ({"policy": "allow", "routes": [HTTP]}, "policy is allow, beside routes"),
    ],
)
def test_ways_out_that_cannot_be(args: dict[str, Any], says: str) -> None:
    assert says in refused(LinkerdEgress, {"policy": "deny", **args})


def path(kind: Any, value: str, **more: Any) -> Condition:
    return Condition(kind, value, **more)


@pytest.mark.parametrize(
    ("one", "two", "order"),
    [
        (path("exact", "/a/b"), path("prefix", "/a"), 1),
        (path("prefix", "/a"), path("exact", "/a/b"), -1),
        (path("exact", "/a"), path("prefix", "/a/"), 0),
        (path("exact", "/"), Condition(), 0),
        (path("regex", "/v[0-9]+"), Condition(), 1),
        (path("regex", "/.*"), path("prefix", "/a"), 0),
        (path("regex", "/a"), path("exact", "/a"), 0),
        (path("prefix", "/a/b"), path("prefix", "/a"), 1),
        (path("prefix", "/a", headers=(("x", False, "1"),)), path("prefix", "/a", query=(("x", False, "1"),)), 1),
        (path("prefix", "/a", query=(("x", False, "1"),)), path("prefix", "/a", method="GET"), 1),
        (path("prefix", "/a", method="GET"), path("prefix", "/a"), 1),
    ],
)
def test_linkerd_prefers_by_length_headers_query_and_method(one: Condition, two: Condition, order: int) -> None:
    assert before(one, two, grpc=False) == order
    assert before(two, one, grpc=False) == -order


def test_of_grpc_it_prefers_by_service_method_and_headers() -> None:
    longest = Condition(grpc_service="shop.v1.Cart")
    assert before(longest, Condition(grpc_method="GetEverything"), grpc=True) == 1
    assert before(Condition(grpc_method="Get"), Condition(headers=(("x", False, "1"),)), grpc=True) == 1
    assert before(Condition(), Condition(), grpc=True) == 0


@pytest.mark.parametrize(
    ("version", "refused_"),
    [
        ("edge-25.10.7", True),
        ("edge-26.6.1", True),
        ("edge-26.6.2", False),
        ("edge-26.8.3", False),
        ("2.19", True),
        ("2.20", False),
        ("enterprise-2.19.4", True),
        ("enterprise-2.20.2", False),
    ],
)
def test_a_release_that_has_no_unified_breaker_and_no_bias(version: str, refused_: bool) -> None:
    said = traffic(circuit_breaker={"mode": "unified"}, load_bias={}, linkerd_version=version)
    assert ("circuit_breaker.mode is unified, which takes Linkerd 2.20" in said) is refused_
    assert ("load_bias takes Linkerd 2.20" in said) is refused_
    assert traffic(circuit_breaker={"mode": "consecutive"}, linkerd_version=version) == ""
