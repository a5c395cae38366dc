"""YAML text made into nodes, each with its line.

Scalars mean what they mean to Pulumi, which reads stack files with Go's yaml.v3: only `true` and `false` are booleans,
and `1.30` is a number. Dates stay text. A hostile file costs a bounded amount of work: its depth is limited, and so are
its values, counted after the expansion of aliases.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isinf
from typing import TYPE_CHECKING, Any

import yaml

from meshwright.errors import Code, ConfigError, Problem
from meshwright.scalars import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_VALUES = 50_000
MAX_DEPTH = 50


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


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


class Builder:
    """Builds nodes from libyaml's events, which come without recursion and without constructing anything."""

    def __init__(self, name: str, text: str) -> None:
        self._name = name
        self._events: Iterator[Any] = yaml.parse(text, Loader=yaml.CSafeLoader)
        self._anchors: dict[str, Node] = {}
        self.problems: list[Problem] = []
        """Mistakes after which reading goes on."""
        self._values = 0

    def build(self) -> Node | None:
        """The root of the document; None where there is nothing in it.

        Raises:
            ConfigError: aliases, depth, number of values, keys or documents that are refused.
            yaml.YAMLError: the text is no YAML.
        """
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
        return None if root.content is None else root

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
                self.problems.append(
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
        self.problems.append(
            self._problem(Code.YAML_TAG, node.line, f"the tag {short} is not allowed", "write plain values")
        )

    def _problem(self, code: Code, line: int, message: str, remedy: str) -> Problem:
        return Problem(code, message, remedy, f"{self._name}:{line}")


def scalar(text: str) -> Any:
    """What an unquoted scalar means to Pulumi, as far as JSON can say it. Dates, which it would parse, stay text."""
    value = resolve(text)
    return text if isinstance(value, float) and isinf(value) and "inf" not in text.lower() else value
