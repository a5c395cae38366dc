"""Plain values to YAML text: one form for one value, byte for byte, whatever reads it.

PyYAML's own writer is not used, because it follows YAML 1.1 alone. Kubernetes tools read with Go libraries that mix 1.1
and 1.2, so a string stays unquoted only where every reader sees a string. Lists and maps are written as blocks, without
anchors; text of several lines becomes a literal block where that keeps it exactly.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from meshwright.engine.graph import Value

_PLAIN = re.compile(r"[A-Za-z/_][A-Za-z0-9_./@+,()-]*(?:[ :=][A-Za-z0-9_./@+,()=-]+)*", re.ASCII)
"""Text that starts with a letter, a slash or an underscore, and holds no character that YAML gives a meaning."""

_READ_AS_ANOTHER_TYPE = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})
"""Words that YAML 1.1 or 1.2, or a common reader of either, takes for a boolean, null or number; in lower case."""

_TO_ESCAPE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_NO_LITERAL = re.compile("[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")

_FIRST = ("apiVersion", "kind", "metadata", "spec")


def document(value: Mapping[str, Value]) -> bytes:
    """One YAML document in UTF-8, with `apiVersion`, `kind`, `metadata` and `spec` first and all other keys sorted."""
    first = [key for key in _FIRST if key in value]
    keys = first + sorted(key for key in value if key not in _FIRST)
    lines = [line for key in keys for line in _entry(key, value[key], "")]
    return ("\n".join(lines or ["{}"]) + "\n").encode()


def _entry(key: str, value: Value, indent: str) -> Iterator[str]:
    head = f"{indent}{scalar(key)}:"
    match value:
        case dict() if value:
            yield head
            yield from _mapping(value, indent + "  ")
        case list() | tuple() if value:
            yield head
            yield from _sequence(value, indent)
        case str() if _is_literal(value):
            yield from _literal(head, value, indent + "  ")
        case _:
            yield f"{head} {scalar(value)}"


def _mapping(value: Mapping[str, Value], indent: str) -> Iterator[str]:
    for key in sorted(value):
        yield from _entry(key, value[key], indent)


def _sequence(value: Sequence[Value], indent: str) -> Iterator[str]:
    inner = indent + "  "
    for item in value:
        match item:
            case dict() if item:
                first, *rest = _mapping(item, inner)
            case list() | tuple() if item:
                first, *rest = _sequence(item, inner)
            case str() if _is_literal(item):
                first, *rest = _literal(inner[:-1], item, inner)
            case _:
                first, rest = inner + scalar(item), []
        yield f"{indent}- {first[len(inner) :]}"
        yield from rest


def scalar(value: Value) -> str:
    """A value on one line: a string, number, boolean, null, or an empty list or map."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return _number(value)
        case str():
            return value if _is_plain(value) else quoted(value)
        case _:
            return "{}" if isinstance(value, dict) else "[]"


def _number(value: float) -> str:
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    text = repr(value)
    mantissa, exponent, power = text.partition("e")
    return text if "." in mantissa else f"{mantissa}.0{exponent}{power}"


def _is_plain(text: str) -> bool:
    return bool(_PLAIN.fullmatch(text)) and text.lower() not in _READ_AS_ANOTHER_TYPE


def quoted(text: str) -> str:
    """Text in double quotes, on one line."""
    return _TO_ESCAPE.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))


def _is_literal(text: str) -> bool:
    """Whether a literal block keeps the text: several lines, none of them blank-ended, the first not indented."""
    if "\n" not in text or _NO_LITERAL.search(text) or text.endswith("\n\n"):
        return False
    lines = text.removesuffix("\n").split("\n")
    return bool(lines[0]) and lines[0][0] not in " \t" and not any(line.endswith((" ", "\t")) for line in lines)


def _literal(head: str, text: str, indent: str) -> Iterator[str]:
    yield f"{head} |" if text.endswith("\n") else f"{head} |-"
    for line in text.removesuffix("\n").split("\n"):
        yield indent + line if line else ""
