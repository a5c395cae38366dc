"""The recorded graph of Egress: what is made, in which order, and what it refuses."""

from typing import Any

import pulumi
import pytest

from meshwright import Egress
from meshwright.engine.graph import Graph
from meshwright.kubernetes.errors import ComponentError
from tests.unit.graphs import find, inputs, names, shape, with_provider

SHOP = [{"namespace": "shop"}]


def egress(*hosts: dict[str, Any], **args: Any) -> Graph:
    return with_provider(lambda opts: Egress("out", {"hosts": list(hosts), **args}, opts))  # type: ignore[typeddict-item]


def api(**host: Any) -> dict[str, Any]:
    return {"host": "api.example.com", "callers": SHOP, **host}


def refused(*hosts: dict[str, Any], **args: Any) -> list[str]:
    lines: list[str] = []

    def program(opts: pulumi.ResourceOptions) -> None:
        try:
            Egress("out", {"hosts": list(hosts), **args}, opts)  # type: ignore[typeddict-item]
        except ComponentError as error:
            lines.extend(str(error).splitlines())

    graph = with_provider(program)
    assert bool(lines) != bool(shape(graph))
    return [line.removeprefix("Egress out: ") for line in lines]


def test_a_namespace_a_waypoint_and_for_each_host_its_callers_first() -> None:
    graph = egress(api(originate_tls=True), confine=["shop"])
    assert shape(graph) == [
        ("meshwright:index:Egress", "out", "test-dev"),
        ("kubernetes:core/v1:Namespace", "out-namespace", "out"),
        ("meshwright:index:Waypoint", "out-waypoint", "out"),
        ("kubernetes:core/v1:ConfigMap", "out-waypoint-parameters", "out-waypoint"),
        ("kubernetes:gateway.networking.k8s.io/v1:Gateway", "out-waypoint-gateway", "out-waypoint"),
        ("kubernetes:core/v1:NamespacePatch", "out-use-waypoint", "out"),
        ("kubernetes:security.istio.io/v1:AuthorizationPolicy", "out-api-example-com-callers", "out"),
        ("kubernetes:networking.istio.io/v1:DestinationRule", "out-api-example-com-connections", "out"),
        ("kubernetes:networking.istio.io/v1:ServiceEntry", "out-api-example-com", "out"),
        ("kubernetes:networking.k8s.io/v1:NetworkPolicy", "out-confine-shop", "out"),
    ]
    assert inputs(graph, "out-namespace")["metadata"] == {
        "name": "istio-egress",
        "labels": {"istio.io/dataplane-mode": "ambient"},
    }
    assert inputs(graph, "out-waypoint") == {"reason": "egress", "namespace": "istio-egress"}
    assert inputs(graph, "out-use-waypoint")["metadata"] == {
        "name": "istio-egress",
        "labels": {"istio.io/use-waypoint": "waypoint"},
    }
    assert find(graph, "out").outputs == {"namespace": "istio-egress", "waypoint": "waypoint"}
    assert "out-waypoint-gateway" in names(find(graph, "out-use-waypoint").dependencies)
    assert "out-use-waypoint" in names(find(graph, "out-api-example-com-callers").dependencies)
    assert "out-api-example-com" in names(find(graph, "out-confine-shop").dependencies)
    assert {"out-api-example-com-callers", "out-api-example-com-connections", "out-use-waypoint"} <= names(
        find(graph, "out-api-example-com").dependencies
    )


def test_tls_is_spoken_by_the_waypoint_on_443() -> None:
    graph = egress(api(originate_tls=True, methods=["GET"], paths=["/v1/*"]))
    assert inputs(graph, "out-api-example-com")["spec"] == {
        "hosts": ["api.example.com"],
        "location": "MESH_EXTERNAL",
        "ports": [{"number": 80, "name": "http", "protocol": "HTTP", "targetPort": 443}],
        "resolution": "DNS",
    }
    assert inputs(graph, "out-api-example-com-connections")["spec"] == {
        "host": "api.example.com",
        "trafficPolicy": {"tls": {"mode": "SIMPLE", "caCertificates": "system"}},
    }
    assert inputs(graph, "out-api-example-com-callers")["spec"] == {
        "targetRefs": [{"group": "networking.istio.io", "kind": "ServiceEntry", "name": "api-example-com"}],
        "action": "ALLOW",
        "rules": [
            {
                "from": [{"source": {"namespaces": ["shop"]}}],
                "to": [{"operation": {"methods": ["GET"], "paths": ["/v1/*"]}}],
            }
        ],
    }


def test_callers_are_namespaces_or_service_accounts_of_them() -> None:
    callers = [{"namespace": "a", "service_accounts": ["x", "y"]}, {"namespace": "b"}, {"namespace": "c"}]
    (rule,) = inputs(egress(api(callers=callers)), "out-api-example-com-callers")["spec"]["rules"]
    assert rule == {"from": [{"source": {"namespaces": ["b", "c"]}}, {"source": {"serviceAccounts": ["a/x", "a/y"]}}]}


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ({"protocol": "tls"}, {"number": 443, "name": "tls", "protocol": "TLS"}),
        ({"protocol": "tcp", "port": 5432.0}, {"number": 5432, "name": "tcp", "protocol": "TCP"}),
        (
            {"port": 8080, "target_port": 80.0},
            {"number": 8080, "name": "http", "protocol": "HTTP", "targetPort": 80},
        ),
        (
            {"originate_tls": True, "target_port": 8443},
            {"number": 80, "name": "http", "protocol": "HTTP", "targetPort": 8443},
        ),
        ({"originate_tls": True, "port": 443}, {"number": 443, "name": "http", "protocol": "HTTP"}),
    ],
)
def test_the_port_of_a_host(host: dict[str, Any], port: dict[str, Any]) -> None:
    assert inputs(egress(api(**host)), "out-api-example-com")["spec"]["ports"] == [port]


def test_a_wildcard_is_resolved_for_each_request() -> None:
    spec = inputs(egress({"host": "*.example.com", "callers": SHOP}), "out-example-com--all")["spec"]
    assert (spec["hosts"], spec["resolution"]) == (["*.example.com"], "DYNAMIC_DNS")


def test_each_host_has_a_name_of_its_own() -> None:
    hosts = ["a-b.example.com", "a.b.example.com", "*.b.example.com", "b.example.com"]
    graph = egress(*({"host": host, "callers": SHOP} for host in hosts))
    entries = [resource for resource in graph if resource.type.endswith("ServiceEntry")]
    assert [each.inputs["metadata"]["name"] for each in entries] == [
        "a--b-example-com",
        "a-b-example-com",
        "b-example-com--all",
        "b-example-com",
    ]


def test_limits_of_a_host_need_no_tls() -> None:
    graph = egress(api(connection_pool={"max_connections": 5}, outlier_detection={"consecutive_5xx": 3}))
    assert inputs(graph, "out-api-example-com-connections")["spec"]["trafficPolicy"] == {
        "connectionPool": {"tcp": {"maxConnections": 5}},
        "outlierDetection": {"consecutive5xxErrors": 3},
    }


def test_confined_pods_reach_pods_and_what_is_excepted() -> None:
    graph = egress(api(), confine=["shop"], confine_except=["10.1.0.0/16"])
    assert inputs(graph, "out-confine-shop") == {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "egress-through-waypoint", "namespace": "shop"},
        "spec": {
            "podSelector": {},
            "policyTypes": ["Egress"],
            "egress": [{"to": [{"namespaceSelector": {}}, {"ipBlock": {"cidr": "10.1.0.0/16"}}]}],
        },
    }


def test_what_is_yours_to_set() -> None:
    graph = egress(
        api(), namespace="outside", adopt=True, revision="prod", waypoint={"min_replicas": 3, "reason": "audit"}
    )
    assert find(graph, "out-namespace").type == "kubernetes:core/v1:NamespacePatch"
    assert inputs(graph, "out-waypoint") == {
        "reason": "audit",
        "min_replicas": 3,
        "namespace": "outside",
        "revision": "prod",
    }
    assert inputs(graph, "out-api-example-com")["metadata"]["namespace"] == "outside"


@pytest.mark.parametrize(
    ("hosts", "args", "line"),
    [
        ([], {}, "hosts is empty; name a host, or remove egress (MW-E139)"),
        ([api(callers=[])], {}, "hosts[0].callers lists nobody who may call the host; list callers, or remove it (MW-E139)"),
        ([api(), api(callers=[{"namespace": "b"}])], {}, 'hosts[1].host is "api.example.com", as is hosts[0].host: what Istio makes of two is undefined; keep one (MW-E131)'),
        ([api(host="cart.shop.svc.cluster.local")], {}, 'hosts[0].host is "cart.shop.svc.cluster.local", which is inside of the cluster; name a host outside; services of the mesh need no egress (MW-E138)'),
        ([api(host="10.0.0.1")], {}, 'hosts[0].host is "10.0.0.1", an address: ztunnel and waypoints find hosts by name; give the host\'s DNS name (MW-E138)'),
        ([api(protocol="tcp")], {}, "hosts[0].protocol is tcp, which has no usual port; add port (MW-E138)"),
        ([api(host="*.example.com", protocol="tls")], {}, 'hosts[0].host is "*.example.com": for a wildcard a waypoint takes plain HTTP alone, and goes by the Host header; name each host (MW-E138)'),
        ([api(host="*.example.com", originate_tls=True)], {}, "hosts[0].originate_tls has no effect for a wildcard: the waypoint goes by the Host header, port included; name each host, or remove originate_tls (MW-E138)"),
        ([api(protocol="tls", originate_tls=True)], {}, "hosts[0].originate_tls is for callers that speak plain HTTP, and protocol is tls; set protocol: http, or remove originate_tls (MW-E138)"),
        ([api(protocol="tls", methods=["GET"])], {}, "hosts[0].methods is for HTTP, and of tls the waypoint sees the connection alone: nothing would ever match; remove methods, or let callers speak http with originate_tls: true (MW-E138)"),
        ([api(port=443)], {}, "hosts[0].port is 443, where callers and host speak TLS, and protocol is http; set protocol: tls; or remove port, add originate_tls: true, and let callers speak plain HTTP (MW-E138)"),
        ([api(target_port=443)], {}, "hosts[0].target_port is 443, where the host speaks TLS, and the waypoint would speak plain HTTP to it; add originate_tls: true (MW-E138)"),
        ([api(rate_limit=1)], {}, "hosts[0].rate_limit asks for what no API does at a waypoint: Istio limits rates by EnvoyFilter alone, which a waypoint ignores; limit at the ingress gateway or in the application; connection_pool bounds what is under way at a time (MW-E135)"),
        ([api(host="localhost")], {}, "hosts[0].host is 'localhost'; write a name as DNS has it: \"api.example.com\", or \"*.example.com\" (MW-E050)"),
        ([api(protocol="grpc")], {}, "hosts[0].protocol is 'grpc'; one of: http, tls, tcp (MW-E050)"),
        ([api(paths=["/a*b"])], {}, "hosts[0].paths[0] is '/a*b'; write a path, or one with * at an end: \"/v1/*\" (MW-E050)"),
        ([api()], {"confine_except": ["10.0.0.1"]}, "confine_except[0] is '10.0.0.1'; write a range of addresses: \"10.0.0.0/16\" (MW-E050)"),
        ([api()], {"confine_except": ["10.0.0.1/8"]}, "confine_except[0] is '10.0.0.1/8'; write a range of addresses: \"10.0.0.0/16\" (MW-E050)"),
        ([api()], {"namespace": "istio-system"}, 'namespace is "istio-system"; give egress a namespace of its own, which is not confined (MW-E138)'),
        ([api()], {"confine": ["kube-system"]}, 'confine[0] is "kube-system", whose pods need more than other pods; confine applications (MW-E138)'),
        ([api(callers=[{"namespace": "a", "service_accounts": ["a/x"]}])], {}, "hosts[0].callers[0].service_accounts[0] is 'a/x'; write a name as Kubernetes has it, without the namespace (MW-E050)"),
        ([api()], {"namespace": "shop", "confine": ["shop"]}, 'namespace is "shop"; give egress a namespace of its own, which is not confined (MW-E138)'),
        ([api()], {"waypoint": {"waypoint_for": "workload"}}, "waypoint.waypoint_for is workload: the hosts are services, and a wildcard host without a waypoint does nothing at all; leave it out, or write service (MW-E130)"),
        ([api()], {"waypoint": {"min_replicas": 0}}, "0 to 5 replicas is no range; 1 <= min_replicas <= max_replicas (MW-E050)"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused(hosts: list[dict[str, Any]], args: dict[str, Any], line: str) -> None:
    assert refused(*hosts, **args) == [line]
