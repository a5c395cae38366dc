"""ConsulNamespace and ConsulMeshDefaults: the ladder, each step one `up`, and what is refused."""

from typing import Any

import pytest

from meshwright import ConsulMeshDefaults, ConsulNamespace
from meshwright.consul.namespace import restart
from meshwright.engine.graph import Graph
from meshwright.kubernetes.errors import ComponentError
from tests.unit.graphs import find, inputs, names, shape, with_provider

PERMISSIVE = {"phase": "permissive", "deadline": "2026-12-11", "services": {"api": {}}}


def namespace(**args: Any) -> Graph:
    given: Any = {"namespace": "shop", "phase": "strict", **args}
    return with_provider(lambda opts: ConsulNamespace("shop", given, opts))


def defaults(**args: Any) -> Graph:
    return with_provider(lambda opts: ConsulMeshDefaults("mesh", args, opts))  # type: ignore[arg-type]


def test_an_unmeshed_namespace_has_no_label_and_no_defaults() -> None:
    graph = namespace(phase="unmeshed", services={"api": {}})
    assert shape(graph)[1:] == [("kubernetes:core/v1:Namespace", "shop-namespace", "shop")]
    assert inputs(graph, "shop-namespace")["metadata"] == {"name": "shop"}
    assert shape(namespace(phase="unmeshed", adopt=True))[1:] == []


@pytest.mark.parametrize("before", ["permissive", "strict"])
@pytest.mark.parametrize("adopt", [True, False])
def test_services_that_leave_the_mesh_stay_as_they_were_for_proxies_that_still_run(before: str, adopt: bool) -> None:
    graph = namespace(phase="unmeshed", previous={"phase": before}, adopt=adopt, services={"api": {"protocol": "http"}})
    assert inputs(graph, "shop-api")["spec"] == {"mutualTLSMode": before, "protocol": "http"}
    assert ("shop-namespace" in {each.name for each in graph}) is not adopt
    if not adopt:
        assert "labels" not in inputs(graph, "shop-namespace")["metadata"]
    gone = namespace(phase="unmeshed", previous={"phase": "unmeshed"}, services={"api": {}})
    assert "shop-api" not in {each.name for each in gone}


@pytest.mark.parametrize("phase", ["permissive", "strict"])
def test_a_phase_is_each_services_mutual_tls(phase: str) -> None:
    more = {"deadline": "2026-12-11"} if phase == "permissive" else {}
    graph = namespace(phase=phase, services={"api": {"protocol": "http"}, "db": {}}, **more)
    assert inputs(graph, "shop-namespace")["metadata"]["labels"] == {"connect-inject": "enabled"}
    assert inputs(graph, "shop-api") == {
        "apiVersion": "consul.hashicorp.com/v1alpha1",
        "kind": "ServiceDefaults",
        "metadata": {"name": "api", "namespace": "shop"},
        "spec": {"mutualTLSMode": phase, "protocol": "http"},
    }
    assert inputs(graph, "shop-db")["spec"] == {"mutualTLSMode": phase}
    assert "shop-namespace" in names(find(graph, "shop-db").dependencies)
    assert find(graph, "shop").inputs["phase"] == phase


def test_an_adopted_namespace_is_labelled_by_a_patch() -> None:
    graph = namespace(adopt=True, transparent_proxy=False)
    assert find(graph, "shop-namespace").type == "kubernetes:core/v1:NamespacePatch"
    assert inputs(graph, "shop-namespace")["metadata"]["labels"] == {
        "connect-inject": "enabled",
        "consul.hashicorp.com/transparent-proxy": "false",
    }


def test_a_service_says_what_it_takes_and_how_it_calls() -> None:
    service = {
        "protocol": "http",
        "max_connections": 100.0,
        "request_timeout_ms": 2000,
        "rate_limit": {
            "requests_per_second": 10,
            "burst": 20,
            "routes": [{"path_prefix": "/slow", "requests_per_second": 1}],
        },
        "calls": {
            "max_connections": 8,
            "max_pending_requests": 9,
            "max_concurrent_requests": 10,
            "connect_timeout_ms": 100,
            "max_failures": 5,
            "max_ejection_percent": 50,
        },
    }
    graph = namespace(enterprise=True, services={"api": service, "db": {"calls": {"connect_timeout_ms": 1}}})
    assert inputs(graph, "shop-api")["spec"] == {
        "mutualTLSMode": "strict",
        "protocol": "http",
        "maxInboundConnections": 100,
        "localRequestTimeoutMs": 2000,
        "rateLimits": {
            "instanceLevel": {
                "requestsPerSecond": 10,
                "requestsMaxBurst": 20,
                "routes": [{"pathPrefix": "/slow", "requestsPerSecond": 1}],
            }
        },
        "upstreamConfig": {
            "defaults": {
                "connectTimeoutMs": 100,
                "limits": {"maxConnections": 8, "maxPendingRequests": 9, "maxConcurrentRequests": 10},
                "passiveHealthCheck": {
                    "maxFailures": 5,
                    "interval": "10s",
                    "baseEjectionTime": "30s",
                    "maxEjectionPercent": 50,
                },
            }
        },
    }
    assert inputs(graph, "shop-db")["spec"]["upstreamConfig"] == {"defaults": {"connectTimeoutMs": 1}}


@pytest.mark.parametrize(
    ("before", "phase", "what"),
    [
        (None, "permissive", "all workloads of shop, to get proxies"),
        ("unmeshed", "strict", "all workloads of shop, to get proxies"),
        ("permissive", "strict", ""),
        ("strict", "unmeshed", "all workloads of shop, to run without proxies"),
        (None, "unmeshed", ""),
    ],
)
def test_pods_are_restarted_for_their_proxies_alone(before: str | None, phase: str, what: str) -> None:
    args: Any = {"namespace": "shop", "phase": phase, **({"previous": {"phase": before}} if before else {})}
    assert restart(args) == what


@pytest.mark.parametrize(
    ("args", "message", "code"),
    [
        ({"namespace": "consul"}, "namespace is consul, which is not for workloads", "MW-E050"),
        ({"phase": "audit"}, 'phase is "audit"; one of: unmeshed, permissive, strict', "MW-E050"),
        ({"previous": {"phase": "deny"}}, 'previous.phase is "deny"', "MW-E050"),
        (
            {**PERMISSIVE, "transparent_proxy": False},
            "transparent_proxy is false, and permissive mode works with",
            "MW-E250",
        ),
        (
            {**PERMISSIVE, "services": {}},
            "services are not listed, and permissive mode is set service by service",
            "MW-E250",
        ),
        (
            {"phase": "permissive", "services": {"api": {}}},
            "deadline is missing: until it ends, calls without",
            "MW-E250",
        ),
        (
            {**PERMISSIVE, "since": "2026-12-12"},
            "deadline is 2026-12-11, before the phase began (2026-12-12)",
            "MW-E250",
        ),
        ({**PERMISSIVE, "deadline": "soon"}, 'deadline is "soon", which is no date', "MW-E050"),
        ({**PERMISSIVE, "since": "20261101"}, 'since is "20261101", which is no date', "MW-E050"),
        ({"deadline": "2026-12-11"}, "deadline is for the phase permissive, and the namespace is strict", "MW-E250"),
        (
            {"services": {"api": {"protocol": "HTTP"}}},
            'services.api.protocol is "HTTP", which Consul does not know',
            "MW-E251",
        ),
        (
            {"services": {"api": {"service_account": "default"}}},
            'services.api.service_account is "default", and Consul lets no pod log in by the account default',
            "MW-E253",
        ),
        (
            {"services": {"api": {"service_account": "apis"}}},
            'services.api.service_account is "apis": Consul would let its pods register apis, and not api',
            "MW-E253",
        ),
        (
            {"services": {"api": {"selector": {"app": "a"}}, "b": {"selector": {"app": "a", "tier": "x"}}}},
            "services.api.selector picks pods that b picks too, and Consul registers a pod for one Service only",
            "MW-E253",
        ),
        (
            {"services": {"api": {"protocol": "http", "rate_limit": {"requests_per_second": 1}}}},
            "services.api.rate_limit limits rates, which Consul Enterprise does, and this mesh runs the community",
            "MW-E257",
        ),
        (
            {"enterprise": True, "services": {"api": {"rate_limit": {"requests_per_second": 1}}}},
            "services.api.rate_limit counts requests, and the service's protocol is tcp",
            "MW-E257",
        ),
        (
            {"enterprise": True, "services": {"api": {"protocol": "http", "rate_limit": {"burst": 1}}}},
            "services.api.rate_limit has a burst, and no rate",
            "MW-E257",
        ),
        (
            {"enterprise": True, "services": {"api": {"protocol": "http", "rate_limit": {}}}},
            "services.api.rate_limit has no rate",
            "MW-E257",
        ),
        (
            {
                "enterprise": True,
                "services": {"api": {"protocol": "http", "rate_limit": {"routes": [{"requests_per_second": 1}]}}},
            },
            "services.api.rate_limit.routes[0] has 0 paths, and takes one",
            "MW-E257",
        ),
    ],
)
def test_what_can_not_work_is_refused(args: Any, message: str, code: str) -> None:
    with pytest.raises(ComponentError) as error:
        namespace(**args)
    (line,) = str(error.value).splitlines()
    assert line.startswith(f"ConsulNamespace shop: {message}")
    assert line.endswith(f"({code})")


def test_services_with_labels_of_their_own_are_told_apart() -> None:
    services = {"api": {"selector": {"app": "a"}}, "b": {"selector": {"app": "b"}}, "c": {}}
    assert inputs(namespace(services=services), "shop-c")


def test_the_mesh_is_strict_and_allows_nothing_else_unless_told() -> None:
    graph = defaults()
    low = {"tlsMinVersion": "TLSv1_2"}
    assert inputs(graph, "mesh-mesh")["metadata"] == {"name": "mesh", "namespace": "consul"}
    assert inputs(graph, "mesh-mesh")["spec"] == {
        "tls": {"incoming": low, "outgoing": low},
        "transparentProxy": {"meshDestinationsOnly": False},
        "http": {
            "incoming": {
                "requestNormalization": {"mergeSlashes": True, "pathWithEscapedSlashesAction": "REJECT_REQUEST"}
            }
        },
    }
    assert inputs(graph, "mesh-proxy-defaults")["metadata"]["name"] == "global"
    assert inputs(graph, "mesh-proxy-defaults")["spec"] == {"mutualTLSMode": "strict"}
    assert len(shape(graph)) == 3


def test_the_leave_to_be_permissive_is_a_patch_that_comes_first_and_goes_last() -> None:
    """Pulumi makes it before the services that depend on it, and deletes it after they have become strict."""
    graph = defaults(allow_permissive=True, namespace="mesh")
    patch = find(graph, "mesh-allow-permissive")
    assert patch.type == "kubernetes:consul.hashicorp.com/v1alpha1:MeshPatch"
    assert patch.inputs["spec"] == {"allowEnablingPermissiveMutualTLS": True}
    assert "mesh-mesh" in names(patch.dependencies)
    assert "allowEnablingPermissiveMutualTLS" not in inputs(graph, "mesh-mesh")["spec"]


def test_the_rest_of_the_mesh() -> None:
    graph = defaults(
        tls_min_version="1.3",
        strict_paths=False,
        mesh_destinations_only=True,
        peer_through_mesh_gateways=True,
        protocol="http",
        access_logs="stdout",
    )
    high = {"tlsMinVersion": "TLSv1_3"}
    assert inputs(graph, "mesh-mesh")["spec"] == {
        "tls": {"incoming": high, "outgoing": high},
        "transparentProxy": {"meshDestinationsOnly": True},
        "peering": {"peerThroughMeshGateways": True},
    }
    assert inputs(graph, "mesh-proxy-defaults")["spec"] == {
        "mutualTLSMode": "strict",
        "config": {"protocol": "http"},
        "accessLogs": {"enabled": True, "type": "stdout"},
    }
    headers = inputs(defaults(strict_headers=True), "mesh-mesh")["spec"]["http"]["incoming"]["requestNormalization"]
    assert headers["headersWithUnderscoresAction"] == "REJECT_REQUEST"


@pytest.mark.parametrize("args", [{"tls_min_version": "1.1"}, {"protocol": "udp"}, {"access_logs": "file"}])
def test_values_that_are_none_are_refused(args: Any) -> None:
    (key,) = args
    with pytest.raises(ComponentError, match=rf"ConsulMeshDefaults mesh: {key} is .*one of: .*MW-E050"):
        defaults(**args)
