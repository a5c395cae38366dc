"""In which order rendered resources have to be applied: the longest path of dependencies decides the wave."""

from __future__ import annotations

from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from meshwright.engine.graph import Graph, Resource


def waves(graph: Graph, rendered: Collection[str]) -> Mapping[str, int]:
    """The wave of each URN in `rendered`, from 1: one more than the latest wave it waits for.

    A resource waits for what `depends_on`, its properties, and those of the components around it name. A component that
    is named stands for everything in it. A resource that is not rendered passes on what it waits for itself. Only what
    was registered earlier counts, as in a deployment, so that there are no cycles.
    """
    latest: dict[str, int] = {}  # by URN: the latest wave among a resource, all in it, and what they wait for
    inherited: dict[str, int] = {}  # by URN: the latest wave that a resource, and so all in it, waits for
    result: dict[str, int] = {}
    above = ancestors(graph)
    for resource in graph:
        around = above[resource.urn]
        waits = max((latest.get(urn, 0) for urn in needs(resource).difference(around)), default=0)
        waits = max(waits, inherited.get(resource.parent, 0), result.get(resource.parent, 0))
        inherited[resource.urn] = own = waits
        if resource.urn in rendered:
            own = result[resource.urn] = waits + 1
        for urn in (resource.urn, *around):
            latest[urn] = max(latest.get(urn, 0), own)
    return result


def needs(resource: Resource) -> set[str]:
    """The URNs that a resource names: its provider, what it depends on, and what its properties come from."""
    return {resource.provider, *resource.dependencies, *chain(*resource.property_dependencies.values())}


def ancestors(graph: Graph) -> Mapping[str, tuple[str, ...]]:
    """The URNs above each resource, nearest first; the root stack is left out, since nothing waits for all of it."""
    parents = {resource.urn: resource.parent for resource in graph}
    found: dict[str, tuple[str, ...]] = defaultdict(tuple)
    for resource in graph:
        parent = resource.parent
        if parents.get(parent):
            found[resource.urn] = (parent, *found[parent])
    return found
