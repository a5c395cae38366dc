"""YAML and JSON as Pulumi's Go code reads and writes them.

A stack file means what Pulumi makes of it, and Go's YAML is not PyYAML's: ``yes`` is a string, ``1_000`` and ``017``
are numbers, a date is a time. Sources: gopkg.in/yaml.v3 resolve.go and decode.go, and encoding/json; the cases in
tests/unit/engine/test_goyaml.py were taken from the real CLI.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import yaml

from meshwright import scalars
from meshwright.errors import Code, ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LARGEST_FILE: Final = 1_000_000  # bytes; Pulumi has no limit, but a stack file of this size is a mistake
_MOST_VALUES: Final = 100_000  # after aliases are followed
_PLAIN: Final = "tag:meshwright:plain"
_TIME: Final = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})(?:(?:[Tt](\d{1,2}):(\d{1,2}):(\d{1,2})(\.\d+)?(Z|[-+]\d\d:\d\d))"
    r"|(?: (\d{1,2}):(\d{1,2}):(\d{1,2})(\.\d+)?))?"
)


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML file: its content, and the lines of the keys of its first two levels."""

    content: Any
    lines: Mapping[tuple[str, ...], int] = field(default_factory=dict)


def load(path: Path, code: Code, loader_class: type[Loader] | None = None) -> Document:
    """Reads a YAML file. Raises `ConfigError` with the code for a file that can't be read, or isn't YAML."""
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE + 1)
        if len(data) > _LARGEST_FILE:
            raise _error(code, f"{path}", "is larger than 1 MB", "keep large data in files of its own")
        loader = (loader_class or Loader)(data.decode("utf-8-sig"))
        node = loader.get_single_node()
        content = _bounded(loader.construct_document(node), [_MOST_VALUES]) if node else None
    except OSError as error:
        raise _error(code, f"{path}", f"can't be read ({error.strerror})", "check the path") from None
    except UnicodeDecodeError:
        raise _error(code, f"{path}", "isn't UTF-8", "save it as UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or str(error)
        place = f"{path}:{mark.line + 1}" if mark else f"{path}"
        raise _error(code, place, f"isn't YAML that Pulumi reads: {what}", "correct it") from None
    except (OverflowError, RecursionError):
        remedy = "write the values out, or remove aliases"
        raise _error(code, f"{path}", "has too many values once its aliases are followed", remedy) from None
    return Document(content, _lines(node))


def text(value: Any) -> str:
    """A value as the string that a program gets from its config: strings as they are, everything else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else to_json(value)


def to_json(value: Any) -> str:
    """JSON as Go's ``encoding/json`` writes it: sorted keys, no spaces, ``<>&`` escaped, numbers as in JavaScript."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{to_json(key)}:{to_json(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(to_json, value)) + "]"
    if isinstance(value, float):
        return _number(value)
    written = json.dumps(value, ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        written = written.replace(character, f"\\u{ord(character):04x}")
    return written


def _number(value: float) -> str:
    if value == 0:
        return "0"
    if 1e-6 <= abs(value) < 1e21:
        digits = format(Decimal(repr(value)), "f")
        return digits.rstrip("0").rstrip(".") if "." in digits else digits
    mantissa, _, exponent = repr(value).partition("e")
    return f"{mantissa}e{int(exponent):+d}"


def resolve(plain: str) -> Any:
    """What a plain (unquoted) scalar means."""
    return scalars.resolve(plain) if (time := _time(plain)) is None else time


def _time(plain: str) -> str | None:
    """A time as Pulumi passes it on: ``2026-10-12 00:00:00 +0000 UTC``."""
    match = _TIME.fullmatch(plain)
    if match is None:
        return None
    year, month, day, *clock = match.groups()
    hour, minute, second, fraction = (clock[:4] if clock[0] else clock[5:]) if any(clock) else ("0", "0", "0", None)
    zone = clock[4] or "Z"
    try:
        offset = timedelta() if zone == "Z" else timedelta(hours=int(zone[1:3]), minutes=int(zone[4:]))
        tz = timezone(-offset if zone[0] == "-" else offset)
        moment = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), tzinfo=tz)
    except ValueError:
        return None
    digits = f".{fraction[1:10]}".rstrip("0").rstrip(".") if fraction else ""
    shown = f"{moment:%z}"
    return f"{moment:%Y-%m-%d %H:%M:%S}{digits} {shown} {'UTC' if shown == '+0000' else shown}"


class Loader(yaml.SafeLoader):
    """PyYAML's parser with Go's meaning of scalars and mappings."""

    def resolve(self, kind: type[yaml.Node], value: str | None, implicit: Any) -> str:
        """The tag of a node; a plain scalar gets one of our own."""
        if kind is yaml.ScalarNode and implicit[0]:
            return "tag:yaml.org,2002:merge" if value == "<<" else _PLAIN
        return str(super().resolve(kind, value, implicit))  # type: ignore[no-untyped-call]

    def construct_plain(self, node: yaml.ScalarNode) -> Any:
        """A plain scalar."""
        return resolve(str(node.value))

    def construct_text(self, node: yaml.ScalarNode) -> str:
        """A quoted scalar, or one that says it is a string."""
        return str(node.value)

    def construct_bytes(self, node: yaml.ScalarNode) -> str:
        """The text in ``!!binary``."""
        return self.construct_yaml_binary(node).decode("utf-8", "replace")

    def construct_object_map(self, node: yaml.MappingNode) -> Any:
        """A mapping, in two steps, since it may refer to itself."""
        content: dict[str, Any] = {}
        yield content
        content.update(self.construct_mapping(node, deep=True))

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The entries of a mapping: keys are strings, and none stands there twice."""
        seen: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode) and seen.setdefault(key.value, line) != line:
                raise yaml.constructor.ConstructorError(
                    problem=f'the key "{key.value}" is already defined at line {seen[key.value]}',
                    problem_mark=key.start_mark,
                )
        plain = super().construct_mapping(node, deep=deep)
        return {key if isinstance(key, str) else text(key): value for key, value in plain.items()}


Loader.add_constructor(_PLAIN, Loader.construct_plain)
Loader.add_constructor("tag:yaml.org,2002:str", Loader.construct_text)
Loader.add_constructor("tag:yaml.org,2002:timestamp", Loader.construct_plain)
Loader.add_constructor("tag:yaml.org,2002:binary", Loader.construct_bytes)
Loader.add_constructor("tag:yaml.org,2002:map", Loader.construct_object_map)


def _bounded(value: Any, left: list[int]) -> Any:
    """The value, walked as often as it is referred to. Raises `OverflowError` when that is too often."""
    left[0] -= 1
    if left[0] < 0:
        raise OverflowError
    if isinstance(value, dict):
        for item in value.values():
            _bounded(item, left)
    elif isinstance(value, (list, tuple, set)):
        for item in value:
            _bounded(item, left)
    elif isinstance(value, float) and not abs(value) < float("inf"):
        raise yaml.YAMLError("JSON has no infinity and no NaN")
    return value


def _lines(node: yaml.Node | None, depth: int = 2) -> dict[tuple[str, ...], int]:
    lines: dict[tuple[str, ...], int] = {}
    if depth and isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            lines[(str(key.value),)] = key.start_mark.line + 1
            lines |= {(str(key.value), *path): line for path, line in _lines(value, depth - 1).items()}
    return lines


def _error(code: Code, place: str, message: str, remedy: str) -> ConfigError:
    return ConfigError(Problem(code, message, remedy, place))
