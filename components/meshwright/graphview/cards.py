"""What is drawn of a graph: a card for each component below the stack, with a row for each resource in it.

Inputs are never part of it, but for the phase of a component that has one: they may hold what nobody should see.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from meshwright.engine.render.waves import ancestors, needs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from meshwright.engine.graph import Graph, Resource

_MOST_ROWS = 24
"""Rows of a card before resources of one type are counted instead."""


class Mark(StrEnum):
    """What policy says of a resource, worst first; nothing is no finding."""

    STOPS = "stops"
    WARNS = "warns"
    OPEN = "open"
    WAIVED = "waived"
    NONE = ""


SIGNS = {Mark.STOPS: "✗", Mark.WARNS: "!", Mark.OPEN: "?", Mark.WAIVED: "~", Mark.NONE: ""}
WORDS = {
    Mark.STOPS: "stops the change",
    Mark.WARNS: "should be mended",
    Mark.OPEN: "undecided",
    Mark.WAIVED: "waived",
    Mark.NONE: "",
}
_ORDER = list(Mark)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule said of a resource."""

    urn: str
    mark: Mark
    rule: str
    message: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One resource in a card, or several of one type."""

    key: str
    """Its URN; for several their type."""
    name: str
    kind: str
    depth: int = 0
    """Components between the card's own and this one."""
    mark: Mark = Mark.NONE
    needs: tuple[int, ...] = ()
    """Rows of the same card that come first, by number: those alone that no other of them waits for."""


@dataclass(frozen=True, slots=True)
class Card:
    """A component below the stack; or all that is below the stack by itself."""

    key: str
    name: str
    kind: str
    phase: str
    mark: Mark
    """The worst of what policy says of it and of all in it."""
    rows: tuple[Row, ...]
    needs: tuple[int, ...] = ()
    """Cards that come first, by number: those alone that no other of them waits for."""
    backward: tuple[int, ...] = ()
    """Cards registered later in which something comes first: an edge against the order."""


@dataclass(frozen=True, slots=True)
class View:
    """All that a picture shows."""

    project: str
    stack: str
    as_of: str
    cards: tuple[Card, ...]
    findings: tuple[Finding, ...]
    resources: int
    counts: Mapping[str, int] = field(default_factory=dict)
    """Rules by verdict."""
    waits: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """URN -> URNs that it names as coming first."""


def view(graph: Graph, findings: Sequence[Finding], as_of: str, counts: Mapping[str, int]) -> View:
    """What is drawn of a graph, given what policy said of it on a day."""
    above = ancestors(graph)
    tops: dict[str, list[Resource]] = {}
    card_of: dict[str, int] = {}
    root = graph.resources[0].urn
    parents = {resource.parent for resource in graph}
    for resource in graph.resources[1:]:
        around = above[resource.urn]
        top = around[-1] if around else root if resource.custom and resource.urn not in parents else resource.urn
        tops.setdefault(top, []).append(resource)
    for number, members in enumerate(tops.values()):
        card_of |= {resource.urn: number for resource in members}
    marks = _marks(findings)
    waits = {resource.urn: tuple(sorted(_named(resource, card_of))) for resource in graph.resources[1:]}
    edges: dict[int, set[int]] = defaultdict(set)
    for urn, named in waits.items():
        edges[card_of[urn]] |= {card_of[other] for other in named} - {card_of[urn]}
    reduced = _reduced({number: {other for other in edges[number] if other < number} for number in range(len(tops))})
    by_urn = {resource.urn: resource for resource in graph}
    cards = tuple(
        replace(
            _card(by_urn[top], members, marks, waits, above, is_root=top == root),
            needs=reduced[number],
            backward=tuple(sorted(other for other in edges[number] if other > number)),
        )
        for number, (top, members) in enumerate(tops.items())
    )
    shown = sorted(findings, key=lambda each: (_ORDER.index(each.mark), each.rule, each.urn))
    return View(graph.project, graph.stack, as_of, cards, tuple(shown), len(graph.resources), dict(counts), waits)


def _named(resource: Resource, card_of: Mapping[str, int]) -> set[str]:
    """What a resource names as coming first; its provider is left out, since all share it."""
    return {urn for urn in needs(resource) - {resource.provider, resource.parent} if urn in card_of}


def _marks(findings: Iterable[Finding]) -> Mapping[str, Mark]:
    found: dict[str, Mark] = {}
    for finding in findings:
        found[finding.urn] = min(found.get(finding.urn, Mark.NONE), finding.mark, key=_ORDER.index)
    return found


def _card(
    top: Resource,
    members: Sequence[Resource],
    marks: Mapping[str, Mark],
    waits: Mapping[str, tuple[str, ...]],
    above: Mapping[str, tuple[str, ...]],
    *,
    is_root: bool,
) -> Card:
    inside = [resource for resource in members if resource is not top]
    rows = _rows(inside, marks, waits, {each.urn: len(above[each.urn]) - (not is_root) for each in inside})
    worst = min([marks.get(each.urn, Mark.NONE) for each in (top, *members)], key=_ORDER.index)
    phase = top.inputs.get("phase")
    return Card(
        key=top.urn,
        name=top.name,
        kind=short(top.type),
        phase=phase if isinstance(phase, str) else "",
        mark=worst,
        rows=rows,
    )


def _rows(
    inside: Sequence[Resource],
    marks: Mapping[str, Mark],
    waits: Mapping[str, tuple[str, ...]],
    depths: Mapping[str, int],
) -> tuple[Row, ...]:
    if len(inside) > _MOST_ROWS:
        return _counted(inside, marks)
    at = {resource.urn: number for number, resource in enumerate(inside)}
    reduced = _reduced(
        {at[each.urn]: {at[urn] for urn in waits[each.urn] if at.get(urn, len(at)) < at[each.urn]} for each in inside}
    )
    return tuple(
        Row(
            each.urn,
            each.name,
            short(each.type),
            depths[each.urn],
            marks.get(each.urn, Mark.NONE),
            reduced[number],
        )
        for number, each in enumerate(inside)
    )


def _counted(inside: Sequence[Resource], marks: Mapping[str, Mark]) -> tuple[Row, ...]:
    """Each marked resource by itself, and the others by type."""
    marked = [resource for resource in inside if marks.get(resource.urn)][:_MOST_ROWS]
    shown = {resource.urn for resource in marked}
    others = Counter(resource.type for resource in inside if resource.urn not in shown)
    return (
        *(Row(each.urn, each.name, short(each.type), mark=marks[each.urn]) for each in marked),
        *(Row(token, f"{number} ×", short(token)) for token, number in sorted(others.items())),
    )


def _reduced(edges: Mapping[int, set[int]]) -> Mapping[int, tuple[int, ...]]:
    """The edges without those that a longer way makes needless; every edge leads to a smaller number."""
    behind: dict[int, int] = {}
    result: dict[int, tuple[int, ...]] = {}
    for number in sorted(edges):
        kept, covered = [], 0
        for other in sorted(edges[number], reverse=True):
            if not covered >> other & 1:
                kept.append(other)
            covered |= 1 << other | behind[other]
        behind[number], result[number] = covered, tuple(sorted(kept))
    return result


def short(token: str) -> str:
    """A type without its package: `Release`."""
    return token.rpartition(":")[2]
