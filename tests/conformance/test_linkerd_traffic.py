"""The API server takes the objects of Linkerd's traffic strictly, with Linkerd's and the Gateway API's own CRDs."""

from typing import Any

from meshwright import LinkerdEgress, LinkerdRateLimit, LinkerdTraffic
from tests.conformance import checks
from tests.servers.cluster import Cluster
from tests.servers.kubernetes import manifests
from tests.servers.programs import data_file
from tests.unit.graphs import with_provider

ROUTES: dict[str, Any] = {
    "namespace": "default",
    "service": "reviews",
    "port": 9080,
    "routes": [
        {
            "match": [{"path_prefix": "/v1", "methods": ["GET"], "headers": {"x": "1"}, "query_regex": {"q": ".+"}}],
            "to": [{"service": "reviews-v1", "weight": 9}, {"service": "reviews-v2"}],
            "retries": {"on": ["5xx"], "timeout": "300ms"},
        }
    ],
}
CALLS: dict[str, Any] = {
    "namespace": "default",
    "service": "cart",
    "port": 80,
    "protocol": "grpc",
    "routes": [{"match": [{"grpc_service": "shop.v1.Cart", "grpc_method": "Get"}], "to": [{"service": "cart-v2"}]}],
}
LIMIT: dict[str, Any] = {
    "namespace": "default",
    "server": "cart",
    "total": 100,
    "identity": 20,
    "overrides": [{"rate": 25, "callers": [{"service_account": "web"}]}],
}
OUT: dict[str, Any] = {
    "namespace": "default",
    "policy": "deny",
    "networks": [{"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}],
    "routes": [{"name": "billing", "port": 80, "protocol": "http", "hosts": ["billing.example.com"]}],
}


def test_the_objects_of_traffic_are_taken_strictly(mesh_cluster: Cluster) -> None:
    mesh_cluster.api.apply_all(manifests(data_file("crds", "linkerd-edge-26.8.3.yaml")))

    def all_of_them(opts: Any) -> None:
        LinkerdTraffic("routes", ROUTES, opts)  # type: ignore[arg-type]
        LinkerdTraffic("calls", CALLS, opts)  # type: ignore[arg-type]
        LinkerdRateLimit("limit", LIMIT, opts)  # type: ignore[arg-type]
        LinkerdEgress("out", OUT, opts)  # type: ignore[arg-type]

    objects = [dict(each.inputs) for each in with_provider(all_of_them) if "apiVersion" in each.inputs]
    assert len(objects) == 6
    assert checks.accepted(mesh_cluster.api, objects) == []
