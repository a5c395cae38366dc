"""A YAML file, read with the line of everything in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeAlias

import yaml

from meshwright.config.nodes import Builder, Node
from meshwright.errors import Code, ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_BYTES = 1024 * 1024

Key: TypeAlias = str | int
KeyPath: TypeAlias = tuple[Key, ...]


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
        builder = Builder(name, text)
        root = builder.build()
    except yaml.MarkedYAMLError as error:
        raise ConfigError(_syntax_problem(name, error)) from None
    except yaml.YAMLError as error:
        problem = Problem(
            Code.YAML_SYNTAX, f"this is not YAML: {_first_line(error)}", "remove what can't be text", name
        )
        raise ConfigError(problem) from None
    if root is None:
        raise ConfigError(Problem(Code.EMPTY_FILE, "the file is empty", f"begin with {begins_with}", name))
    return Document(name, root, builder.problems)


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
