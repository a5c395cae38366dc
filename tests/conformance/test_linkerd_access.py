"""The API server takes the objects of Linkerd's access strictly, with Linkerd's and the Gateway API's own CRDs."""

from typing import Any

from meshwright import LinkerdAccess, LinkerdNamespace
from tests.conformance import checks
from tests.servers.cluster import Cluster
from tests.unit.graphs import with_provider

SPACE: dict[str, Any] = {
    "namespace": "shop",
    "phase": "deny",
    "injection": {"opaque_ports": [4222], "native_sidecar": True, "resources": {"memory_limit": "128Mi"}},
}
ACCESS: dict[str, Any] = {
    "namespace": "default",
    "phase": "deny",
    "workloads": {
        "cart": {"ports": [{"port": 8080, "protocol": "HTTP/1", "probes": ["/healthz"]}, {"port": 8081}]},
        "web": {"ports": [{"port": "http"}]},
        "stock": {
            "labels": {"app": "stock", "tier": "back"},
            "ports": [{"port": 9000, "protocol": "gRPC", "probes": [""]}],
        },
        "events": {"ports": [{"port": 4222, "protocol": "opaque"}], "phase": "audit"},
        "vault": {"ports": [{"port": 8200, "protocol": "TLS"}], "phase": "authenticated"},
    },
    "calls": [
        {"service": "cart", "caller": "front/web", "ports": [8080], "methods": ["GET", "POST"], "paths": ["/v1/*"]},
        {"service": "cart", "caller": "front/web", "ports": [8080], "paths": [f"/p{at}" for at in range(70)]},
        {"service": "cart", "networks": ["10.1.0.0/16", "fd00::/8"], "ports": [8081]},
        {"service": "web", "caller": "front/edge", "ports": ["http"]},
        {"service": "stock", "caller": "default/cart", "grpc": ["shop.v1.Stock/Reserve", "shop.v1.Admin"]},
        {"service": "events", "caller": "default/cart", "networks": ["10.2.0.0/16"]},
    ],
    "probe_networks": ["10.0.0.0/16"],
    "scrapers": ["linkerd-viz/prometheus"],
}


def test_the_objects_of_access_are_taken_strictly(mesh_cluster: Cluster) -> None:
    def both(opts: Any) -> None:
        LinkerdNamespace("shop", SPACE, opts)  # type: ignore[arg-type]
        LinkerdAccess("access", ACCESS, opts)  # type: ignore[arg-type]

    objects = [dict(each.inputs) for each in with_provider(both) if "apiVersion" in each.inputs or _is_space(each)]
    for each in objects:
        if "apiVersion" not in each:
            each |= {"apiVersion": "v1", "kind": "Namespace"}
    kinds = {str(each["kind"]) for each in objects}
    assert kinds == {
        "Namespace",
        "Server",
        "HTTPRoute",
        "GRPCRoute",
        "AuthorizationPolicy",
        "MeshTLSAuthentication",
        "NetworkAuthentication",
    }
    assert checks.accepted(mesh_cluster.api, objects) == []


def _is_space(resource: Any) -> bool:
    return bool(resource.type == "kubernetes:core/v1:Namespace")
