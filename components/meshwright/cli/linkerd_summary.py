"""Linkerd in a few lines: its releases, whom the proxies trust, and how far each namespace is. Read from the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshwright.cli.output import Line, columns, line, plural
from meshwright.cli.summary import NamespaceLine, day, how_long
from meshwright.cli.trees import branches
from meshwright.config.clock import today
from meshwright.guidance.rollout import next_step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.engine.graph import Graph, Resource

_MESH = "meshwright:index:Linkerd"
_PARTS = (_MESH, "meshwright:index:LinkerdCni", "meshwright:index:LinkerdViz", "meshwright:index:LinkerdMulticluster")
_NAMESPACE = "meshwright:index:LinkerdNamespace"
_ISSUER = "meshwright:index:IdentityIssuer"
_RELEASE = "kubernetes:helm.sh/v3:Release"


def is_mesh(graph: Graph) -> bool:
    """Whether there is a mesh to sum up."""
    return bool(graph.of_type(_MESH))


def title(graph: Graph) -> str:
    """`linkerd edge-26.8.3 on eks`."""
    mesh = graph.of_type(_MESH)[0]
    return f"linkerd {mesh.outputs.get('version') or mesh.inputs.get('version')} on {mesh.inputs.get('platform')}"


def lines(graph: Graph) -> Iterator[Line]:
    """Each mesh with its releases, below them its trust, and the namespaces."""
    for mesh in graph.of_type(_MESH):
        yield line((mesh.name, "bold"), "  Linkerd")
    parts = {part.urn for token in _PARTS for part in graph.of_type(token)}
    releases = [each for each in graph.of_type(_RELEASE) if each.parent in parts]
    rows = [(each.name, each.phase, _when(each)) for each in namespaces(graph)]
    trust = [_trust(issuer) for issuer in graph.of_type(_ISSUER)]
    yield from map(line, branches([_releases(releases), *trust, *(columns(rows) if rows else [])]))


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
    return next_step(namespaces(graph), today(), "linkerd")


def _releases(releases: list[Resource]) -> str:
    pinned = ["pinned"] if releases and all(each.inputs.get("version") for each in releases) else []
    return "   ".join([", ".join(map(_release, releases)), plural(len(releases), "release"), *pinned])


def _release(release: Resource) -> str:
    name = str(release.inputs.get("name") or release.name)
    values = release.inputs.get("values")
    replicas = values.get("controllerReplicas") if isinstance(values, dict) else None
    return f"{name} ×{replicas:g}" if isinstance(replicas, (int, float)) else name


def _trust(issuer: Resource) -> str:
    """`trust anchors 2025, 2026   2025 signs   both-trusted since 2026-11-20`."""
    trusts, rotation = issuer.inputs.get("trusts"), issuer.inputs.get("rotation")
    anchors = [str(each) for each in trusts] if isinstance(trusts, list) else []
    facts = [f"trust anchor{'s' if len(anchors) > 1 else ''} {', '.join(anchors)}"]
    if isinstance(rotation, dict):
        since = day(rotation.get("since"))
        facts.append(f"{issuer.inputs.get('signs')} signs")
        facts.append(f"{rotation.get('step')}{f' since {since}' if since else ''}")
    return "   ".join(facts)


def _when(namespace: NamespaceLine) -> str:
    return "" if namespace.phase == "unmeshed" else how_long(namespace, watched="audit")
