"""Every waypoint that something is told to use exists, works, is used, and stands twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import yaml

from meshwright.health.objects import at, called, condition, items, label, name_of, namespace_of
from meshwright.health.replicas import too_few
from meshwright.health.verdicts import Check, Doubt, Finding, Severity, SkipError
from meshwright.istio import labels
from meshwright.istio.health.installation import WAYPOINT, workloads
from meshwright.istio.health.mesh import by_name, controller_of, waypoint_of, waypoints

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from meshwright.health.objects import Object
    from meshwright.health.snapshot import Snapshot

_CATEGORY: Final = "waypoints"
_USERS: Final = ("Namespace", "Service", "ServiceEntry", "WorkloadEntry")
_BOUND, _MISSING = "istio.io/WaypointBound", "istio.io/WaypointMissing"
_CANARY: Final = "Canary waypoint not attached"
_ROUTES: Final = ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute")


def _exist(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    known, namespaces = waypoints(snapshot), by_name(snapshot)
    users = [*_users(snapshot), *(snapshot.of("Pod") if snapshot.live else ())]
    wanted = [(each, waypoint_of(each, {})) for each in users if label(each, labels.USE_WAYPOINT)]
    if not wanted:
        raise SkipError("nothing is told to use a waypoint")
    for each, place in wanted:
        if place is None or place in known:
            continue
        namespace, name = place
        message = f"is told to use the waypoint {namespace}/{name}, which is not there: its L7 policies are not applied"
        if snapshot.live or namespace in namespaces:
            yield Finding(called(each), message)
        else:
            yield Doubt(called(each), f"the waypoint {namespace}/{name} is in a namespace that isn't in this program")


def _programmed(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    snapshot.seen("Gateway")
    for each in _require_waypoints(snapshot):
        for kind in ("Accepted", "Programmed"):
            found = condition(each, kind)
            if found.get("status") != "True":
                yield Finding(called(each), f"is not {kind}: {_why(found)}")


def _bound(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    users = [each for each in _users(snapshot) if each["kind"] != "Namespace" and not _is_of_a_waypoint(each)]
    snapshot.seen("Gateway")
    known, namespaces = waypoints(snapshot), by_name(snapshot)
    for each in users:
        found, missing, place = condition(each, _BOUND), condition(each, _MISSING), waypoint_of(each, namespaces)
        if missing.get("status") == "True":
            yield Finding(called(each), f"has no effect without a waypoint: {_why(missing)}")
        elif found.get("status") == "False":
            yield Finding(called(each), f"is not bound to its waypoint: {_why(found)}")
        elif _CANARY in str(found.get("message")):
            yield Finding(called(each), f"is bound, but not to its canary: {_why(found)}")
        elif not found and place in known and _takes(known[place], each):
            yield Doubt(called(each), f"istiod has not said whether it is bound to {'/'.join(place)}")


def _is_of_a_waypoint(service: Object) -> bool:
    """Whether istiod made it for a waypoint or an east-west gateway, which no waypoint stands before."""
    return label(service, labels.GATEWAY_CLASS_NAME) in (*labels.WAYPOINT_CLASSES, labels.EAST_WEST_CLASS)


def _takes(gateway: Object, user: Object) -> bool:
    """Whether a waypoint takes traffic to such an object; an alias of a host outside is none of the mesh's."""
    what = "workload" if user["kind"] == "WorkloadEntry" else "service"
    takes = label(gateway, labels.WAYPOINT_FOR) or "service"
    return takes in (what, "all") and at(user, "spec", "type") != "ExternalName"


def _replicas(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    gateways = _require_waypoints(snapshot)
    if snapshot.live:
        for each in workloads(snapshot, WAYPOINT):
            yield from too_few(snapshot, each)
        return
    parameters = {(namespace_of(each), name_of(each)): each for each in snapshot.of("ConfigMap")}
    for each in gateways:
        reference = at(each, "spec", "infrastructure", "parametersRef", "name")
        if reference is None:
            yield Finding(called(each), "asks for no replicas: Istio makes one, without a disruption budget")
            continue
        data = parameters.get((namespace_of(each), str(reference)))
        if data is None:
            yield Doubt(called(each), f"its parameters, ConfigMap {reference}, are not in this program")
        else:
            yield from _too_few_asked(each, data)


def _too_few_asked(gateway: Object, parameters: Object) -> Iterator[Finding]:
    asked = {key: _overlay(parameters, key) for key in ("deployment", "horizontalPodAutoscaler", "podDisruptionBudget")}
    scaler, deployment = (asked[key].get("spec") or {} for key in ("horizontalPodAutoscaler", "deployment"))
    least = int(scaler.get("minReplicas") or deployment.get("replicas") or 1)
    if least < 2:
        yield Finding(called(gateway), f"asks for {least} replica: while it restarts, nothing takes its place")
    if not asked["podDisruptionBudget"]:
        yield Finding(called(gateway), "asks for no disruption budget: a drain may take all replicas at once")


def _overlay(parameters: Object, key: str) -> Mapping[str, Any]:
    content = yaml.safe_load(str(at(parameters, "data", key) or ""))
    return content if isinstance(content, dict) else {}


def _ingress(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    namespaces = by_name(snapshot)
    services = {(namespace_of(each), name_of(each)): each for each in snapshot.of("Service")}
    exposed = [services[place] for place in sorted(_behind_a_gateway(snapshot)) if place in services]
    guarded = [each for each in exposed if waypoint_of(each, namespaces)]
    if not guarded:
        raise SkipError("no Service that a gateway exposes is told to use a waypoint")
    for each in guarded:
        through = (label(body, labels.INGRESS_USE_WAYPOINT) for body in (each, namespaces.get(namespace_of(each), {})))
        if next(filter(None, through), "") != "true":
            yield Finding(called(each), "is exposed by a gateway whose traffic passes its waypoint and L7 policies by")


def _behind_a_gateway(snapshot: Snapshot) -> set[tuple[str, str]]:
    """The Services that routes attached to a Gateway send traffic to, by namespace and name."""
    others = {
        (namespace_of(each), name_of(each))
        for each in snapshot.of("Gateway")
        if not (controller_of(snapshot, each) or labels.CONTROLLERS).startswith(labels.CONTROLLERS)
    }
    return {
        (str(at(backend, "namespace") or namespace_of(route)), str(at(backend, "name")))
        for kind in _ROUTES
        for route in snapshot.of(kind)
        if any(_may_be_istios(each, route, others) for each in items(route, "spec", "parentRefs"))
        for rule in items(route, "spec", "rules")
        for backend in items(rule, "backendRefs")
        if (at(backend, "kind") or "Service") == "Service"
    }


def _may_be_istios(parent: Object, route: Object, others: set[tuple[str, str]]) -> bool:
    """Whether a route's parent is a gateway of Istio's, or may be one: the label is for these alone."""
    place = (str(at(parent, "namespace") or namespace_of(route)), str(at(parent, "name")))
    return (at(parent, "kind") or "Gateway") == "Gateway" and place not in others


def _users(snapshot: Snapshot) -> list[Object]:
    return [each for kind in _USERS for each in snapshot.of(kind)]


def _require_waypoints(snapshot: Snapshot) -> list[Object]:
    found = list(waypoints(snapshot).values())
    if not found:
        raise SkipError("there is no waypoint")
    return found


def _why(found: Mapping[str, Any]) -> str:
    """What a condition says, on one line."""
    if not found:
        return "istiod says nothing of it"
    return " ".join(f"{found.get('reason')} ({found.get('message')})".split())


CHECKS: Final = (
    Check(
        "waypoints-exist",
        _CATEGORY,
        "every waypoint that something is told to use exists",
        Severity.ERROR,
        f"make the waypoint, or correct the label {labels.USE_WAYPOINT}",
        _exist,
    ),
    Check(
        "waypoints-programmed",
        _CATEGORY,
        "every waypoint is accepted and programmed",
        Severity.ERROR,
        "do what the condition says; `meshwright istio break-glass waypoint-down` has the steps where traffic suffers",
        _programmed,
    ),
    Check(
        "waypoints-bound",
        _CATEGORY,
        "every service that is told to use a waypoint is bound to it",
        Severity.ERROR,
        "do what the condition says: until then traffic passes the waypoint and its policies by",
        _bound,
    ),
    Check(
        "waypoints-replicas",
        _CATEGORY,
        "every waypoint has two replicas or more, and a disruption budget",
        Severity.WARNING,
        "give the Gateway parameters with horizontalPodAutoscaler and podDisruptionBudget",
        _replicas,
    ),
    Check(
        "waypoints-ingress",
        _CATEGORY,
        "traffic from gateways goes through the waypoints of what they expose",
        Severity.ERROR,
        f'label the Service or its namespace {labels.INGRESS_USE_WAYPOINT}: "true"',
        _ingress,
    ),
)
