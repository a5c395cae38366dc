"""Every object in one place only, for tools that keep objects as they were written."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from meshwright.engine.render.repository import deep_merge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from meshwright.engine.graph import Value
    from meshwright.engine.render.items import Item
    from meshwright.engine.render.manifests import Manifest
    from meshwright.engine.render.units import Unit

_EARLY = "holds from the start what Pulumi adds only when the things before that are ready"


def one_owner(units: Iterable[Unit], *, before_the_last: bool) -> tuple[tuple[Unit, ...], frozenset[str]]:
    """The units, with every object in one place: a tool that applied two parts of one would undo each with the other.

    Patches of one object are merged into its last patch. Where the object itself is rendered too, either it takes in
    its patches where it stands, or (`before_the_last`) it stays as it is, and its last patch becomes the whole object.

    Returns:
        The units that are left, and the URNs of objects whose patches come later: they are only to be created.
    """
    units = tuple(units)
    found: dict[tuple[str, str, str, str], list[Item]] = {}
    for unit in units:
        for item in unit.items:
            if item.manifest:
                found.setdefault(_identity(item.manifest), []).append(item)
    changed: dict[str, Item | None] = {}
    created = set[str]()
    for items in found.values():
        if len(items) == 1 or not any(item.manifest.is_patch for item in items if item.manifest):
            continue
        body: dict[str, Value] = {}
        for item in items:
            body = deep_merge(body, item.manifest.body if item.manifest else {})
        whole = next((item for item in items if item.manifest and not item.manifest.is_patch), None)
        keeper = items[-1] if before_the_last or whole is None else whole
        changed |= {item.resource.urn: None for item in items}
        early = (_EARLY,) if keeper is whole else ()
        changed[keeper.resource.urn] = _with_body(keeper, body, early)
        if whole and keeper is not whole:
            changed[whole.resource.urn] = whole
            created.add(whole.resource.urn)
    return tuple(_kept(units, changed)), frozenset(created)


def _with_body(keeper: Item, body: Mapping[str, Value], remarks: tuple[str, ...]) -> Item:
    assert keeper.manifest  # noqa: S101  only items with one are asked for
    manifest = replace(keeper.manifest, body=body, remarks=(*keeper.manifest.remarks, *remarks))
    return replace(keeper, manifest=manifest)


def _identity(manifest: Manifest) -> tuple[str, str, str, str]:
    group, _, _ = manifest.body["apiVersion"].rpartition("/")
    metadata = manifest.body["metadata"]
    return group, manifest.body["kind"], metadata.get("namespace") or "", metadata["name"]


def _kept(units: Iterable[Unit], changed: Mapping[str, Item | None]) -> Iterator[Unit]:
    """The units without the items that are gone; what waited for a unit that is gone waits for what that waited for."""
    gone: dict[str, tuple[str, ...]] = {}
    for unit in units:
        items = tuple(
            item for item in (changed.get(each.resource.urn, each) for each in unit.items) if item is not None
        )
        needs = {name for need in unit.needs for name in gone.get(need, (need,))}
        if items:
            yield replace(unit, items=items, needs=tuple(sorted(needs)))
        else:
            gone[unit.name] = tuple(sorted(needs))
