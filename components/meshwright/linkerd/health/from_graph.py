"""What a program would make of Linkerd, as a snapshot."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from meshwright.health import from_graph
from meshwright.linkerd.health.kinds import APART, KINDS, SECOND

if TYPE_CHECKING:
    from meshwright.engine.graph import Graph
    from meshwright.health.snapshot import Snapshot

_NAMESPACE: Final = "meshwright:index:LinkerdNamespace"


def snapshot_of(graph: Graph) -> Snapshot:
    """The snapshot of a graph."""
    found = from_graph.snapshot_of(graph, KINDS | APART, declared_phases(graph))
    second = from_graph.snapshot_of(graph, SECOND, {})
    return replace(found, objects={**found.objects, **{kind: found.of(kind) + second.of(kind) for kind in SECOND}})


def declared_phases(graph: Graph) -> dict[str, str]:
    """The phase of every namespace that the program brings into the mesh."""
    return from_graph.declared_phases(graph, _NAMESPACE)
