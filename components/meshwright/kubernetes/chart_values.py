"""Chart values: merged, and checked against a chart at hand.

Helm ignores a value that a chart doesn't know, so a misspelt one does nothing and says nothing. Where the chart is a
local folder we can look: a value must be in ``values.yaml``, in ``values.schema.json``, or be read by a template.
"""

import json
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import pulumi
import yaml

from meshwright.errors import Code, Problem

# Istio's charts keep their defaults under this key and lift them in a template (zzz_profile.yaml of every chart).
_WRAPPER = "_internal_defaults_do_not_set"
_READ = re.compile(r"\.Values((?:\.[A-Za-z_]\w*)+)")
_READ_BY_INDEX = re.compile(r'index \$?\.Values((?: "\w+")+)')
_READ_GLOBAL = re.compile(r"\(\$?\.Values\)((?:\.[A-Za-z_]\w*)+)|\(\$?\.Values\.global\)((?:\.[A-Za-z_]\w*)+)")


def merge(base: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with ``override`` laid over it, mapping by mapping, as Helm merges value files. Lists are replaced."""
    merged = dict(base)
    for key, value in override.items():
        below = merged.get(key)
        merged[key] = merge(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged


def value_problems(folder: Path, values: Mapping[str, Any], *, label: str) -> Iterator[Problem]:
    """The values that the chart in ``folder`` doesn't know (MW-E054), or that there is no chart (MW-E052)."""
    if not (folder / "Chart.yaml").is_file():
        yield Problem(
            Code.CHART_FOLDER, f"there is no chart in {folder}", "give the folder that holds the chart's folder", label
        )
        return
    chart = _KnownValues.of(folder)
    for path in chart.unknown_in(values):
        yield Problem(
            code=Code.CHART_VALUE,
            message=f"the chart {folder.name} doesn't know the value {'.'.join(path)}",
            remedy=_suggestion(path, chart.names_beside(path)),
            place=label,
        )


def _suggestion(path: tuple[str, ...], names: set[str]) -> str:
    near = get_close_matches(path[-1], sorted(names), n=1)
    return f"did you mean {'.'.join((*path[:-1], near[0]))}?" if near else "see its values.yaml"


class _KnownValues:
    """The values that one chart knows."""

    def __init__(
        self, defaults: Mapping[str, Any], schema: Mapping[str, Any], read: frozenset[tuple[str, ...]]
    ) -> None:
        self._defaults = defaults
        self._schema = schema
        self._read = read

    @staticmethod
    @cache
    def of(folder: Path) -> "_KnownValues":
        defaults = yaml.load(_text(folder / "values.yaml") or "{}", Loader=yaml.CSafeLoader) or {}
        defaults = merge(defaults, defaults.pop(_WRAPPER, {}))
        # Linkerd's; `linkerd check` reads what stands there alone, in the values that the chart copies.
        preset = yaml.load(_text(folder / "values-ha.yaml") or "{}", Loader=yaml.CSafeLoader) or {}
        defaults = merge(preset, defaults)
        schema = json.loads(_text(folder / "values.schema.json") or "{}")
        sources = "\n".join(_text(path) for path in sorted((folder / "templates").rglob("*")) if path.is_file())
        read = {tuple(match.strip(".").split(".")) for match in _READ.findall(sources)}
        read |= {tuple(re.findall(r"\w+", match)) for match in _READ_BY_INDEX.findall(sources)}
        for plain, under_global in _READ_GLOBAL.findall(sources):
            read.add(tuple(plain.strip(".").split(".")) if plain else ("global", *under_global.strip(".").split(".")))
        return _KnownValues(defaults, schema, frozenset(read))

    def unknown_in(self, values: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
        """The paths of ``values`` that nothing in the chart knows; a path below an unknown one is not repeated."""
        for key, value in values.items():
            here = (*path, key)
            known = self._status(here)
            if known == "unknown":
                yield here
            elif known == "open" and isinstance(value, Mapping) and not isinstance(value, pulumi.Output):
                yield from self.unknown_in(value, here)

    def names_beside(self, path: tuple[str, ...]) -> set[str]:
        """The names that the chart knows where the last part of ``path`` stands."""
        parent = _descend(self._defaults, path[:-1])
        beside = set(parent) if isinstance(parent, Mapping) else set()
        beside |= set(_schema_properties(self._schema, path[:-1]) or {})
        return beside | {
            read[len(path) - 1] for read in self._read if read[: len(path) - 1] == path[:-1] and len(read) >= len(path)
        }

    def _status(self, path: tuple[str, ...]) -> str:
        """``unknown``, ``free`` (anything may stand below) or ``open`` (what stands below must be known too)."""
        default = _descend(self._defaults, path)
        if default is not _ABSENT:
            # What a template reads as a whole, it may print as a whole: anything may stand below.
            closed = isinstance(default, Mapping) and default and path not in self._read
            return "open" if closed else "free"
        properties = _schema_properties(self._schema, path[:-1])
        if properties is not None and path[-1] in properties:
            return "free"
        if path in self._read:
            return "free"
        return "open" if any(read[: len(path)] == path for read in self._read) else "unknown"


_ABSENT = object()


def _descend(tree: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        if not isinstance(tree, Mapping) or key not in tree:
            return _ABSENT
        tree = tree[key]
    return tree


def _schema_properties(schema: Mapping[str, Any], path: tuple[str, ...]) -> Mapping[str, Any] | None:
    """The ``properties`` of a JSON Schema at a path, through ``$ref`` and ``$defs``; None where it has none."""
    node: Any = schema
    for key in (*path, None):
        while isinstance(node, Mapping) and "$ref" in node:
            node = _descend(schema, tuple(str(node["$ref"]).removeprefix("#/").split("/")))
        properties = node.get("properties") if isinstance(node, Mapping) else None
        if not isinstance(properties, Mapping):
            return None
        if key is None:
            return properties
        node = properties.get(key)
    return None


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""
