"""Waypoints of others, single services and default deny, by the real engine and provider: made in order, and taken back."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.engine.conftest import Pulumi
from tests.engine.on_cluster import edit, meanwhile, say_programmed
from tests.engine.test_cluster import cluster, quickstart
from tests.servers.cluster import Cluster
from tests.servers.kubernetes import Api, Identity

__all__ = ["cluster", "quickstart"]  # fixtures

HUB = {
    "name": "hub",
    "phase": "strict",
    "waypoint": {"reason": "http", "allowed_namespaces": ["shop"], "canary": {"weight": 10}, "require": {}},
}
SHOP: dict[str, Any] = {
    "name": "shop",
    "phase": "strict",
    "adopt": True,
    "services": ["cart", "stock"],
    "use_waypoint": {"namespace": "hub", "services": ["cart"], "require": {}},
    "security": {
        "access": "default-deny",
        "calls": [{"from": "hub/web", "to": "cart", "methods": ["GET"]}, {"from": "hub/web", "to": "stock"}],
        "mtls": [{"name": "metrics", "workloads": {"app": "stock"}, "ports": [{"port": 9090, "mode": "permissive"}]}],
    },
}


@pytest.fixture
def programmed(cluster: Cluster) -> Iterator[None]:
    """Calls every Gateway programmed as soon as it is there, as istiod would."""
    names = ("waypoint", "waypoint-canary")
    gateways = [Identity("gateway.networking.k8s.io/v1", "Gateway", "hub", name) for name in names]
    with meanwhile(lambda: say_programmed(cluster.api, *gateways)):
        yield


@pytest.mark.usefixtures("programmed")
def test_up_no_change_and_back(quickstart: Pulumi, cluster: Cluster) -> None:
    api = cluster.api
    cart = Identity("v1", "Service", "shop", "cart")
    api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    for name in ("cart", "stock"):
        spec = {"ports": [{"name": "http", "port": 80}], "selector": {"app": name}}
        api.apply(
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "shop"}, "spec": spec}
        )
    edit(quickstart, namespaces=[HUB, SHOP])

    quickstart.run("up", "--yes", "--skip-preview")
    assert _labels(api, cart) == {"istio.io/use-waypoint": "waypoint", "istio.io/use-waypoint-namespace": "hub"}
    policies = {each["metadata"]["name"] for each in api.list("security.istio.io/v1", "AuthorizationPolicy", "shop")}
    assert policies == {
        "require-waypoint-cart",
        "callers-of-cart",
        "waypoint-to-cart",
        "direct-to-stock",
        "default-deny",
    }
    quickstart.run("preview", "--expect-no-changes")

    edit(quickstart, namespaces=[HUB, {"name": "shop", "phase": "strict", "adopt": True}])
    quickstart.run("up", "--yes", "--skip-preview")
    assert _labels(api, cart) == {}
    assert api.list("security.istio.io/v1", "AuthorizationPolicy", "shop") == []
    quickstart.run("preview", "--expect-no-changes")

    quickstart.run("destroy", "--yes", "--skip-preview")
    assert quickstart.state() == []
    found = api.get(cart)
    assert found is not None
    assert found["spec"]["selector"] == {"app": "cart"}


def _labels(api: Api, wanted: Identity) -> dict[str, str]:
    found = api.get(wanted)
    assert found is not None
    return dict(found["metadata"].get("labels") or {})
