"""Resources as a tree: the whole of it, or its first level with counts."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from meshwright.cli.output import Line, columns, line, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from meshwright.engine.graph import Graph, Resource


def branches(texts: Sequence[str]) -> Iterator[str]:
    """The lines of one level of a tree."""
    for number, text in enumerate(texts, start=1):
        yield f"{'└─' if number == len(texts) else '├─'} {text}"


def overview(graph: Graph) -> Iterator[Line]:
    """The first level below the stack: each component with the number of resources in it, others by type."""
    below = _children(graph)
    top = below[graph.resources[0].urn]
    components = [resource for resource in top if below[resource.urn] or not resource.custom]
    rows = [
        (
            resource.name,
            _short(resource.type),
            plural(_size(resource, below), "resource") if below[resource.urn] else "",
        )
        for resource in components
    ]
    alone = Counter(resource.type for resource in top if resource not in components)
    rows += [(f"{number} ×" if number > 1 else "", _short(token), token) for token, number in sorted(alone.items())]
    yield line((graph.resources[0].name, "bold"))
    yield from map(line, branches(columns(rows) if rows else ["no resources"]))


def whole(graph: Graph) -> Iterator[Line]:
    """Every resource, below its parent, in the order of registration."""
    below = _children(graph)
    root = graph.resources[0]
    yield line((root.name, "bold"))
    # A stack of our own, since programs nest deeper than Python does.
    waiting = [(resource, "", resource is below[root.urn][-1]) for resource in reversed(below[root.urn])]
    while waiting:
        resource, indent, is_last = waiting.pop()
        yield line(indent, "└─ " if is_last else "├─ ", resource.name, (f"  {resource.type}", "dim"))
        inner = indent + ("   " if is_last else "│  ")
        children = below[resource.urn]
        waiting += [(child, inner, child is children[-1]) for child in reversed(children)]


def _children(graph: Graph) -> Mapping[str, list[Resource]]:
    below: dict[str, list[Resource]] = defaultdict(list)
    for resource in graph.resources[1:]:
        below[resource.parent].append(resource)
    return below


def _size(resource: Resource, below: Mapping[str, list[Resource]]) -> int:
    found, waiting = 0, [resource]
    while waiting:
        children = below[waiting.pop().urn]
        found += len(children)
        waiting += children
    return found


def _short(token: str) -> str:
    return token.rpartition(":")[2]
