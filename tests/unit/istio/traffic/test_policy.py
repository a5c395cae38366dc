"""The recorded graph of TrafficPolicy: which API it takes, what stands in it, and what is made before it."""

from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest

from meshwright import TrafficPolicy
from meshwright.engine.graph import Graph, Log
from meshwright.kubernetes.errors import ComponentError
from tests.unit.graphs import find, inputs, names, shape, with_provider

PARENT = {"group": "", "kind": "Service", "name": "reviews", "port": 9080}
ALL = {"path": {"type": "PathPrefix", "value": "/"}}


def backend(name: str, weight: int = 1, port: int = 9080) -> dict[str, Any]:
    return {"group": "", "kind": "Service", "name": name, "port": port, "weight": weight}


def traffic(**args: Any) -> Graph:
    wanted = {"namespace": "catalog", "service": "reviews", "port": 9080, "waypoint": "waypoint", **args}
    return with_provider(lambda opts: TrafficPolicy("it", wanted, opts))  # type: ignore[arg-type]


def rules(**args: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = inputs(traffic(**args), "it-route")["spec"]["rules"]
    return found


def http(**args: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = inputs(traffic(**args), "it-route")["spec"]["http"]
    return found


def logs(graph: Graph) -> list[Log]:
    return [each for each in graph.logs if each.severity == "warning"]


def test_a_canary_by_weight_is_an_http_route_at_the_service() -> None:
    graph = traffic(
        routes=[{"to": [{"service": "reviews-v1", "weight": 9.0}, {"service": "reviews-v2", "port": 80.0}]}]
    )
    assert shape(graph) == [
        ("meshwright:index:TrafficPolicy", "it", "test-dev"),
        ("kubernetes:gateway.networking.k8s.io/v1:HTTPRoute", "it-route", "it"),
    ]
    assert inputs(graph, "it-route") == {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "reviews", "namespace": "catalog"},
        "spec": {
            "parentRefs": [PARENT],
            "rules": [{"matches": [ALL], "backendRefs": [backend("reviews-v1", 9), backend("reviews-v2", 1, 80)]}],
        },
    }
    assert find(graph, "it").outputs == {"api": "HTTPRoute", "stage": "stable"}
    assert logs(graph) == []


def test_what_no_route_takes_goes_to_the_service_itself() -> None:
    beta = {"match": [{"headers": {"X-Cohort": "beta"}}], "to": [{"service": "reviews-v2"}]}
    assert rules(routes=[beta], timeout="3s") == [
        {
            "matches": [{**ALL, "headers": [{"name": "x-cohort", "type": "Exact", "value": "beta"}]}],
            "backendRefs": [backend("reviews-v2")],
            "timeouts": {"request": "3s"},
        },
        {"matches": [ALL], "backendRefs": [backend("reviews")], "timeouts": {"request": "3s"}},
    ]
    everything = {"match": [{"path_prefix": "/"}], "to": [{"service": "reviews-v1"}]}
    assert rules(routes=[everything]) == [{"matches": [ALL], "backendRefs": [backend("reviews-v1")]}]


def test_all_that_an_http_route_can_match() -> None:
    match = {
        "path_prefix": "/v1/",
        "methods": ["GET", "HEAD"],
        "headers": {"b": "1"},
        "headers_regex": {"A": "x.*"},
        "query": {"q": "1"},
        "query_regex": {"Q": "2+"},
    }
    headers = [{"name": "a", "type": "RegularExpression", "value": "x.*"}, {"name": "b", "type": "Exact", "value": "1"}]
    query = [{"name": "Q", "type": "RegularExpression", "value": "2+"}, {"name": "q", "type": "Exact", "value": "1"}]
    first, second, exact = rules(routes=[{"match": [match, {"path": "/v1"}]}])[0]["matches"]
    assert first == {
        "path": {"type": "PathPrefix", "value": "/v1"},
        "method": "GET",
        "headers": headers,
        "queryParams": query,
    }
    assert second == {**first, "method": "HEAD"}
    assert exact == {"path": {"type": "Exact", "value": "/v1"}}


def test_a_mirror_copies_requests() -> None:
    (rule,) = rules(routes=[{"mirror": {"service": "reviews-next", "percent": 5.0}}])
    target = {"group": "", "kind": "Service", "name": "reviews-next", "port": 9080}
    assert rule["filters"] == [{"type": "RequestMirror", "requestMirror": {"backendRef": target, "percent": 5}}]
    (rule,) = rules(routes=[{"mirror": {"service": "reviews-next", "port": 1}}])
    assert rule["filters"][0]["requestMirror"] == {"backendRef": {**target, "port": 1}, "percent": 100}


def test_grpc_calls_are_matched_by_service_and_method() -> None:
    match = [
        {"grpc_service": "shop.v1.Cart", "grpc_method": "Get"},
        {"grpc_service": "shop.v1.Cart"},
        {"grpc_method": "Get"},
        {"headers": {"x": "1"}},
    ]
    graph = traffic(protocol="grpc", routes=[{"match": match, "to": [{"service": "cart-v2"}]}])
    assert find(graph, "it").outputs == {"api": "GRPCRoute", "stage": "stable"}
    route = inputs(graph, "it-route")
    assert route["kind"] == "GRPCRoute"
    assert route["spec"]["rules"] == [
        {
            "matches": [
                {"method": {"type": "Exact", "service": "shop.v1.Cart", "method": "Get"}},
                {"method": {"type": "Exact", "service": "shop.v1.Cart"}},
                {"method": {"type": "Exact", "method": "Get"}},
                {"headers": [{"name": "x", "type": "Exact", "value": "1"}]},
            ],
            "backendRefs": [backend("cart-v2")],
        },
        {"backendRefs": [backend("reviews")]},
    ]


def test_retries_take_a_virtual_service_and_say_so() -> None:
    retries = {"attempts": 2.0, "per_try_timeout": "600ms", "backoff": "50ms"}
    graph = traffic(routes=[{"timeout": "2s", "retries": retries}])
    assert find(graph, "it").outputs == {"api": "VirtualService", "stage": "alpha"}
    assert inputs(graph, "it-route") == {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "reviews", "namespace": "catalog"},
        "spec": {
            "hosts": ["reviews"],
            "http": [
                {
                    "name": "reviews-0",
                    "match": [{"port": 9080}],
                    "route": [{"destination": {"host": "reviews", "port": {"number": 9080}}}],
                    "timeout": "2s",
                    "retries": {
                        "attempts": 2,
                        "retryOn": "connect-failure,refused-stream,reset-before-request",
                        "perTryTimeout": "600ms",
                        "backoff": "50ms",
                    },
                }
            ],
        },
    }
    (warning,) = logs(graph)
    assert warning.message == (
        "reviews is routed by a VirtualService, which is alpha in Istio's ambient mode: "
        "only that has retries. Keep HTTPRoutes away from this service"
    )


def test_a_virtual_service_matches_as_the_gateway_api_does() -> None:
    """A prefix is one of path elements in the one, of characters in the other."""
    match = [{"path_prefix": "/v1", "methods": ["GET"], "headers": {"X": "1"}, "query_regex": {"q": ".+"}}]
    first, second = http(routes=[{"match": match, "retries": {"attempts": 0}}])[0]["match"]
    rest = {
        "port": 9080,
        "method": {"exact": "GET"},
        "headers": {"x": {"exact": "1"}},
        "queryParams": {"q": {"regex": ".+"}},
    }
    assert first == {**rest, "uri": {"exact": "/v1"}}
    assert second == {**rest, "uri": {"prefix": "/v1/"}}


def test_grpc_calls_are_retried_where_streams_bear_it() -> None:
    assert http(protocol="grpc", retries={"attempts": 1})[0]["retries"]["retryOn"] == "connect-failure,refused-stream"


def test_retries_can_be_turned_off_altogether() -> None:
    assert http(retries={"attempts": 0})[0]["retries"] == {"attempts": 0}


def test_faults_mirrors_and_weights_of_a_virtual_service() -> None:
    (route,) = http(
        routes=[
            {
                "fault": {"delay": {"duration": "2s", "percent": 5.0}, "abort": {"status": 503.0, "percent": 1}},
                "to": [{"service": "a", "weight": 3}, {"service": "b"}],
                "mirror": {"service": "c", "percent": 50},
            }
        ]
    )
    assert route["fault"] == {
        "delay": {"fixedDelay": "2s", "percentage": {"value": 5}},
        "abort": {"httpStatus": 503, "percentage": {"value": 1}},
    }
    assert [each["weight"] for each in route["route"]] == [3, 1]
    assert route["mirrors"] == [{"destination": {"host": "c", "port": {"number": 9080}}, "percentage": {"value": 50}}]


def test_a_grpc_call_with_a_timeout_or_a_fault_takes_a_virtual_service() -> None:
    match = [{"grpc_service": "s", "grpc_method": "m"}, {"grpc_service": "s"}, {"grpc_method": "m"}]
    abort = {"abort": {"grpc_status": "UNAVAILABLE", "percent": 10}}
    graph = traffic(protocol="grpc", routes=[{"match": match, "timeout": "1s", "fault": abort}])
    route = inputs(graph, "it-route")["spec"]["http"][0]
    assert [each["uri"] for each in route["match"]] == [{"exact": "/s/m"}, {"prefix": "/s/"}, {"regex": "/[^/]+/m"}]
    assert route["fault"] == {"abort": {"grpcStatus": "UNAVAILABLE", "percentage": {"value": 10}}}
    assert "only that has fault and timeout of gRPC." in logs(graph)[0].message


def test_a_path_by_regular_expression_takes_one_because_an_http_route_would_never_reach_it() -> None:
    graph = traffic(routes=[{"match": [{"path_regex": "/v[0-9]+"}], "to": [{"service": "reviews-v2"}]}])
    assert inputs(graph, "it-route")["spec"]["http"][0]["match"] == [{"port": 9080, "uri": {"regex": "/v[0-9]+"}}]
    assert "only that has path_regex." in logs(graph)[0].message


def test_limits_and_outliers_are_set_for_each_service_that_requests_end_at() -> None:
    graph = traffic(
        routes=[{"match": [{"path": "/a"}], "to": [{"service": "reviews-v2"}]}],
        connection_pool={
            "max_connections": 1.0,
            "connect_timeout": "1s",
            "max_pending_requests": 2,
            "max_requests": 3,
            "max_retries": 4,
        },
        outlier_detection={
            "consecutive_5xx": 5.0,
            "consecutive_gateway_errors": 3,
            "interval": "10s",
            "base_ejection_time": "1m",
            "max_ejection_percent": 50,
            "min_health_percent": 0,
        },
    )
    assert inputs(graph, "it-reviews-v2-connections") == {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {"name": "reviews-v2", "namespace": "catalog"},
        "spec": {
            "host": "reviews-v2",
            "trafficPolicy": {
                "connectionPool": {
                    "tcp": {"maxConnections": 1, "connectTimeout": "1s"},
                    "http": {"http1MaxPendingRequests": 2, "http2MaxRequests": 3, "maxRetries": 4},
                },
                "outlierDetection": {
                    "consecutive5xxErrors": 5,
                    "consecutiveGatewayErrors": 3,
                    "interval": "10s",
                    "baseEjectionTime": "1m",
                    "maxEjectionPercent": 50,
                    "minHealthPercent": 0,
                },
            },
        },
    }
    assert inputs(graph, "it-reviews-connections")["spec"]["host"] == "reviews"
    waits_for = names(find(graph, "it-route").dependencies)
    assert {"it-reviews-v2-connections", "it-reviews-connections"} <= waits_for


def test_limits_alone_need_no_route() -> None:
    graph = traffic(connection_pool={"max_connections": 10})
    assert [name for _, name, _ in shape(graph)] == ["it", "it-reviews-connections"]
    assert inputs(graph, "it-reviews-connections")["spec"]["trafficPolicy"] == {
        "connectionPool": {"tcp": {"maxConnections": 10}}
    }
    assert find(graph, "it").outputs == {"api": "none", "stage": "stable"}


def test_a_service_for_each_version_comes_before_what_leads_to_it() -> None:
    graph = traffic(
        versions=[
            {"service": "reviews-v1", "selector": {"app": "reviews", "version": "v1"}},
            {"service": "reviews-v2", "selector": {"app": "reviews", "version": "v2"}, "target_port": 8080.0},
        ],
        routes=[{"to": [{"service": "reviews-v2"}]}],
        outlier_detection={"consecutive_5xx": 5},
    )
    assert inputs(graph, "it-reviews-v2") == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "reviews-v2",
            "namespace": "catalog",
            "annotations": {"pulumi.com/skipAwait": "true"},
        },
        "spec": {
            "selector": {"app": "reviews", "version": "v2"},
            "ports": [{"name": "http", "port": 9080, "targetPort": 8080}],
        },
    }
    assert inputs(graph, "it-reviews-v1")["spec"]["ports"][0]["targetPort"] == 9080
    assert {"it-reviews-v1", "it-reviews-v2"} <= names(find(graph, "it-reviews-v2-connections").dependencies)
    assert {"it-reviews-v1", "it-reviews-v2", "it-reviews-v2-connections"} <= names(
        find(graph, "it-route").dependencies
    )


def test_traffic_distribution_needs_no_waypoint() -> None:
    near = {"networking.istio.io/traffic-distribution": "PreferSameZone"}
    graph = traffic(
        waypoint="",
        traffic_distribution="PreferSameZone",
        versions=[{"service": "reviews-v1", "selector": {"version": "v1"}}],
    )
    assert inputs(graph, "it-reviews-distribution") == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "reviews", "namespace": "catalog", "annotations": near},
    }
    assert find(graph, "it-reviews-distribution").type == "kubernetes:core/v1:ServicePatch"
    assert inputs(graph, "it-reviews-v1")["metadata"]["annotations"] == {"pulumi.com/skipAwait": "true", **near}


def test_children_wait_for_what_the_policy_waits_for() -> None:
    def program(opts: pulumi.ResourceOptions) -> None:
        first = kubernetes.Provider("first")
        also = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[first]))
        TrafficPolicy(
            "it", {"namespace": "n", "service": "s", "port": 80, "waypoint": "w", "routes": [{"timeout": "1s"}]}, also
        )

    assert "first" in names(find(with_provider(program), "it-route").dependencies)


def test_two_policies_for_one_host_are_refused_and_two_clusters_are_not_one() -> None:
    def policy(name: str, opts: pulumi.ResourceOptions, namespace: str = "n") -> None:
        TrafficPolicy(
            name,
            {"namespace": namespace, "service": "s", "port": 80, "waypoint": "w", "routes": [{"timeout": "1s"}]},
            opts,
        )

    def twice(opts: pulumi.ResourceOptions) -> None:
        policy("one", opts)
        policy("elsewhere", opts, "m")
        policy("two", opts)

    with pytest.raises(ComponentError) as error:
        with_provider(twice)
    assert str(error.value) == (
        "TrafficPolicy two: s.n has its rules from TrafficPolicy one already; "
        "write all of a service's rules in one policy (MW-E131)"
    )

    def clusters(opts: pulumi.ResourceOptions) -> None:
        other = kubernetes.Provider("other", context="other")
        policy("one", opts)
        policy("two", pulumi.ResourceOptions(provider=other))
        policy("three", pulumi.ResourceOptions(providers={"kubernetes": kubernetes.Provider("third")}))

    assert len(shape(with_provider(clusters))) == 6


def test_two_policies_do_not_set_limits_for_one_service_or_make_it_twice() -> None:
    def program(opts: pulumi.ResourceOptions) -> None:
        rest: dict[str, Any] = {"namespace": "n", "port": 80, "waypoint": "w", "outlier_detection": {"interval": "5s"}}
        routes = [{"to": [{"service": "a-v1"}]}]
        TrafficPolicy("a", {"service": "a", "routes": routes, **rest}, opts)  # type: ignore[typeddict-item]
        TrafficPolicy("a-v1", {"service": "a-v1", **rest}, opts)  # type: ignore[typeddict-item]

    with pytest.raises(ComponentError) as error:
        with_provider(program)
    assert str(error.value) == (
        "TrafficPolicy a-v1: a-v1.n has its limits from TrafficPolicy a already; "
        "write all of a service's rules in one policy (MW-E131)"
    )


def test_without_a_stack_nothing_is_remembered() -> None:
    def program(opts: pulumi.ResourceOptions) -> None:
        pulumi.runtime.settings.ROOT.set(None)
        for name in ("one", "two"):
            TrafficPolicy(
                name, {"namespace": "n", "service": "s", "port": 80, "traffic_distribution": "PreferSameNode"}, opts
            )

    assert len(shape(with_provider(program))) == 4


def test_a_policy_below_a_component_takes_that_ones_cluster() -> None:
    def program(opts: pulumi.ResourceOptions) -> None:
        parent = pulumi.ComponentResource("test:index:First", "first", None, opts)
        for name in ("one", "two"):
            TrafficPolicy(
                name,
                {"namespace": "n", "service": "s", "port": 80, "traffic_distribution": "PreferSameNode"},
                pulumi.ResourceOptions(parent=parent),
            )

    with pytest.raises(ComponentError, match=r"\(MW-E131\)"):
        with_provider(program)
