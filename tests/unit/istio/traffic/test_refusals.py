"""What a TrafficPolicy refuses: with its code, in one line each, all at once, before anything is registered."""

from typing import Any

import pulumi
import pytest

from meshwright import TrafficPolicy
from meshwright.engine.record import record
from meshwright.kubernetes.errors import ComponentError
from tests.unit.graphs import shape, with_provider

SAFE = "connect-failure, refused-stream, reset-before-request"
HOLDS = "and a route of the Gateway API holds"
FEWER = "write fewer: path_prefix and headers_regex fit many at once (MW-E133)"
ORDER = "tries first: it goes by path, then method, then number of headers, not by order"


def policy(**args: Any) -> dict[str, Any]:
    return {"namespace": "catalog", "service": "reviews", "port": 9080, "waypoint": "waypoint", **args}


def refused(args: dict[str, Any]) -> list[str]:
    """The lines that a policy is refused with; none where it isn't."""
    lines: list[str] = []

    def program(opts: pulumi.ResourceOptions) -> None:
        try:
            TrafficPolicy("it", args, opts)  # type: ignore[arg-type]
        except ComponentError as error:
            lines.extend(str(error).splitlines())

    graph = with_provider(program)
    assert bool(lines) != bool(shape(graph))
    return [line.removeprefix("TrafficPolicy it: ") for line in lines]


def route(**route: Any) -> dict[str, Any]:
    return policy(routes=[route])


def match(**match: Any) -> dict[str, Any]:
    return route(match=[match], to=[{"service": "reviews-v2"}])


TO_V2 = {"to": [{"service": "reviews-v2"}]}
CASES: dict[str, tuple[dict[str, Any], str]] = {
    "routes without a waypoint": (
        {key: value for key, value in route(timeout="1s").items() if key != "waypoint"},
        (
            "asks for routing, and no waypoint takes the service's traffic: ztunnel would ignore it without a word; "
            "give the namespace a waypoint with for: service (or all) (MW-E130)"
        ),
    ),
    "limits without a waypoint": (
        policy(waypoint="", connection_pool={"max_connections": 1}),
        (
            "asks for limits on connections, and no waypoint takes the service's traffic: ztunnel would ignore it without a "
            "word; give the namespace a waypoint with for: service (or all) (MW-E130)"
        ),
    ),
    "nothing at all": (
        policy(),
        "says nothing about the service's traffic; add routes, or remove it (MW-E139)",
    ),
    "a route that takes everything, and one after it": (
        policy(routes=[TO_V2, {"match": [{"path": "/a"}]}]),
        "routes[0] takes every request, so that no route after it is ever reached; write it last (MW-E132)",
    ),
    "an order that an HTTPRoute doesn't keep": (
        policy(routes=[{"match": [{"headers": {"x-cohort": "beta"}}], **TO_V2}, {"match": [{"path_prefix": "/api"}]}]),
        (
            f"routes[0] shares requests with routes[1], which HTTPRoute {ORDER}; "
            "write routes[1] first, or repeat its path here (MW-E132)"
        ),
    ),
    "an order that a GRPCRoute doesn't keep": (
        policy(protocol="grpc", routes=[{"match": [{"grpc_method": "Get"}]}, {"match": [{"grpc_service": "s"}]}]),
        (
            f"routes[0] shares requests with routes[1], which GRPCRoute {ORDER}; "
            "write routes[1] first, or repeat its path here (MW-E132)"
        ),
    ),
    "gRPC on an HTTP route": (
        match(grpc_service="shop.v1.Cart"),
        (
            "routes[0].match[0].grpc_service is for gRPC, and the policy's protocol is http; "
            "set protocol: grpc, or match path or methods (MW-E133)"
        ),
    ),
    "HTTP on a gRPC route": (
        {**match(methods=["GET"], headers={"x": "1"}), "protocol": "grpc"},
        (
            "routes[0].match[0].methods is for HTTP, and the policy's protocol is grpc; "
            "match grpc_service, grpc_method or headers (MW-E133)"
        ),
    ),
    "two paths": (
        match(path="/a", path_prefix="/b"),
        "routes[0].match[0].path_prefix stands beside path; keep one of the two (MW-E133)",
    ),
    "an empty match": (
        route(match=[{}, {"path": "/a"}]),
        "routes[0].match[0] is empty, and so fits every request; remove match, or say what must fit (MW-E133)",
    ),
    "a header twice": (
        match(headers={"X-A": "1"}, headers_regex={"x-a": "2"}),
        'routes[0].match[0].headers has "x-a" twice; keep it once in headers and headers_regex (MW-E133)',
    ),
    "a query parameter twice": (
        match(query={"q": "1"}, query_regex={"q": "2"}),
        'routes[0].match[0].query has "q" twice; keep it once in query and query_regex (MW-E133)',
    ),
    "too many routes": (
        policy(routes=[{"match": [{"path": f"/{number}"}]} for number in range(16)]),
        f"routes has 17 rules, with the one for the rest, {HOLDS} 16; {FEWER}",
    ),
    "too many matches": (
        route(match=[{"path": f"/{number}"} for number in range(65)]),
        f"routes has 65 matches of one rule, each method counted, {HOLDS} 64; {FEWER}",
    ),
    "too many matches in all": (
        policy(routes=[{"match": [{"path": f"/{n}-{number}"} for number in range(64)]} for n in range(2)]),
        f"routes has 129 matches in all, each method counted, {HOLDS} 128; {FEWER}",
    ),
    "too many backends": (
        route(to=[{"service": f"a-{number}"} for number in range(17)]),
        f"routes has 17 backends of one rule, {HOLDS} 16; {FEWER}",
    ),
    "too many headers": (
        match(headers={f"x-{number}": "1" for number in range(17)}),
        f"routes has 17 headers of one match, {HOLDS} 16; {FEWER}",
    ),
    "too many query parameters": (
        match(query={f"q{number}": "1" for number in range(17)}),
        f"routes has 17 query parameters of one match, {HOLDS} 16; {FEWER}",
    ),
    "retries that may do it twice": (
        route(retries={"attempts": 2, "retry_on": ["connect-failure", "5xx"]}),
        (
            'routes[0].retries.retry_on names "5xx", after which the application may have done what was asked: it would do it '
            f"again; keep to {SAFE}, match methods that may be repeated (GET, PUT, ...), or say idempotent: true (MW-E134)"
        ),
    ),
    "retries of all routes that may do it twice": (
        policy(
            retries={"attempts": 2, "retry_on": ["503"]},
            routes=[{"match": [{"path": "/a"}]}, {"match": [{"path": "/b", "methods": ["GET"]}]}],
        ),
        (
            'retries.retry_on names "503", after which the application may have done what was asked: it would do it '
            f"again; keep to {SAFE}, match methods that may be repeated (GET, PUT, ...), or say idempotent: true (MW-E134)"
        ),
    ),
    "rate limits": (
        route(rate_limit={"requests": 10}),
        (
            "routes[0].rate_limit asks for what no API does at a waypoint: Istio limits rates by EnvoyFilter alone, which a "
            "waypoint ignores; limit at the ingress gateway or in the application; connection_pool bounds what is under way "
            "at a time (MW-E135)"
        ),
    ),
    "an EnvoyFilter": (
        policy(envoy_filter={}),
        (
            "envoy_filter asks for an EnvoyFilter, which a waypoint ignores without a word; "
            "say what it is for in the policy's own keys (MW-E135)"
        ),
    ),
    "a subset": (
        route(to=[{"service": "reviews", "subset": "v1"}]),
        (
            "routes[0].to[0].subset asks for a subset, which HTTPRoute does not know; "
            "make one Service for each version (versions:), and name that in to: (MW-E135)"
        ),
    ),
    "the caller's labels": (
        match(source_labels={"app": "web"}),
        (
            "routes[0].match[0].source_labels asks for the caller's labels or namespace, by which routes at a waypoint can't "
            "match; match a header that callers send (MW-E135)"
        ),
    ),
    "weights that sum to nothing": (
        route(to=[{"service": "a", "weight": 0}, {"service": "b", "weight": 0}]),
        (
            "routes[0].to has weights that sum to 0: every request would be answered with 500; "
            "give one of them a weight (MW-E136)"
        ),
    ),
    "one backend twice": (
        route(to=[{"service": "a"}, {"service": "a", "weight": 2}]),
        "routes[0].to names a twice; add up the two weights (MW-E136)",
    ),
    "a mirror of itself": (
        route(mirror={"service": "reviews"}),
        (
            'routes[0].mirror.service is "reviews", which has the request already: it would be handled twice; '
            "mirror to another Service (MW-E136)"
        ),
    ),
    "a mirror of its backend": (
        route(to=[{"service": "a"}], mirror={"service": "a"}),
        (
            'routes[0].mirror.service is "a", which has the request already: it would be handled twice; '
            "mirror to another Service (MW-E136)"
        ),
    ),
    "a version under the service's own name": (
        policy(versions=[{"service": "reviews", "selector": {"a": "b"}}]),
        (
            'versions[0].service is "reviews", which is the service that the rules are for; '
            "name it reviews-v1, -v2 (MW-E136)"
        ),
    ),
    "a version that no Service can be called": (
        policy(versions=[{"service": "2-reviews", "selector": {"a": "b"}}]),
        (
            'versions[0].service is "2-reviews", and a Service\'s name begins with a letter; '
            "name it v2-reviews, say (MW-E136)"
        ),
    ),
    "a try longer than the whole": (
        route(timeout="500ms", retries={"attempts": 1, "per_try_timeout": "1s"}),
        (
            "routes[0].retries.per_try_timeout makes one try (1s) longer than the whole request may take (500ms); "
            "raise timeout, or lower per_try_timeout (MW-E137)"
        ),
    ),
    "a try longer than all routes' whole": (
        policy(timeout="1s", retries={"attempts": 1, "per_try_timeout": "1m"}),
        (
            "retries.per_try_timeout makes one try (1m) longer than the whole request may take (1s); "
            "raise timeout, or lower per_try_timeout (MW-E137)"
        ),
    ),
    "a route shorter than all routes' try": (
        policy(retries={"attempts": 1, "per_try_timeout": "2s"}, routes=[{"timeout": "1s"}]),
        (
            "routes[0].timeout makes one try (2s) longer than the whole request may take (1s); "
            "raise timeout, or lower per_try_timeout (MW-E137)"
        ),
    ),
    "no retries, and how": (
        route(retries={"attempts": 0, "retry_on": ["connect-failure"]}),
        (
            "routes[0].retries.attempts is 0, which turns retries off, and retry_on says how to retry; "
            "remove retry_on, or allow attempts (MW-E139)"
        ),
    ),
    "an empty fault": (
        route(fault={}),
        "routes[0].fault is empty; add delay or abort, or remove fault (MW-E139)",
    ),
    "an abort with two statuses": (
        {**route(fault={"abort": {"status": 503, "grpc_status": "INTERNAL", "percent": 1}}), "protocol": "grpc"},
        "routes[0].fault.abort has an HTTP and a gRPC status; give status or grpc_status (MW-E139)",
    ),
    "an abort with none": (
        route(fault={"abort": {"percent": 1}}),
        "routes[0].fault.abort says no status; give status or grpc_status (MW-E139)",
    ),
    "a gRPC status over HTTP": (
        route(fault={"abort": {"grpc_status": "INTERNAL", "percent": 1}}),
        (
            "routes[0].fault.abort.grpc_status is for gRPC, and the policy's protocol is http; "
            "give status, or set protocol: grpc (MW-E133)"
        ),
    ),
    "limits of nothing": (
        policy(connection_pool={}, timeout="1s"),
        "connection_pool is empty; say what it limits, or remove connection_pool (MW-E139)",
    ),
}


@pytest.mark.parametrize(("args", "line"), CASES.values(), ids=CASES)
def test_what_cannot_work_is_refused(args: dict[str, Any], line: str) -> None:
    assert refused(args) == [line]


VALUES: dict[str, dict[str, Any]] = {
    "routes[0].timeout is '5 s'; write a duration": route(timeout="5 s"),
    "routes[0].timeout is '0s'; write a duration": route(timeout="0s"),
    "timeout is '1d'; write a duration": policy(timeout="1d"),
    "timeout is '100us'; write a duration": policy(timeout="100us"),
    "routes[0].match[0].path is 'a'; begin it with /": match(path="a"),
    "routes[0].match[0].path_prefix is '/a//b'; begin it with /": match(path_prefix="/a//b"),
    "routes[0].match[0].path is '/a/..'; begin it with /": match(path="/a/.."),
    "routes[0].match[0].path_regex is '(?=a)'; write a regular": match(path_regex="(?=a)"),
    "routes[0].match[0].path_regex is '['; write a regular": match(path_regex="["),
    "routes[0].match[0].path_regex is ''; write a regular": match(path_regex=""),
    "routes[0].match[0].methods[1] is 'get'; one of: GET": match(methods=["GET", "get"]),
    "routes[0].match[0].headers has the name 'a b'; use letters": match(headers={"a b": "1"}),
    "routes[0].match[0].headers.a is ''; write 1 to 1024": match(headers={"a": ""}),
    "routes[0].match[0].query.a is 'é'; write 1 to 1024": match(query={"a": "é"}),
    "routes[0].match[0].headers_regex.a is '(a'; write a regular": match(headers_regex={"a": "(a"}),
    "routes[0].match[0].grpc_service is 'a/b'; write it as": {**match(grpc_service="a/b"), "protocol": "grpc"},
    "routes[0].match[0].grpc_method is '1'; write it as": {**match(grpc_method="1"), "protocol": "grpc"},
    "routes[0].to[0].weight is -1; a whole number from 0": route(to=[{"service": "a", "weight": -1}]),
    "routes[0].to[0].weight is 1.5; a whole number from 0": route(to=[{"service": "a", "weight": 1.5}]),
    "routes[0].to[0].service is 'A'; write a name": route(to=[{"service": "A"}]),
    "routes[0].mirror.percent is 0; a whole number from 1": route(mirror={"service": "a", "percent": 0}),
    "routes[0].retries.retry_on[0] is '5XX'; one of: connect-failure": route(
        retries={"attempts": 1, "retry_on": ["5XX"]}
    ),
    "routes[0].retries.attempts is True; a whole number": route(retries={"attempts": True}),
    "port is 0; a whole number from 1": policy(port=0, timeout="1s"),
    "protocol is 'tcp'; one of: http, grpc": policy(protocol="tcp", timeout="1s"),
    "versions[0].selector is empty: the Service would have no pods; say": policy(
        versions=[{"service": "v1", "selector": {}}]
    ),
    "versions[0].selector has the key 'a b', which is none of a label; write": policy(
        versions=[{"service": "v1", "selector": {"a b": "c"}}]
    ),
    "versions[0].selector has the value 'v1 ' for version, which is none of a label; write": policy(
        versions=[{"service": "v1", "selector": {"version": "v1 "}}]
    ),
    "traffic_distribution is 'PreferClose'; one of: PreferSameZone": policy(traffic_distribution="PreferClose"),
}


@pytest.mark.parametrize(("line", "args"), VALUES.items(), ids=list(VALUES))
def test_a_value_that_is_none_is_refused(line: str, args: dict[str, Any]) -> None:
    (found,) = refused(args)
    assert found.startswith(line)
    assert found.endswith("(MW-E050)")


@pytest.mark.parametrize(
    "args",
    [
        route(retries={"attempts": 2, "retry_on": ["5xx"], "idempotent": True}),
        route(match=[{"methods": ["GET", "PUT"]}], retries={"attempts": 2, "retry_on": ["5xx"]}),
        policy(routes=[{"match": [{"path": "/a/b"}]}, {"match": [{"path_prefix": "/a"}]}]),
        policy(routes=[{"match": [{"path_prefix": "/b"}]}, {"match": [{"path_prefix": "/a/b"}]}]),
        policy(routes=[{"match": [{"headers": {"x": "1"}}]}, {"match": [{"path": "/", "headers": {"x": "2"}}]}]),
        policy(routes=[{"match": [{"methods": ["GET"]}]}, {"match": [{"path": "/a", "methods": ["PUT"]}]}]),
        # Whoever asks for a VirtualService has the order of that.
        policy(retries={"attempts": 1}, routes=[{"match": [{"headers": {"x": "1"}}]}, {"match": [{"path": "/a"}]}]),
        route(match=[{"headers": {"subset": "1"}, "query": {"rate_limit": "1"}}]),
        # The labels of pods are the user's, whatever the keys of a policy are called.
        policy(
            versions=[{"service": "v2", "selector": {"service": "Reviews.v2", "host": "a", "port": "x", "tier": ""}}]
        ),
    ],
)
def test_what_can_work_is_taken(args: dict[str, Any]) -> None:
    assert refused(args) == []


def test_everything_is_told_at_once() -> None:
    args = policy(routes=[{"timeout": "1s", "fault": {}, "mirror": {"service": "reviews"}}], waypoint="")
    assert [line[-9:] for line in refused(args)] == ["(MW-E130)", "(MW-E136)", "(MW-E139)"]


def test_without_a_provider_nothing_is_registered() -> None:
    with pytest.raises(ComponentError, match=r"TrafficPolicy it: no Kubernetes provider was given; .* \(MW-E051\)"):
        record(lambda: TrafficPolicy("it", policy()))  # type: ignore[arg-type]
