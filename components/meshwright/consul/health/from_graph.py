"""What a program would make of Consul, as a snapshot, and what it declares."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from meshwright.consul.health.from_cluster import phases
from meshwright.consul.health.kinds import APART, DECLARED, KINDS
from meshwright.health import from_graph

if TYPE_CHECKING:
    from meshwright.engine.graph import Graph
    from meshwright.health.snapshot import Snapshot


def snapshot_of(graph: Graph) -> Snapshot:
    """The snapshot of a graph."""
    said = declared(graph)
    found = from_graph.snapshot_of(graph, KINDS | APART, phases(said))
    return replace(found, objects={**found.objects, **said})


def declared(graph: Graph) -> dict[str, tuple[Any, ...]]:
    """The arguments of our components, by their kind: namespaces, intentions, the certificate authority."""
    return {
        kind: tuple(
            {"kind": kind, "metadata": {"name": each.name}, **each.inputs}
            for each in graph.of_type(f"meshwright:index:{kind}")
        )
        for kind in DECLARED
    }
