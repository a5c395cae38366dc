"""The text of a commented stack file: each key with its docstring, and what is not used commented out.

The words are those of the JSON Schema, which takes them from the models' docstrings.
"""

from __future__ import annotations

import re
import textwrap
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from meshwright.config.clock import today
from meshwright.config.load import MESH
from meshwright.config.schema import stack_schema
from meshwright.engine.render.yaml_text import quoted, scalar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Schema: TypeAlias = "Mapping[str, Any]"

_WIDTH = 110
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_READ_AS_ANOTHER_TYPE = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})
_DEEPEST = 2
"""Levels of keys that are shown commented out below a key that is not used."""


def stack_text(mesh: Mapping[str, Any], *, schema: str = "schema.json") -> str:
    """The stack file of a mesh.

    Args:
        mesh: The object `meshwright:mesh`: plain values, as the loader takes them.
        schema: Where the JSON Schema is, from the file; for editors.
    """
    definitions = _definitions()
    model = next(each for each in definitions.values() if _kind(each) == mesh["kind"])
    writer = _Writer(definitions)
    lines = [
        f"# yaml-language-server: $schema={schema}",
        *_comment(f"{model['description']} Begun on {today()}.", ""),
        "# What is commented out is not needed, and stands there with its default, or with ... where it has none.",
        "config:",
        f"  {MESH}:",
        *writer.keys(model, mesh, "    ", blank_between=True),
        "",
        *_comment("Exceptions from rules, each with its reason and its end:", "  "),
        "  # meshwright:waivers:",
        "  #   - {rule: MW-ADO-007, resource: catalog, reason: ..., owner: ..., expires: YYYY-MM-DD}",
    ]
    return "\n".join(lines) + "\n"


@cache
def _definitions() -> Mapping[str, Any]:
    """The schema's definitions; they are the same for as long as the code is."""
    found: Mapping[str, Any] = stack_schema()["$defs"]
    return found


def _kind(definition: Schema) -> object:
    return definition.get("properties", {}).get("kind", {}).get("const")


class _Writer:
    """Writes the keys of models; knows the schema's definitions."""

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions

    def keys(
        self, model: Schema, values: Mapping[str, Any], indent: str, *, blank_between: bool = False
    ) -> Iterator[str]:
        """The keys of a model, those with a value and those without."""
        for number, (key, field) in enumerate(model["properties"].items()):
            if blank_between and number:
                yield ""
            yield from _comment(self._words(field), indent)
            if key in values:
                yield from self._used(key, field, values[key], indent)
            else:
                yield from (f"{indent}# {line}" for line in self._unused(key, field, 1))

    def _used(self, key: str, field: Schema, value: Any, indent: str) -> Iterator[str]:
        model = self._model(field)
        if isinstance(value, dict) and model:
            yield f"{indent}{key}:"
            yield from self.keys(model, value, indent + "  ")
        elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
            yield f"{indent}{key}:"
            yield from self._fields_of_items(field, indent + "  ")
            yield from (f"{indent}  - {_flow(item)}" for item in value)
        else:
            yield f"{indent}{key}: {_flow(value)}"

    def _unused(self, key: str, field: Schema, depth: int) -> Iterator[str]:
        """The lines of a key that is not used, without their `#`."""
        model = self._model(field)
        if not model:
            yield f"{key}: {_flow(_placeholder(self._resolved(field)))}"
        elif depth == _DEEPEST:
            yield (
                f"{key}: {{{', '.join(model['properties'])}: ...}}" if len(model["properties"]) == 1 else f"{key}: ..."
            )
        else:
            yield f"{key}:"
            for name, inner in model["properties"].items():
                yield from (f"  {line}" for line in _wrapped(f"# {self._words(inner)}", "# "))
                yield from (f"  {line}" for line in self._unused(name, inner, depth + 1))

    def _fields_of_items(self, field: Schema, indent: str) -> Iterator[str]:
        """What the items of a list may hold."""
        item = self._resolved(self._resolved(field).get("items", {}))
        for name, inner in item.get("properties", {}).items():
            yield from _comment(f"{name}: {self._words(inner)}", indent)

    def _words(self, field: Schema) -> str:
        """A field's docstring, and what it can be."""
        resolved = self._resolved(field)
        words = str(field.get("description") or resolved.get("description") or "")
        choices = resolved.get("enum") or resolved.get("items", {}).get("enum")
        return f"{words} One of: {', '.join(map(str, choices))}." if choices else words

    def _resolved(self, field: Schema) -> Schema:
        """A field's schema, without a reference or the null beside it."""
        options = [each for each in field.get("anyOf", ()) if each.get("type") != "null"]
        chosen = options[0] if options else field
        if reference := chosen.get("$ref"):
            chosen = self._definitions[reference.rpartition("/")[2]]
        return {**chosen, **({"default": field["default"]} if "default" in field else {})}

    def _model(self, field: Schema) -> Schema | None:
        resolved = self._resolved(field)
        return resolved if resolved.get("properties") else None


def _placeholder(field: Schema) -> Any:
    """A value to begin with: the default, else what is empty, else an ellipsis that the loader refuses."""
    if field.get("default") is not None:
        return field["default"]
    return {"array": [], "object": {}}.get(str(field.get("type")), "...")


def _comment(text: str, indent: str) -> Iterator[str]:
    return (indent + line for line in _wrapped(f"# {text}", "# ") if text)


def _wrapped(text: str, again: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH - 4, subsequent_indent=again, break_long_words=False, break_on_hyphens=False)


def _flow(value: Any) -> str:
    """A value on one line, that every YAML reader takes for what it is."""
    match value:
        case dict():
            return "{" + ", ".join(f"{_flow(key)}: {_flow(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_flow, value)) + "]"
        case str() if value == "..." or (_PLAIN.fullmatch(value) and value.lower() not in _READ_AS_ANOTHER_TYPE):
            return value
        case _:
            return quoted(value) if isinstance(value, str) else scalar(value)
