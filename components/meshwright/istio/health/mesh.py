"""Who is in the mesh, by the labels of namespaces and pods, and what its waypoints are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meshwright.health.objects import annotation, at, items, label, mapping, name_of, namespace_of
from meshwright.health.verdicts import SkipError
from meshwright.istio import labels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.health.objects import Object
    from meshwright.health.snapshot import Snapshot

AMBIENT: Final = "ambient"
WORKLOADS: Final = ("Deployment", "StatefulSet", "DaemonSet")
_ENDED: Final = ("Succeeded", "Failed")


def enrolled_namespaces(snapshot: Snapshot) -> frozenset[str]:
    """The namespaces that are labelled as ambient."""
    return frozenset(
        name_of(each) for each in snapshot.of("Namespace") if label(each, labels.DATAPLANE_MODE) == AMBIENT
    )


def require_enrolled(snapshot: Snapshot) -> frozenset[str]:
    """The namespaces that are labelled as ambient. Raises `SkipError` where there is none."""
    found = enrolled_namespaces(snapshot)
    if not found:
        raise SkipError("no namespace is labelled as ambient")
    return found


def has_sidecar(pod: Object) -> bool:
    """Whether a sidecar was injected: istio-cni leaves such a pod alone."""
    return bool(annotation(pod, labels.SIDECAR_STATUS))


def is_wanted(pod: Object, enrolled: frozenset[str]) -> bool:
    """Whether istio-cni should capture a pod: the pod's own label wins over its namespace's."""
    mode = label(pod, labels.DATAPLANE_MODE) or (AMBIENT if namespace_of(pod) in enrolled else "")
    return mode == AMBIENT and at(pod, "spec", "hostNetwork") is not True and not has_sidecar(pod)


def running_pods(snapshot: Snapshot) -> tuple[Object, ...]:
    """The pods of a cluster that run on a node and haven't ended. Raises `SkipError` offline."""
    return tuple(
        each
        for each in snapshot.seen("Pod")
        if at(each, "status", "phase") not in _ENDED
        and at(each, "spec", "nodeName")
        and not at(each, "metadata", "deletionTimestamp")
    )


def pods(snapshot: Snapshot) -> Iterator[Object]:
    """The pods of a cluster; offline, those that the program's workloads would have, named after their workload."""
    if snapshot.live:
        yield from running_pods(snapshot)
        return
    for kind in WORKLOADS:
        for each in snapshot.of(kind):
            template = mapping(each, "spec", "template")
            about = {**mapping(template, "metadata"), "name": name_of(each), "namespace": namespace_of(each)}
            yield {"kind": kind, "metadata": about, "spec": mapping(template, "spec")}


def waypoints(snapshot: Snapshot) -> dict[tuple[str, str], Object]:
    """The waypoints by namespace and name, of Istio's classes and of those that Istio's controller has."""
    return {
        (namespace_of(each), name_of(each)): each
        for each in snapshot.of("Gateway")
        if str(at(each, "spec", "gatewayClassName")) in labels.WAYPOINT_CLASSES
        or controller_of(snapshot, each) in labels.WAYPOINT_CONTROLLERS
    }


def controller_of(snapshot: Snapshot, gateway: Object) -> str:
    """The controller of a Gateway's class; empty where the class isn't seen, for want of a right or in a program."""
    wanted = at(gateway, "spec", "gatewayClassName")
    classes = (each for each in snapshot.objects.get("GatewayClass", ()) if name_of(each) == wanted)
    return str(next((at(each, "spec", "controllerName") for each in classes), ""))


def waypoint_of(body: Object, namespaces: dict[str, Object]) -> tuple[str, str] | None:
    """The waypoint that an object is told to use, by its own label or its namespace's; None for none."""
    home = name_of(body) if body["kind"] == "Namespace" else namespace_of(body)
    for each in (body, namespaces.get(home, {})):
        if chosen := label(each, labels.USE_WAYPOINT):
            return None if chosen == "none" else (label(each, labels.USE_WAYPOINT_NAMESPACE) or home, chosen)
    return None


def by_name(snapshot: Snapshot) -> dict[str, Object]:
    """The namespaces by name."""
    return {name_of(each): each for each in snapshot.of("Namespace")}


def containers(pod: Object) -> list[Object]:
    """The containers of a pod, without those that only start it."""
    return items(pod, "spec", "containers")
