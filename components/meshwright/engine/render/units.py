"""Rendered resources in the units that a GitOps tool installs one by one, and what each of them waits for.

A unit is a Helm release, a bundle, or the objects of one kind in one component. Its name is made from these, and not
from its place in the order: a name that changed with the order would let the tool delete and make again what only
moved.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshwright.engine.render.clusters import by_cluster, unique
from meshwright.engine.render.manifests import file_stem
from meshwright.engine.render.waves import ancestors, needs, waves

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from meshwright.engine.graph import Graph, Resource
    from meshwright.engine.render.items import Item

_LONGEST = 40
"""Characters of a unit's name: with the stack's before it, it still is a name of a Helm release (53) or label (63)."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What is installed in one go."""

    name: str
    """Unique among the units of one cluster; a DNS label."""
    wave: int
    items: tuple[Item, ...]
    needs: tuple[str, ...]
    """Names of the units that it waits for: those alone that no other of them waits for."""

    @property
    def release(self) -> Item | None:
        """The Helm release, if that is what the unit is."""
        return self.items[0] if self.items[0].chart else None

    @property
    def bundle(self) -> Item | None:
        """The bundle, if that is what the unit is."""
        return self.items[0] if self.items[0].bundle else None


def units(graph: Graph, items: Mapping[str, Item]) -> list[tuple[str, tuple[Unit, ...]]]:
    """The units of each cluster in their order, with the cluster's name (empty where there is but one)."""
    order = waves(graph, items.keys())
    waits = requirements(graph, items.keys())
    parents = {resource.urn: resource for resource in graph}
    return [
        (name, tuple(_units([items[each.urn] for each in members], parents, order, waits)))
        for name, members in by_cluster(graph, [item.resource for item in items.values()])
    ]


def _units(
    items: Sequence[Item],
    resources: Mapping[str, Resource],
    order: Mapping[str, int],
    waits: Mapping[str, int],
) -> Iterator[Unit]:
    grouped: dict[tuple[int, str, str], list[Item]] = defaultdict(list)
    for item in items:
        key = (order[item.resource.urn], _name(item, resources), item.resource.type)
        grouped[key].append(item)
    taken: set[str] = set()
    named = {key: unique(key[1], taken) for key in sorted(grouped)}
    bits = {urn: 1 << index for index, urn in enumerate(waits)}
    earlier: list[tuple[str, int, int]] = []  # name, the bits of its items, and the units behind it as bits
    for key, members in sorted(grouped.items()):
        wanted = sum_of(waits[item.resource.urn] for item in members)
        direct, behind = [], 0
        for number in range(len(earlier) - 1, -1, -1):
            name, own, further = earlier[number]
            if own & wanted and not behind >> number & 1:
                direct.append(name)
                behind |= 1 << number | further
        yield Unit(named[key], key[0], tuple(members), tuple(sorted(direct)))
        earlier.append((named[key], sum_of(bits[item.resource.urn] for item in members), behind))


def _name(item: Item, resources: Mapping[str, Resource]) -> str:
    resource = item.resource
    if item.manifest is None:
        return label(resource.name)
    parent = resources.get(resource.parent)
    body = item.manifest.body
    around = parent.name if parent and parent.parent else body["metadata"].get("namespace") or "cluster"
    return label(f"{around}-{body['kind']}{'-patch' if item.manifest.is_patch else ''}")


def label(text: str, longest: int = _LONGEST) -> str:
    """Text as a DNS label; where that loses something of it, it ends in a hash."""
    stem = file_stem(text).replace(".", "-") or "unnamed"
    if len(stem) <= longest:
        return stem
    return f"{stem[: longest - 7].rstrip('-')}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"


def requirements(graph: Graph, rendered: Iterable[str]) -> Mapping[str, int]:
    """All that each URN in `rendered` waits for, at first or second hand, as a set of bits.

    The bits are numbered by the order of the result's keys. What counts as waiting is said at `waves`.
    """
    wanted = frozenset(rendered)
    contents: dict[str, int] = defaultdict(int)  # by URN: what is in a resource, or what it waits for
    inherited: dict[str, int] = defaultdict(int)
    bits: dict[str, int] = {}
    result: dict[str, int] = {}
    above = ancestors(graph)
    for resource in graph:
        around = above[resource.urn]
        waits = inherited[resource.parent] | sum_of(contents[urn] for urn in needs(resource).difference(around))
        waits |= bits.get(resource.parent, 0)
        inherited[resource.urn] = own = waits
        if resource.urn in wanted:
            bits[resource.urn] = 1 << len(result)
            own |= bits[resource.urn]
            result[resource.urn] = waits
        for urn in (resource.urn, *around):
            contents[urn] |= own
    return result


def sum_of(sets: Iterable[int]) -> int:
    """The union of sets of bits."""
    union = 0
    for each in sets:
        union |= each
    return union
