"""What a program would make of Istio, as a snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meshwright.health import from_graph
from meshwright.istio.health.kinds import APART, KINDS

if TYPE_CHECKING:
    from meshwright.engine.graph import Graph
    from meshwright.health.snapshot import Snapshot

_NAMESPACE: Final = "meshwright:index:AmbientNamespace"


def snapshot_of(graph: Graph) -> Snapshot:
    """The snapshot of a graph."""
    return from_graph.snapshot_of(graph, KINDS | APART, declared_phases(graph))


def declared_phases(graph: Graph) -> dict[str, str]:
    """The phase of every namespace that the program brings into the mesh."""
    return from_graph.declared_phases(graph, _NAMESPACE)
