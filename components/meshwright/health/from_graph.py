"""What a program would make, as a snapshot: its Kubernetes objects, its Helm releases and its namespaces' phases."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from meshwright.engine.graph import UNKNOWN
from meshwright.health.snapshot import ChartRelease, Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from meshwright.engine.graph import Graph, Resource
    from meshwright.health.kinds import Kind
    from meshwright.health.objects import Object

_PREFIX: Final = "kubernetes:"
_RELEASES: Final = ("kubernetes:helm.sh/v3:Release", "kubernetes:helm.sh/v4:Chart", "kubernetes:helm.sh/v3:Chart")
_PATCH: Final = "Patch"


def snapshot_of(graph: Graph, kinds: Mapping[str, Kind], phases: Mapping[str, str]) -> Snapshot:
    """The snapshot of a graph. Several resources that speak of one object, as patches do, count as one object.

    Args:
        graph: What the program would make.
        kinds: The kinds that are looked at, by name.
        phases: Namespace -> phase that the program declares.
    """
    objects: dict[str, dict[tuple[str, ...], Object]] = defaultdict(dict)
    for kind, body in _objects(graph, {kind: place.group for kind, place in kinds.items()}):
        place = tuple(str(body["metadata"].get(key)) for key in ("namespace", "name"))
        objects[kind][place] = _together(objects[kind].get(place, {}), body)
    return Snapshot(
        {kind: tuple(found.values()) for kind, found in objects.items()},
        live=False,
        releases=tuple(_release(each) for each in graph if each.type in _RELEASES),
        phases=phases,
    )


def declared_phases(graph: Graph, component: str) -> dict[str, str]:
    """The phase of every namespace that the program brings into the mesh, by a component of this type."""
    inputs = (each.inputs for each in graph.of_type(component))
    return {str(each["namespace"]): str(each["phase"]) for each in inputs if isinstance(each.get("phase"), str)}


def _objects(graph: Graph, groups: Mapping[str, str]) -> Iterator[tuple[str, Object]]:
    for each in graph:
        group_version, _, kind = each.type.removeprefix(_PREFIX).rpartition(":")
        kind = kind.removesuffix(_PATCH)
        if not each.type.startswith(_PREFIX) or groups.get(kind) != group_version.partition("/")[0]:
            continue
        metadata = each.inputs.get("metadata")
        if not isinstance(metadata, dict):
            metadata = dict.fromkeys(("namespace", "labels", "annotations"), UNKNOWN) if metadata is UNKNOWN else {}
        yield kind, {**each.inputs, "kind": kind, "metadata": {"name": each.name, **metadata}}


def _together(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Two partial objects as one; what the second says wins."""
    both = {**first, **second}
    for key in first.keys() & second.keys():
        if isinstance(first[key], dict) and isinstance(second[key], dict):
            both[key] = _together(first[key], second[key])
    return both


def _release(resource: Resource) -> ChartRelease:
    inputs = resource.inputs
    texts = {key: str(inputs.get(key) or "") for key in ("name", "namespace", "chart", "version")}
    name = texts["name"] or resource.name
    return ChartRelease(name, texts["namespace"], texts["chart"], texts["version"], inputs.get("values") or {})
