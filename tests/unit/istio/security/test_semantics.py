"""Default deny allows exactly the declared calls, and require-waypoint leaves no way past: by a model of Istio."""

from collections.abc import Iterator
from functools import partial
from itertools import product
from random import Random
from typing import Any

import pytest

from meshwright import NamespaceAccess, RequireWaypoint
from meshwright.engine.graph import Graph
from tests.semantics.calls import Http, Pods, Request
from tests.semantics.path import outcome
from tests.semantics.world import World
from tests.unit.graphs import with_provider

# The last two are a sidecar and a pod without a mesh.
CALLERS = (Pods("front", "web"), Pods("front", "admin"), Pods("shop", "cart"), Pods("old", "web"), Pods("lab", "probe"))
SIDECAR = "old/web"
SERVICES = {"cart": "cart", "stock": "stock", "shadow": "cart"}
"""Service -> the app behind it. `shadow` is declared nowhere, and stands before the same pods as `cart`."""
REQUESTS = tuple(Http(method, path) for method in ("GET", "POST") for path in ("/a", "/b"))
LIMITS: tuple[dict[str, Any], ...] = (
    {},
    {"methods": ["GET"]},
    {"paths": ["/a"]},
    {"methods": ["POST"], "paths": ["/b"]},
)


def identity(pods: Pods) -> str:
    return f"{pods.namespace}/{pods.name}"


def call_graph(seed: int, limits: tuple[dict[str, Any], ...], ports: tuple[list[int], ...]) -> list[dict[str, Any]]:
    """Some of all calls; a sidecar's are limited by ports alone."""
    random = Random(seed)  # noqa: S311
    calls = []
    for caller, service in product(CALLERS[:4], ("cart", "stock")):
        if random.random() < 0.4:
            limit = {} if identity(caller) == SIDECAR else random.choice(limits)
            port = random.choice(ports) if identity(caller) != SIDECAR else random.choice(([], [8080], [9090]))
            calls.append({"caller": identity(caller), "service": service, **limit, **({"ports": port} if port else {})})
    return calls


def world(graph: Graph, *, waypoint: bool) -> World:
    """The callers, the services, and what the components made."""
    ambient = {"istio.io/dataplane-mode": "ambient"}
    spaces: dict[str, Any] = {"front": ambient, "shop": ambient, "old": {"istio-injection": "enabled"}, "lab": {}}
    objects: list[dict[str, Any]] = [
        {"kind": "Namespace", "metadata": {"name": name, "labels": labels}} for name, labels in spaces.items()
    ]
    for pods in (*CALLERS, Pods("shop", "stock")):
        metadata = {"namespace": pods.namespace, "name": pods.name}
        template = {
            "metadata": {"labels": {"app": pods.name}},
            "spec": {"serviceAccountName": pods.name, "containers": []},
        }
        objects.append({"kind": "Deployment", "metadata": metadata, "spec": {"template": template}})
    for service, app in SERVICES.items():
        labels = {"istio.io/use-waypoint": "waypoint"} if waypoint else {}
        ports = [{"name": f"http-{port}", "port": port, "targetPort": port + 8000} for port in (80, 1090)]
        spec = {"selector": {"app": app}, "ports": ports}
        of_service: dict[str, Any] = {"namespace": "shop", "name": service, "labels": labels}
        objects.append({"kind": "Service", "metadata": of_service, "spec": spec})
    gateway = {"namespace": "shop", "name": "waypoint"}
    objects.append({"kind": "Gateway", "metadata": gateway, "spec": {"gatewayClassName": "istio-waypoint"}})
    objects += [dict(each.inputs) for each in graph if each.type.startswith("kubernetes:")]
    return World(tuple(objects), {})


def requests() -> Iterator[Request]:
    """Every caller, to every service and straight to its pods, at both ports, with each HTTP request."""
    for caller, port, http in product(CALLERS, (80, 1090), REQUESTS):
        for service, app in SERVICES.items():
            yield Request(caller, "shop", service, app, port, http)
        for app in ("cart", "stock"):
            yield Request(caller, "shop", "", app, port + 8000, http)


def is_allowed(cluster: World, request: Request) -> bool:
    ends = outcome(cluster, request)
    (allowed,) = {end.allowed for end in ends}
    return allowed


def is_declared(calls: list[dict[str, Any]], request: Request, *, waypoint: bool) -> bool:
    """What the call graph says, in words of its own: no layer, no policy."""
    ambient = request.caller.namespace in ("front", "shop")
    if request.caller.namespace == "lab":
        return False
    through = waypoint and ambient
    if through and request.service not in ("cart", "stock"):
        return False  # pods that are called directly, and a service that nobody declared
    port = request.port if through or not request.service else request.port + 8000
    assert request.http
    return any(
        call["caller"] == identity(request.caller)
        and call["service"] == (request.service if through else request.pods)
        and port in call.get("ports", [port])
        and request.http.method in call.get("methods", [request.http.method])
        and request.http.path in call.get("paths", [request.http.path])
        for call in calls
    )


@pytest.mark.parametrize("seed", range(5))
def test_with_a_waypoint_exactly_the_declared_calls_are_allowed(seed: int) -> None:
    calls = call_graph(seed, LIMITS, ([], [80], [80, 1090]))
    args: Any = {"namespace": "shop", "calls": calls, "waypoint": {}, "past_waypoint": [SIDECAR]}
    cluster = world(with_provider(partial(NamespaceAccess, "shop", args)), waypoint=True)
    declared = {each: is_declared(calls, each, waypoint=True) for each in requests()}
    assert {each: is_allowed(cluster, each) for each in requests()} == declared
    assert len(set(declared.values())) == 2


@pytest.mark.parametrize("seed", range(5))
def test_without_a_waypoint_exactly_the_declared_calls_are_allowed(seed: int) -> None:
    calls = call_graph(seed, ({},), ([], [8080], [8080, 9090]))
    args: Any = {"namespace": "shop", "calls": calls}
    cluster = world(with_provider(partial(NamespaceAccess, "shop", args)), waypoint=False)
    declared = {each: is_declared(calls, each, waypoint=False) for each in requests()}
    assert {each: is_allowed(cluster, each) for each in requests()} == declared
    assert len(set(declared.values())) == 2


def test_require_waypoint_leaves_no_way_past_but_for_those_that_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHWRIGHT_AS_OF", "2026-11-23")
    named: Any = {"direct": ["front/admin"], "sidecars": [SIDECAR], "until": "2026-12-31"}
    nobody: Any = {}
    for past in (nobody, named):
        args: Any = {"namespace": "shop", **past}
        cluster = world(with_provider(partial(RequireWaypoint, "shop", args)), waypoint=True)
        let_in = {*past.get("direct", []), *past.get("sidecars", [])}
        for request in requests():
            through = bool(request.service) and request.caller.namespace in ("front", "shop")
            assert is_allowed(cluster, request) == (through or identity(request.caller) in let_in), request


def test_while_the_waypoint_is_gone_its_policies_are_passed_by_unless_it_is_required() -> None:
    """istio.io#17520: what ztunnel does with a label whose waypoint isn't there."""
    calls = [{"caller": "front/web", "service": "cart", "methods": ["GET"]}]
    access: Any = {"namespace": "shop", "calls": calls, "waypoint": {}}
    for graph, allowed in (
        (with_provider(partial(NamespaceAccess, "shop", access)), False),
        (with_provider(partial(RequireWaypoint, "shop", {"namespace": "shop"})), False),
        (with_provider(lambda _: None), True),
    ):
        cluster = world(graph, waypoint=True)
        left = World(tuple(each for each in cluster.objects if each["kind"] != "Gateway"), {})
        request = Request(CALLERS[1], "shop", "cart", "cart", 80, REQUESTS[0])
        assert is_allowed(left, request) == allowed
