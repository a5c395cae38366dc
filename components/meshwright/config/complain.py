"""Turns what pydantic found into our words: what is wrong, where, what would be right."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from meshwright.config import base
from meshwright.config.base import Mistake
from meshwright.config.document import KeyPath
from meshwright.config.stack import KINDS, StackConfig
from meshwright.errors import Code

_SECRETIVE = re.compile(r"pass|secret|token|credential|private|pem|key|values", re.IGNORECASE)
_LONGEST_SHOWN = 60

_WANTED: Mapping[str, str] = {
    "string_type": "text",
    "string_unicode": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "date_type": "a date as YYYY-MM-DD",
    "model_attributes_type": "a mapping",
}
"""Pydantic's type errors -> what to write."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """One mistake at one key path of the config."""

    code: Code
    message: str
    remedy: str
    path: KeyPath
    """From `mesh` or `waivers`; of an unknown key the key itself."""


def complain(error: ErrorDetails, mesh_kind: object, written: Callable[[KeyPath], str]) -> Iterator[Complaint]:
    """Say what one pydantic error means.

    Args:
        error: The error, from the validation of `StackConfig`.
        mesh_kind: The value of `mesh.kind`.
        written: Gives the scalar at a key path as it stands in the file; empty where that isn't known.
    """
    path = _key_path(error["loc"])
    match error["type"]:
        case base.MISTAKE:
            yield from (from_mistake(mistake, path) for mistake in error["ctx"]["mistakes"])
        case "extra_forbidden":
            yield _unknown_key(path, mesh_kind)
        case "missing":
            yield _missing(path, mesh_kind)
        case "union_tag_not_found":
            yield Complaint(Code.MISSING_KEY, f"{spell(path)}.kind is missing", f"one of: {', '.join(KINDS)}", path)
        case "union_tag_invalid":
            yield _unknown_value((*path, "kind"), error["ctx"]["tag"], list(KINDS))
        case "literal_error":
            yield _unknown_value(path, error["input"], re.findall(r"'([^']*)'", error["ctx"]["expected"]))
        case kind if kind in _WANTED:
            yield _wrong_type(path, error["input"], _WANTED[kind], written(path))
        case _:
            yield _out_of_bounds(path, error)


def from_mistake(mistake: Mistake, path: KeyPath) -> Complaint:
    """Put the key path before what one of our own checks says."""
    full = (*path, *mistake.at)
    gap = "" if mistake.message.startswith(":") else " "
    return Complaint(mistake.code, f"{spell(full)}{gap}{mistake.message}", mistake.remedy, full)


def spell(path: KeyPath) -> str:
    """A key path as people write it: mesh.namespaces[2].phase."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".")


def show(value: object, path: KeyPath = ()) -> str:
    """A value in a message: text in quotes if it is short and its key does not sound like a secret."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = str(value)
    if len(text) > _LONGEST_SHOWN or any(_SECRETIVE.search(str(key)) for key in path):
        return f"text of {len(text)} characters" if isinstance(value, str) else "a number"
    return json.dumps(text, ensure_ascii=False) if isinstance(value, str) else text


def choose(value: object, allowed: list[str]) -> str:
    """The remedy for a word that is not among the allowed ones."""
    word = str(value)[:_LONGEST_SHOWN]
    near = get_close_matches(word, allowed, n=1) or [each for each in allowed if word and each.startswith(word)]
    hint = f". Did you mean {near[0]}?" if near else ""
    return f"one of: {', '.join(allowed)}{hint}"


def _key_path(loc: tuple[int | str, ...]) -> KeyPath:
    """Pydantic names the union's member after `mesh`, and says `[key]` after a mapping's key; people don't."""
    path = (loc[0], *loc[2:]) if loc[0] == "mesh" and len(loc) > 1 else loc
    return path[:-1] if path[-1:] == ("[key]",) else path


def _unknown_value(path: KeyPath, value: object, allowed: list[str]) -> Complaint:
    return Complaint(Code.UNKNOWN_VALUE, f"{spell(path)} is {show(value, path)}", choose(value, allowed), path)


def _unknown_key(path: KeyPath, mesh_kind: object) -> Complaint:
    *parent, key = path
    known = sorted(_fields(_model_at(tuple(parent), mesh_kind)))
    near = get_close_matches(str(key), known, n=1)
    remedy = f"did you mean {near[0]}?" if near else f"its keys are: {', '.join(known)}"
    return Complaint(Code.UNKNOWN_KEY, f'{spell(tuple(parent))} has no key "{str(key)[:_LONGEST_SHOWN]}"', remedy, path)


def _missing(path: KeyPath, mesh_kind: object) -> Complaint:
    *parent, key = path
    field = _fields(_model_at(tuple(parent), mesh_kind))[str(key)]
    example = re.sub(r'"(\w+)":', r"\1:", json.dumps(field.examples[0], ensure_ascii=False))
    return Complaint(Code.MISSING_KEY, f"{spell(path)} is missing", f"add it, for example {key}: {example}", path)


def _wrong_type(path: KeyPath, value: object, wanted: str, written: str) -> Complaint:
    name = spell(path)
    if value is None:
        return Complaint(Code.WRONG_TYPE, f"{name} is empty", f"write {wanted}", path)
    if wanted == "text" and isinstance(value, bool):
        word = written or show(value)
        return Complaint(Code.UNQUOTED, f"{name} is the boolean {show(value)}", f'quote it: "{word}"', path)
    if wanted == "text" and isinstance(value, int | float):
        return _unquoted_number(path, value, written)
    scalar = wanted in (_WANTED["int_type"], _WANTED["float_type"], _WANTED["bool_type"])
    quotes = ", without quotes" if isinstance(value, str) and scalar else ""
    return Complaint(Code.WRONG_TYPE, f"{name} is {show(value, path)}", f"write {wanted}{quotes}", path)


def _unquoted_number(path: KeyPath, value: float, written: str) -> Complaint:
    name, arrived = spell(path), show(value)
    if not written:
        remedy = "quote it in the stack file: unquoted, 1.30 arrives as 1.3"
        return Complaint(Code.UNQUOTED, f"{name} is the number {arrived}", remedy, path)
    changed = f", which arrives as {arrived}" if written != arrived else ""
    return Complaint(Code.UNQUOTED, f"{name} is the number {written}{changed}", f'quote it: "{written}"', path)


def _out_of_bounds(path: KeyPath, error: ErrorDetails) -> Complaint:
    name, value, limits = spell(path), error["input"], error.get("ctx", {})
    match error["type"]:
        case "greater_than_equal":
            what, remedy = f"is {show(value)}", f"it is at least {limits['ge']}"
        case "less_than_equal":
            what, remedy = f"is {show(value)}", f"it is at most {limits['le']}"
        case "too_long":
            what, remedy = f"has {limits['actual_length']} entries", f"it has at most {limits['max_length']}"
        case "string_too_short" | "too_short":
            what, remedy = "is empty", "fill it"
        case _:
            what, remedy = f"is {show(value, path)}, which does not belong here", "see `meshwright schema`"
    return Complaint(Code.BAD_VALUE, f"{name} {what}", remedy, path)


def _model_at(path: KeyPath, mesh_kind: object) -> type[BaseModel]:
    """The model that describes the mapping at a key path."""
    model: type[BaseModel] = StackConfig
    for key in path:
        if key == "mesh" and model is StackConfig:
            model = KINDS[str(mesh_kind)]
        elif isinstance(key, str):
            model = _model_in(_fields(model)[key].annotation) or model
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model in an annotation such as tuple[Waypoint, ...] or Waypoint | None, if there is one."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for argument in get_args(annotation) if (model := _model_in(argument))), None)


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field for name, field in model.model_fields.items()}
