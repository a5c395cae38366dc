"""An Istio ambient mesh in a few lines: what it is made of, and how far each namespace is.

Everything is read from the graph, so that a program which composes the components itself is summed up too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import yaml

from meshwright.cli.output import Line, columns, line, plural
from meshwright.cli.trees import branches
from meshwright.config.clock import today
from meshwright.guidance.rollout import SOAK_DAYS, next_step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from meshwright.engine.graph import Graph, Resource, Value

_MESH = "meshwright:index:IstioAmbient"
_NAMESPACE = "meshwright:index:AmbientNamespace"
_WAYPOINT = "meshwright:index:Waypoint"
_USE_WAYPOINT = "meshwright:index:UseWaypoint"
_RELEASE = "kubernetes:helm.sh/v3:Release"


@dataclass(frozen=True, slots=True)
class NamespaceLine:
    """A namespace of the mesh, as its component was told."""

    name: str
    phase: str
    since: date | None
    waypoint: str
    """How many pods its waypoint has at least, and why it is there, or whose it is; empty without a waypoint."""


def is_mesh(graph: Graph) -> bool:
    """Whether there is a mesh to sum up."""
    return bool(graph.of_type(_MESH))


def title(graph: Graph) -> str:
    """`istio-ambient 1.31.1 on kind`; during an upgrade also where it leads, and how far it has come."""
    mesh = graph.of_type(_MESH)[0]
    version = mesh.outputs.get("version") or mesh.inputs.get("version")
    upgrade = mesh.inputs.get("upgrade")
    if isinstance(upgrade, dict):
        version = f"{version}, upgraded to {upgrade.get('to')} as far as {upgrade.get('step', 'istiod')}"
    return f"istio-ambient {version} on {mesh.inputs.get('platform')}"


def lines(graph: Graph) -> Iterator[Line]:
    """Each mesh with its releases, and below them the namespaces."""
    for mesh in graph.of_type(_MESH):
        yield line((mesh.name, "bold"), "  IstioAmbient")
    rows = [_row(namespace) for namespace in namespaces(graph)]
    releases = [resource for resource in graph.of_type(_RELEASE) if _is_below(resource, graph)]
    yield from map(line, branches([_releases(releases), *columns(rows)] if rows else [_releases(releases)]))


def namespaces(graph: Graph) -> list[NamespaceLine]:
    """The namespaces of the mesh, in the program's order."""
    # A canary comes second; it is the first one's twin.
    waypoints = {resource.parent: _waypoint(resource, graph) for resource in reversed(graph.of_type(_WAYPOINT))}
    others = {use.inputs.get("namespace"): use.inputs for use in graph.of_type(_USE_WAYPOINT)}
    return [
        NamespaceLine(
            name=str(resource.inputs.get("namespace")),
            phase=str(resource.inputs.get("phase")),
            since=day(resource.inputs.get("since")),
            waypoint=waypoints.get(resource.urn) or _of_another(others.get(resource.inputs.get("namespace"))),
        )
        for resource in graph.of_type(_NAMESPACE)
    ]


def what_next(graph: Graph) -> str:
    """The next step of the rollout, as one sentence."""
    return next_step(namespaces(graph), today())


def _is_below(resource: Resource, graph: Graph) -> bool:
    return any(mesh.urn == resource.parent for mesh in graph.of_type(_MESH))


def _releases(releases: list[Resource]) -> str:
    hubs = {hub for release in releases if (hub := _hub(release.inputs.get("values") or {}))}
    pinned = all(release.inputs.get("version") for release in releases)
    facts = [plural(len(releases), "release"), ", ".join([*sorted(hubs), *(["pinned"] if pinned else [])])]
    return "   ".join([", ".join(map(_release, releases)), *filter(None, facts)])


def _release(release: Resource) -> str:
    name = str(release.inputs.get("name") or release.name)
    replicas = (release.inputs.get("values") or {}).get("autoscaleMin")
    return f"{name} ×{replicas:g}" if isinstance(replicas, (int, float)) else name


def _hub(values: Mapping[str, Value]) -> str:
    hub = values.get("hub") or (values.get("global") or {}).get("hub")
    return hub if isinstance(hub, str) else ""


def _of_another(use: Mapping[str, Value] | None) -> str:
    """`waypoint of platform`."""
    return f"waypoint of {use['waypoint_namespace']}" if use and "waypoint_namespace" in use else ""


def _waypoint(waypoint: Resource, graph: Graph) -> str:
    """`waypoint ×2  "header routing"`; what is unknown is left out."""
    replicas, reason = _least_replicas(waypoint, graph), waypoint.inputs.get("reason")
    words = ["waypoint" + (f" ×{replicas:g}" if isinstance(replicas, (int, float)) else "")]
    return "  ".join(words + ([f'"{reason}"'] if isinstance(reason, str) else []))


def _least_replicas(waypoint: Resource, graph: Graph) -> Value:
    """From the autoscaler that the component asks Istio for: it has the defaults that its inputs leave out."""
    for parameters in graph.of_type("kubernetes:core/v1:ConfigMap"):
        data = parameters.inputs.get("data")
        text = data.get("horizontalPodAutoscaler") if isinstance(data, dict) else None
        if parameters.parent == waypoint.urn and isinstance(text, str):
            return (yaml.safe_load(text) or {}).get("spec", {}).get("minReplicas")
    return None


def _row(namespace: NamespaceLine) -> tuple[str, str, str, str, str]:
    meshed = namespace.phase != "unmeshed"
    layer = "L7" if namespace.waypoint else "L4"
    when = how_long(namespace, "permissive") if meshed else ""
    return namespace.name, namespace.phase, when, layer if meshed else "", namespace.waypoint


def how_long(namespace: NamespaceLine, watched: str) -> str:
    """How long a namespace in the phase ``watched`` has been watched; since when any other is in its phase."""
    if namespace.since is None:
        return "since when is not said"
    days = (today() - namespace.since).days
    if namespace.phase == watched and days < SOAK_DAYS:
        return f"{days} of {SOAK_DAYS} days"
    return f"since {namespace.since}"


def day(text: Value) -> date | None:
    """The day that is written there; None for anything else."""
    try:
        return date.fromisoformat(text)
    except (TypeError, ValueError):
        return None
