"""A YAML file read with the line of everything in it.

Scalars mean what they mean to Pulumi, which reads stack files with Go's yaml.v3: only `true` and `false` are booleans,
and `1.30` is a number. Dates stay text. A hostile file costs a bounded amount of work: its size, its depth and its
values, counted after the expansion of aliases, are limited.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from math import isinf
from typing import TYPE_CHECKING, Any, TypeAlias

import yaml

from meshwright.errors import Code, ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_BYTES = 1024 * 1024
MAX_VALUES = 50_000
MAX_DEPTH = 50

Key: TypeAlias = str | int
KeyPath: TypeAlias = tuple[Key, ...]


@dataclass(slots=True)
class Node:
    """One value of a document. A value behind an alias is one node in several places."""

    line: int
    """From 1; of a value in a mapping the line of its key."""
    content: Any
    """A scalar, a list of nodes, or a dict of nodes."""
    text: str = ""
    """A scalar as it is written."""
    values: int = 1
    """How many values it stands for, with its aliases expanded."""
    height: int = 1
    """How deep it is nested, itself included."""
    broken: bool = False
    """Already complained of: what else is wrong with it is not worth a line."""

    def plain(self) -> Any:
        """The value as dicts, lists and scalars."""
        if isinstance(self.content, dict):
            return {key: node.plain() for key, node in self.content.items()}
        if isinstance(self.content, list):
            return [node.plain() for node in self.content]
        return self.content


@dataclass(slots=True)
class Document:
    """A YAML file and the mistakes in its notation."""

    name: str
    """The file as messages name it."""
    root: Node
    problems: list[Problem] = field(default_factory=list)

    def along(self, path: KeyPath) -> Iterator[Node]:
        """The nodes from the root to `path`, as far as the document has them."""
        node = self.root
        yield node
        for key in path:
            child = _child(node.content, key)
            if child is None:
                return
            node = child
            yield node

    def place(self, path: KeyPath) -> str:
        """`file:line` of the value at `path`, or of the nearest one around it."""
        *_, nearest = self.along(path)
        return f"{self.name}:{nearest.line}"

    def text(self, path: KeyPath) -> str:
        """The scalar at `path` as it is written; empty where there is none."""
        nodes = list(self.along(path))
        return nodes[-1].text if len(nodes) == len(path) + 1 else ""

    def is_broken(self, path: KeyPath) -> bool:
        """Whether the value at `path`, or one around it, is already complained of."""
        return any(node.broken for node in self.along(path))


def _child(content: Any, key: Key) -> Node | None:
    if isinstance(content, list):
        return content[key] if isinstance(key, int) and key < len(content) else None
    return content.get(key) if isinstance(content, dict) else None


def read_document(path: Path, name: str = "", begins_with: str = "config: and meshwright:mesh:") -> Document:
    """Read a YAML file.

    Args:
        path: The file.
        name: The file as messages shall name it; by default `path` itself.
        begins_with: What belongs into an empty file.

    Raises:
        ConfigError: there is no such file (MW-E024), it is empty (MW-E025), can't be read as UTF-8 text (MW-E026), is
            over 1 MiB (MW-E027), no YAML (MW-E020) or stands for too many values (MW-E023). Duplicate keys (MW-E021)
            and tags (MW-E022) don't raise: they are in the document's `problems`.
    """
    name = name or str(path)
    text = _read_text(path, name)
    try:
        document = _Builder(name, text).build()
    except yaml.MarkedYAMLError as error:
        raise ConfigError(_syntax_problem(name, error)) from None
    except yaml.YAMLError as error:
        problem = Problem(
            Code.YAML_SYNTAX, f"this is not YAML: {_first_line(error)}", "remove what can't be text", name
        )
        raise ConfigError(problem) from None
    if document is None:
        raise ConfigError(Problem(Code.EMPTY_FILE, "the file is empty", f"begin with {begins_with}", name))
    return document


def _read_text(path: Path, name: str) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(_missing(path, name)) from None
    except OSError as error:
        problem = Problem(Code.UNREADABLE, f"the file can't be read: {error.strerror}", "make it a readable file", name)
        raise ConfigError(problem) from None
    if len(data) > MAX_BYTES:
        problem = Problem(
            Code.TOO_BIG, "the file is over 1 MiB", "a stack file has some hundred lines; split this one", name
        )
        raise ConfigError(problem)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        where = f"byte {error.start} is not UTF-8"
        raise ConfigError(
            Problem(Code.UNREADABLE, f"the file can't be read: {where}", "save it as UTF-8", name)
        ) from None


def _missing(path: Path, name: str) -> Problem:
    neighbours = sorted(file.name for file in path.parent.glob("*.yaml")) if path.parent.is_dir() else []
    near = get_close_matches(path.name, neighbours, n=3, cutoff=0.7) or neighbours[:8]
    remedy = f"in that folder: {', '.join(near)}" if near else "there is no YAML file in that folder"
    return Problem(Code.NO_FILE, "there is no such file", remedy, name)


def _syntax_problem(name: str, error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    place = f"{name}:{mark.line + 1}" if mark else name
    what = ", ".join(part for part in (error.context, error.problem) if part)
    return Problem(Code.YAML_SYNTAX, f"this is not YAML: {what}", "mend the notation at this line", place)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


class _Builder:
    """Builds nodes from libyaml's events, which come without recursion and without constructing anything."""

    def __init__(self, name: str, text: str) -> None:
        self._name = name
        self._events: Iterator[Any] = yaml.parse(text, Loader=yaml.CSafeLoader)
        self._anchors: dict[str, Node] = {}
        self._problems: list[Problem] = []
        self._values = 0

    def build(self) -> Document | None:
        next(self._events)
        first = next(self._events)
        if isinstance(first, yaml.StreamEndEvent):
            return None
        root = self._node(next(self._events), depth=1)
        next(self._events)
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            line = _line(after)
            raise ConfigError(
                self._problem(Code.YAML_SYNTAX, line, "a second document begins here", "keep one in a file")
            )
        if root.content is None:
            return None
        return Document(self._name, root, self._problems)

    def _node(self, event: Any, depth: int) -> Node:
        line = _line(event)
        if isinstance(event, yaml.AliasEvent):
            node = self._alias(str(event.anchor), line)
            self._check_depth(depth + node.height - 1, line)
            return node
        self._check_depth(depth, line)
        self._count(1, line)
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event, line)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._sequence(event, line, depth)
        else:
            node = self._mapping(event, line, depth)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, anchor: str, line: int) -> Node:
        if anchor not in self._anchors:
            remedy = f"define it before with &{anchor}"
            raise ConfigError(self._problem(Code.YAML_SYNTAX, line, f"the alias *{anchor} stands for nothing", remedy))
        target = self._anchors[anchor]
        self._count(target.values, line)
        return target

    def _check_depth(self, depth: int, line: int) -> None:
        if depth > MAX_DEPTH:
            what = f"values are nested more than {MAX_DEPTH} deep"
            raise ConfigError(self._problem(Code.TOO_MANY_VALUES, line, what, "flatten them"))

    def _count(self, values: int, line: int) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            what = f"the file stands for more than {MAX_VALUES:,} values once its aliases are expanded"
            raise ConfigError(
                self._problem(Code.TOO_MANY_VALUES, line, what, "write fewer, or fewer aliases of aliases")
            )

    def _sequence(self, event: Any, line: int, depth: int) -> Node:
        node = Node(line, [])
        self._check_tag(event, "seq", node)
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            item = self._node(event, depth + 1)
            node.content.append(item)
            node.values += item.values
            node.height = max(node.height, item.height + 1)
        return node

    def _mapping(self, event: Any, line: int, depth: int) -> Node:
        node = Node(line, {})
        self._check_tag(event, "map", node)
        merges: list[Node] = []
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key, key_line = self._key(event)
            value = self._node(next(self._events), depth + 1)
            node.values += value.values + 1
            node.height = max(node.height, value.height + 1)
            if key is None:
                merges.append(value)
                continue
            if key in node.content:
                remedy = f"keep one of it and line {node.content[key].line}"
                self._problems.append(
                    self._problem(Code.DUPLICATE_KEY, key_line, f'the key "{key[:60]}" is there twice', remedy)
                )
            # A value is found at the line of its key; behind an alias, its own content stays where it is written.
            node.content[key] = replace(value, line=key_line)
        for merge in merges:
            self._merge(node, merge)
        return node

    def _key(self, event: Any) -> tuple[str | None, int]:
        """The key's text, or None for the merge key `<<`."""
        line = _line(event)
        self._count(1, line)
        if not isinstance(event, yaml.ScalarEvent):
            raise ConfigError(self._problem(Code.YAML_SYNTAX, line, "a key is no plain text", "use a word as the key"))
        if event.anchor:
            self._anchors[event.anchor] = Node(line, event.value, event.value)
        return (None if event.value == "<<" and event.implicit[0] else event.value), line

    def _merge(self, node: Node, merge: Node) -> None:
        sources = merge.content if isinstance(merge.content, list) else [merge]
        for source in sources:
            if not isinstance(source.content, dict):
                raise ConfigError(
                    self._problem(
                        Code.YAML_SYNTAX, merge.line, "<< merges what is no mapping", "merge an alias of a mapping"
                    )
                )
            for key, value in source.content.items():
                node.content.setdefault(key, value)

    def _scalar(self, event: Any, line: int) -> Node:
        node = Node(line, event.value, event.value)
        tag = (event.tag or "").removeprefix("tag:yaml.org,2002:")
        if event.implicit[0] or tag in {"int", "float", "bool", "null"}:
            node.content = scalar(event.value)
        elif tag not in {"", "!", "str", "timestamp"}:
            self._refuse_tag(event.tag, node)
        return node

    def _check_tag(self, event: Any, expected: str, node: Node) -> None:
        if event.tag and event.tag != f"tag:yaml.org,2002:{expected}":
            self._refuse_tag(event.tag, node)

    def _refuse_tag(self, tag: str, node: Node) -> None:
        short = tag.replace("tag:yaml.org,2002:", "!!")[:60]
        node.broken = True
        self._problems.append(
            self._problem(Code.YAML_TAG, node.line, f"the tag {short} is not allowed", "write plain values")
        )

    def _problem(self, code: Code, line: int, message: str, remedy: str) -> Problem:
        return Problem(code, message, remedy, f"{self._name}:{line}")


_INTEGER = re.compile(r"[-+]?(?:0b[01]{1,64}|0o[0-7]{1,22}|0x[0-9a-fA-F]{1,16}|0[0-7]{1,22}|0|[1-9][0-9]{0,19})")
_OLD_OCTAL = re.compile(r"^([-+]?)0(?=[0-7])")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}


def scalar(text: str) -> Any:
    """What an unquoted scalar means to yaml.v3 (its resolve.go). Dates, which it would parse, stay text."""
    if text in _WORDS:
        return _WORDS[text]
    plain = text.replace("_", "") if text[0] in "+-0123456789" else text
    if _INTEGER.fullmatch(plain):
        return int(_OLD_OCTAL.sub(r"\g<1>0o", plain), 0)
    if _FLOAT.fullmatch(plain):
        number = float(plain)
        return text if isinf(number) else number
    return text
