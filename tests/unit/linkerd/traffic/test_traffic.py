"""The recorded graphs of LinkerdTraffic, LinkerdRateLimit and LinkerdEgress: what is registered, with exact inputs."""

from typing import Any

from meshwright import LinkerdEgress, LinkerdRateLimit, LinkerdTraffic
from meshwright.engine.graph import Graph
from tests.unit.graphs import find, inputs, names, shape, with_provider

PARENT = {"group": "", "kind": "Service", "name": "reviews", "port": 9080}
ALL = {"path": {"type": "PathPrefix", "value": "/"}}


def backend(name: str, weight: int = 1) -> dict[str, Any]:
    return {"group": "", "kind": "Service", "name": name, "port": 9080, "weight": weight}


def traffic(**args: Any) -> Graph:
    wanted = {"namespace": "catalog", "service": "reviews", "port": 9080, **args}
    return with_provider(lambda opts: LinkerdTraffic("it", wanted, opts))  # type: ignore[arg-type]


def test_a_split_by_weight_is_one_http_route() -> None:
    graph = traffic(routes=[{"to": [{"service": "reviews-v1", "weight": 9.0}, {"service": "reviews-v2"}]}])
    assert shape(graph) == [
        ("meshwright:index:LinkerdTraffic", "it", "test-dev"),
        ("kubernetes:gateway.networking.k8s.io/v1:HTTPRoute", "it-reviews", "it"),
    ]
    assert inputs(graph, "it-reviews") == {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "reviews", "namespace": "catalog"},
        "spec": {
            "parentRefs": [PARENT],
            "rules": [{"matches": [ALL], "backendRefs": [backend("reviews-v1", 9), backend("reviews-v2")]}],
        },
    }
    assert find(graph, "it").outputs == {"api": "HTTPRoute"}


def test_routes_with_settings_of_their_own_are_objects_of_their_own() -> None:
    quotes = {
        "match": [{"path_prefix": "/quotes", "methods": ["GET"]}],
        "retries": {"on": ["5xx", "429"], "limit": 2.0, "timeout": "300ms"},
        "timeouts": {"request": "2s"},
    }
    graph = traffic(routes=[quotes])
    first, rest = inputs(graph, "it-reviews"), inputs(graph, "it-reviews-2")
    assert first["metadata"]["annotations"] == {
        "retry.linkerd.io/http": "5xx,429",
        "retry.linkerd.io/limit": "2",
        "retry.linkerd.io/timeout": "300ms",
        "timeout.linkerd.io/request": "2s",
    }
    match = {"path": {"type": "PathPrefix", "value": "/quotes"}, "method": "GET"}
    assert first["spec"]["rules"] == [{"matches": [match], "backendRefs": [backend("reviews")]}]
    assert rest["metadata"] == {"name": "reviews-2", "namespace": "catalog"}
    assert rest["spec"] == {
        "parentRefs": [PARENT],
        "rules": [{"matches": [ALL], "backendRefs": [backend("reviews")]}],
    }


def test_what_holds_for_all_requests_is_said_on_the_service() -> None:
    graph = traffic(
        protocol="grpc",
        retries={"on": ["unavailable"], "idempotent": True},
        timeouts={"response": "1s", "idle": "1s"},
        circuit_breaker={
            "mode": "unified",
            "max_failures": 5.0,
            "min_penalty": "2s",
            "max_penalty": "1m",
            "jitter_ratio": 0.3,
            "success_rate": 0.9,
            "window": "20s",
            "min_requests": 10,
            "honor_retry_after": True,
        },
        load_bias={"penalty": "3s", "max_retry_after": "60s"},
    )
    assert shape(graph) == [
        ("meshwright:index:LinkerdTraffic", "it", "test-dev"),
        ("kubernetes:core/v1:ServicePatch", "it-service", "it"),
    ]
    accrual, alpha = "balancer.linkerd.io/failure-accrual", "balancer.alpha.linkerd.io"
    assert inputs(graph, "it-service")["metadata"] == {
        "name": "reviews",
        "namespace": "catalog",
        "annotations": {
            "retry.linkerd.io/grpc": "unavailable",
            "retry.linkerd.io/limit": "1",
            "timeout.linkerd.io/idle": "1s",
            "timeout.linkerd.io/response": "1s",
            accrual: "unified",
            f"{accrual}-consecutive-max-failures": "5",
            f"{accrual}-consecutive-min-penalty": "2s",
            f"{accrual}-consecutive-max-penalty": "1m",
            f"{accrual}-consecutive-jitter-ratio": "0.3",
            f"{alpha}/failure-accrual-success-rate-threshold": "0.9",
            f"{alpha}/failure-accrual-success-rate-window": "20s",
            f"{alpha}/failure-accrual-success-rate-min-requests": "10",
            f"{alpha}/failure-accrual-honor-retry-after": "true",
            f"{alpha}/penalize-failures": "true",
            f"{alpha}/load-biaser-penalty": "3s",
            f"{alpha}/load-biaser-max-retry-after": "60s",
        },
    }
    assert find(graph, "it").outputs == {"api": "none"}


def test_a_breaker_may_be_told_to_ignore_retry_after() -> None:
    graph = traffic(circuit_breaker={"mode": "unified", "honor_retry_after": False})
    annotations = inputs(graph, "it-service")["metadata"]["annotations"]
    assert annotations["balancer.alpha.linkerd.io/failure-accrual-honor-retry-after"] == "false"


def test_calls_of_grpc_are_a_grpc_route() -> None:
    match = [{"grpc_service": "shop.v1.Cart", "grpc_method": "Get"}]
    graph = traffic(protocol="grpc", routes=[{"match": match, "to": [{"service": "cart-v2"}]}])
    route = inputs(graph, "it-reviews")
    assert (route["apiVersion"], route["kind"]) == ("gateway.networking.k8s.io/v1", "GRPCRoute")
    method = {"type": "Exact", "service": "shop.v1.Cart", "method": "Get"}
    assert route["spec"]["rules"] == [
        {"matches": [{"method": method}], "backendRefs": [backend("cart-v2")]},
        {"backendRefs": [backend("reviews")]},
    ]


def test_a_rate_limit_is_for_a_server() -> None:
    args = {
        "namespace": "shop",
        "server": "cart-http",
        "total": 100.0,
        "identity": 20,
        "overrides": [
            {"rate": 25, "callers": [{"service_account": "web"}, {"service_account": "job", "namespace": "batch"}]}
        ],
    }
    graph = with_provider(lambda opts: LinkerdRateLimit("it", args, opts))  # type: ignore[arg-type]
    account = {"group": "", "kind": "ServiceAccount"}
    assert inputs(graph, "it-policy") == {
        "apiVersion": "policy.linkerd.io/v1alpha1",
        "kind": "HTTPLocalRateLimitPolicy",
        "metadata": {"name": "cart-http", "namespace": "shop"},
        "spec": {
            "targetRef": {"group": "policy.linkerd.io", "kind": "Server", "name": "cart-http"},
            "total": {"requestsPerSecond": 100},
            "identity": {"requestsPerSecond": 20},
            "overrides": [
                {
                    "requestsPerSecond": 25,
                    "clientRefs": [
                        {**account, "namespace": "shop", "name": "web"},
                        {**account, "namespace": "batch", "name": "job"},
                    ],
                }
            ],
        },
    }


def test_what_may_leave_is_known_before_the_rest_is_denied() -> None:
    args = {
        "policy": "deny",
        "networks": [{"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}],
        "routes": [
            {"name": "billing", "port": 80, "protocol": "http", "hosts": ["billing.example.com"]},
            {"name": "ledger", "port": 443, "protocol": "tls", "hosts": ["*.example.org"]},
            {"name": "smtp", "port": 25.0, "protocol": "tcp"},
        ],
    }
    graph = with_provider(lambda opts: LinkerdEgress("out", args, opts))  # type: ignore[arg-type]
    api = "kubernetes:gateway.networking.k8s.io"
    assert shape(graph) == [
        ("meshwright:index:LinkerdEgress", "out", "test-dev"),
        ("kubernetes:core/v1:Namespace", "out-namespace", "out"),
        (f"{api}/v1:HTTPRoute", "out-billing", "out"),
        (f"{api}/v1alpha2:TLSRoute", "out-ledger", "out"),
        (f"{api}/v1alpha2:TCPRoute", "out-smtp", "out"),
        ("kubernetes:policy.linkerd.io/v1alpha1:EgressNetwork", "out-network", "out"),
    ]
    network = {"group": "policy.linkerd.io", "kind": "EgressNetwork", "name": "out"}
    assert inputs(graph, "out-billing")["spec"] == {
        "parentRefs": [{**network, "port": 80}],
        "hostnames": ["billing.example.com"],
        "rules": [{"backendRefs": [{**network, "port": 80}]}],
    }
    assert "hostnames" not in inputs(graph, "out-smtp")["spec"]
    assert inputs(graph, "out-network")["metadata"] == {"name": "out", "namespace": "linkerd-egress"}
    assert inputs(graph, "out-network")["spec"] == {"trafficPolicy": "Deny", "networks": args["networks"]}
    assert {"out-billing", "out-ledger", "out-smtp"} <= names(find(graph, "out-network").dependencies)
    assert "out-namespace" in names(find(graph, "out-billing").dependencies)


def test_a_namespace_of_ones_own_is_there_already() -> None:
    args = {"policy": "allow", "namespace": "shop"}
    graph = with_provider(lambda opts: LinkerdEgress("out", args, opts))  # type: ignore[arg-type]
    assert [name for _, name, _ in shape(graph)] == ["out", "out-network"]
    assert inputs(graph, "out-network")["spec"] == {"trafficPolicy": "Allow"}
