"""Consul in a few lines: its release, which root signs, and how far each namespace is. Read from the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshwright.cli.output import Line, columns, line
from meshwright.cli.summary import NamespaceLine, day, how_long
from meshwright.cli.trees import branches
from meshwright.config.clock import today
from meshwright.guidance.rollout import next_step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.engine.graph import Graph, Resource, Value

_MESH = "meshwright:index:Consul"
_NAMESPACE = "meshwright:index:ConsulNamespace"
_VAULT = "meshwright:index:VaultCertificateAuthority"
_LIVE = "meshwright:index:ConnectCertificateAuthority"
_RELEASE = "kubernetes:helm.sh/v3:Release"


def is_mesh(graph: Graph) -> bool:
    """Whether there is a mesh to sum up."""
    return bool(graph.of_type(_MESH))


def title(graph: Graph) -> str:
    """`consul 2.0.3 on eks`."""
    mesh = graph.of_type(_MESH)[0]
    return f"consul {mesh.outputs.get('version') or mesh.inputs.get('version')} on {mesh.inputs.get('platform')}"


def lines(graph: Graph) -> Iterator[Line]:
    """Each mesh with its release, below it the root, and the namespaces."""
    for mesh in graph.of_type(_MESH):
        yield line((mesh.name, "bold"), "  Consul")
    rows = [(each.name, each.phase, _when(each)) for each in namespaces(graph)]
    made = [_release(mesh, graph) for mesh in graph.of_type(_MESH)]
    yield from map(line, branches([*made, _root(graph), *(columns(rows) if rows else [])]))


def namespaces(graph: Graph) -> list[NamespaceLine]:
    """The namespaces of the mesh, in the program's order."""
    return [
        NamespaceLine(
            str(each.inputs.get("namespace")), str(each.inputs.get("phase")), day(each.inputs.get("since")), waypoint=""
        )
        for each in graph.of_type(_NAMESPACE)
    ]


def what_next(graph: Graph) -> str:
    """The next step of the rollout, as one sentence."""
    return next_step(namespaces(graph), today(), "consul")


def _release(mesh: Resource, graph: Graph) -> str:
    """`consul   servers ×3, injectors ×3   pinned`."""
    below = [each for each in graph.of_type(_RELEASE) if each.parent == mesh.urn]
    names = ", ".join(str(each.inputs.get("name") or each.name) for each in below)
    told = ((part, mesh.inputs.get(part)) for part in ("servers", "injectors"))
    replicas = [f"{part} ×{count:g}" for part, count in told if isinstance(count, (int, float))]
    pinned = "pinned" if below and all(each.inputs.get("version") for each in below) else ""
    return "   ".join(filter(None, [names, ", ".join(replicas), pinned]))


def _root(graph: Graph) -> str:
    """`root dc1/connect_root in Vault   cross-signing since 2026-11-20   next dc1/connect_root_2027 in Vault`."""
    for live in graph.of_type(_LIVE):
        rotation = live.inputs.get("rotation")
        facts = [f"root {_place(live.inputs.get('root'))}"]
        if isinstance(rotation, dict):
            since = day(rotation.get("since"))
            facts.append(f"{rotation.get('step')}{f' since {since}' if since else ''}")
            facts.append(f"next {_place(live.inputs.get('next'))}")
        return "   ".join(facts)
    for vault in graph.of_type(_VAULT):
        connect = vault.inputs.get("connect")
        roots = connect.get("roots") if isinstance(connect, dict) else None
        if isinstance(roots, list) and roots:
            return f"root {_place(roots[0])}   at Consul's first start; what is live is left alone"
    return "root of Consul's own"


def _place(root: Value) -> str:
    path = root.get("path") if isinstance(root, dict) else None
    return f"{path} in Vault" if path else "of Consul's own"


def _when(namespace: NamespaceLine) -> str:
    return "" if namespace.phase == "unmeshed" else how_long(namespace, watched="permissive")
