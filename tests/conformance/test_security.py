"""Istio's own control plane binds what our policies are attached to, and says of known fail-open ones that it can't."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from meshwright import AccessPolicy, AmbientNamespace
from meshwright.istio import labels
from meshwright.kubernetes.errors import ComponentError
from tests.conformance import checks
from tests.conformance.stacks import example_stacks, objects_of, releases_of, rendering_of
from tests.servers import helm
from tests.servers.cluster import Cluster
from tests.servers.istiod import Istiod
from tests.servers.kubernetes import Identity, Object
from tests.servers.programs import require_programs
from tests.unit.graphs import with_provider

STACK = next(each for each in example_stacks() if each.name == "istio-security")
NO_CANARY = "Canary waypoint not attached"
SERVICES = {"checkout": ("cart", "payment"), "catalog": ("products",), "accounts": ("profile",)}


@pytest.fixture
def istiod(mesh_cluster: Cluster, tmp_path: Path) -> Iterator[Istiod]:
    """Istio at work in a cluster with the services of the stack, installed with the stack's values."""
    require_programs("pilot-discovery", "helm")
    release = next(each for each in releases_of(rendering_of(STACK)) if each.chart == "istiod")
    rendered = helm.template(helm.istio_chart("istiod"), release.name, release.namespace, release.values)
    objects = helm.objects(rendered)
    services = [service(name, namespace) for namespace, names in SERVICES.items() for name in names]
    mesh_cluster.api.apply_all([*checks.namespaces(bodies()), *objects, *services])
    deployment = next(each for each in objects if each["kind"] == "Deployment")
    with Istiod(mesh_cluster, tmp_path / "istiod", deployment) as started:
        yield started


def bodies() -> list[Object]:
    return [body for _, body in objects_of(rendering_of(STACK))]


def service(name: str, namespace: str) -> Object:
    spec = {"ports": [{"name": "http", "port": 80}], "selector": {"app": name}}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def reasons(mesh: Cluster, body: Object) -> dict[str, tuple[str, str]]:
    """Condition -> its status and reason."""
    found = mesh.api.get(Identity.of(body)) or {}
    conditions = found.get("status", {}).get("conditions", [])
    return {each["type"]: (each["status"], each["reason"]) for each in conditions}


def deploy(mesh: Cluster, objects: list[Object]) -> None:
    for index, body in enumerate(objects):
        # One owner for each: patches of one namespace would take back each other's labels.
        patch = body["kind"] in ("Namespace", "Service")
        mesh.api.apply(body, manager=f"test-{index}" if patch else "test", force=True)


def said(mesh: Cluster, body: Object, **wanted: tuple[str, str]) -> None:
    """Wait until an object's only conditions are these: kind -> status and reason."""
    expected = {key.replace("_", "/"): value for key, value in wanted.items()}
    name = f"{body['kind']} {body['metadata']['name']} in {body['metadata']['namespace']}"
    mesh.api.wait(lambda: reasons(mesh, body) == expected, f"{name} says {expected}", 60)


def bound(mesh: Cluster, body: Object, status: str, reason: str) -> None:
    said(mesh, body, **{"istio.io_WaypointBound": (status, reason)})


def test_waypoints_are_bound_and_every_policy_is_accepted(istiod: Istiod) -> None:
    mesh = istiod.cluster
    deploy(mesh, bodies())
    bound(mesh, service("cart", "checkout"), "True", "WaypointAccepted")
    bound(mesh, service("products", "catalog"), "True", "WaypointAccepted")
    policies = [body for body in bodies() if body["kind"] == "AuthorizationPolicy"]
    assert len(policies) == 17
    for body in policies:
        kind = "WaypointAccepted" if "targetRefs" in body["spec"] else "ZtunnelAccepted"
        said(mesh, body, **{kind: ("True", "Accepted")})


# What AccessPolicy is asked for, and what Istio says to the object that this would have become.
REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "deny-methods": (
        {"action": "deny", "rules": [{"operations": [{"methods": ["DELETE"]}]}]},
        {"action": "DENY", "rules": [{"to": [{"operation": {"methods": ["DELETE"]}}]}]},
        "UnsupportedValue",
    ),
    "allow-paths": (
        {"rules": [{"operations": [{"paths": ["/a"]}]}]},
        {"rules": [{"to": [{"operation": {"paths": ["/a"]}}]}]},
        "UnsupportedValue",
    ),
    "audit": ({"action": "audit", "rules": [{}]}, {"action": "AUDIT", "rules": [{}]}, "UnsupportedValue"),
    "custom": (
        {"action": "custom", "provider": "opa", "rules": [{}]},
        {"action": "CUSTOM", "provider": {"name": "opa"}, "rules": [{}]},
        "UnsupportedValue",
    ),
    "no-waypoint": (
        {"services": ["profile"], "rules": [{}]},
        {"targetRefs": [{"group": "", "kind": "Service", "name": "profile"}], "rules": [{}]},
        "AncestorNotBound",
    ),
}
# Namespace, labels and weight of a service, and what Istio says: it sends traffic past the waypoint, or its canary. A
# canary that it leaves out shows in the message alone: the condition is True, and its reason WaypointAccepted.
UNUSED: dict[str, tuple[str, dict[str, str], str, str]] = {
    "gone": ("catalog", {labels.USE_WAYPOINT: "gone"}, "0", "WaypointIsNotReady"),
    "denied": (
        "accounts",
        {labels.USE_WAYPOINT: "waypoint", labels.USE_WAYPOINT_NAMESPACE: "checkout"},
        "0",
        "AttachmentDenied",
    ),
    "same": (
        "catalog",
        {labels.USE_WAYPOINT: "waypoint", labels.USE_WAYPOINT_CANARY: "waypoint"},
        "10",
        "must differ from the primary waypoint",
    ),
    "heavy": (
        "catalog",
        {labels.USE_WAYPOINT: "waypoint", labels.USE_WAYPOINT_CANARY: "waypoint-canary"},
        "101",
        "has an invalid weight",
    ),
}


def test_what_our_components_refuse_istiod_takes_without_enforcing_it(istiod: Istiod) -> None:
    mesh = istiod.cluster
    for name, (asked, spec, reason) in REFUSED.items():
        args: Any = {"namespace": "accounts", **asked}
        with pytest.raises(ComponentError):
            with_provider(partial(AccessPolicy, "it", args))
        body = {
            "apiVersion": "security.istio.io/v1",
            "kind": "AuthorizationPolicy",
            "metadata": {"name": name, "namespace": "accounts"},
            "spec": spec,
        }
        mesh.api.apply(body)
        mesh.api.wait(partial(_reason_is, mesh, body, reason), f"{name} is taken as {reason}", 60)

    deploy(mesh, [body for body in bodies() if body["metadata"].get("namespace") == "checkout"])
    canary = {"weight": 10, "istio_version": "1.31.1"}
    args = {"namespace": "catalog", "phase": "strict", "adopt": True, "waypoint": {"canary": canary}}
    made = with_provider(partial(AmbientNamespace, "catalog", args))
    deploy(mesh, [dict(each.inputs) for each in made if each.type.startswith("kubernetes:")])
    products = service("products", "catalog")
    bound(mesh, products, "True", "WaypointAccepted")
    mesh.api.wait(lambda: NO_CANARY not in told(mesh, products), "the canary is attached", 60)
    for name, (namespace, marks, weight, reason) in UNUSED.items():
        body = service(name, namespace)
        annotations = {labels.USE_WAYPOINT_CANARY_WEIGHT: weight}
        body = body | {"metadata": {"name": name, "namespace": namespace, "labels": marks, "annotations": annotations}}
        mesh.api.apply(body)
        mesh.api.wait(partial(_says, mesh, body, reason), f"{name} is {reason}", 60)
        assert (NO_CANARY in told(mesh, body)) == (labels.USE_WAYPOINT_CANARY in marks)


def told(mesh: Cluster, body: Object) -> str:
    """The reasons and messages of an object's conditions."""
    found = mesh.api.get(Identity.of(body)) or {}
    conditions = found.get("status", {}).get("conditions", [])
    return " ".join(f"{each['reason']} {each['message']}" for each in conditions)


def _says(mesh: Cluster, body: Object, wanted: str) -> bool:
    return wanted in told(mesh, body)


def _reason_is(mesh: Cluster, body: Object, reason: str) -> bool:
    return [why for _, why in reasons(mesh, body).values()] == [reason]
