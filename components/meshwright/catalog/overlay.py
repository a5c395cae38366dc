"""A user's own facts, laid over the packaged ones: corrections, and versions that came out since."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from meshwright.catalog.source import PRODUCTS, Source, Tree
from meshwright.config.complain import show, spell
from meshwright.config.document import Document, KeyPath, read_document
from meshwright.errors import Code, ConfigError, Problem

SECTIONS = ("products", "gateway_api", "platforms", "features")
_ENTRIES: tuple[KeyPath, ...] = (
    ("products", "*", "minors", "*", "releases", "*"),
    ("products", "*", "advisories", "*"),
    ("gateway_api", "bundles", "*"),
    ("platforms", "*"),
    ("features", "*", "*"),
)
"""Where entries are. Each must say where it was read and when; a minor too, if more than its releases is changed."""
_MINORS: KeyPath = ("products", "*", "minors", "*")


@dataclass(frozen=True, slots=True)
class Overlay:
    """The contents of an overlay file."""

    name: str
    """The file's name, for the outputs that used it."""
    data: Tree


def read_overlay(path: Path) -> Overlay:
    """Read an overlay file and check it against the data that it changes.

    Raises:
        ConfigError: with all of its mistakes.
    """
    document = read_document(path, begins_with=f"one of {', '.join(SECTIONS)}")
    problems = list(document.problems) or list(_misplaced(document)) or list(_undated(document))
    if problems:
        raise ConfigError(problems)
    overlay = Overlay(path.name, document.root.plain())
    if problems := list(_invalid(overlay, document)):
        raise ConfigError(problems)
    return overlay


def _misplaced(document: Document) -> Iterator[Problem]:
    """Sections and products that the catalog does not have, and what is not a mapping of entries."""
    tree = document.root.plain()
    if not isinstance(tree, dict):
        yield _problem(document, (), f"the file is {show(tree)}", f"begin with one of {', '.join(SECTIONS)}")
        return
    for path, value in _mappings(tree).items():
        if not isinstance(value, dict):
            yield _problem(document, path, f"{spell(path)} is {show(value)}", "write a mapping")
    yield from _unknown(document, (), tree, SECTIONS)
    yield from _unknown(document, ("products",), tree.get("products"), PRODUCTS)


def _unknown(document: Document, path: KeyPath, names: object, known: Sequence[str]) -> Iterator[Problem]:
    for name in names if isinstance(names, dict) else ():
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f". Did you mean {near[0]}?" if near else ""
            message = f'{spell(path) or "the catalog"} has no "{name[:60]}"'
            yield _problem(document, (*path, name), message, f"one of: {', '.join(known)}{hint}")


def _mappings(tree: Tree) -> dict[KeyPath, object]:
    """Everything on the way to entries, and the entries: all of it has to be mappings."""
    patterns = {pattern[: depth + 1] for pattern in (*_ENTRIES, _MINORS) for depth in range(len(pattern))}
    return {path: value for pattern in sorted(patterns) for path, value in _matching(tree, pattern)}


def _undated(document: Document) -> Iterator[Problem]:
    """Entries that don't say where they were read and when."""
    tree = document.root.plain()
    minors = [(path, entry) for path, entry in _matching(tree, _MINORS) if set(entry) - {"releases"}]
    entries = [found for pattern in _ENTRIES for found in _matching(tree, pattern)]
    for path, entry in (*entries, *minors):
        for key in ("source", "as_of"):
            if key not in entry:
                remedy = (
                    "add where it was read" if key == "source" else "add the day on which it was true, as YYYY-MM-DD"
                )
                yield _problem(document, path, f"{spell(path)} has no {key}", remedy)


def _invalid(overlay: Overlay, document: Document) -> Iterator[Problem]:
    """What is wrong with the data once the overlay is laid over them."""
    for prefix, read in _sections(overlay):
        try:
            read()
        except ValidationError as error:
            for each in error.errors(include_url=False):
                path = (*prefix, *each["loc"])
                what, remedy = _said(each["type"], each["input"])
                yield _problem(document, path, f"{spell(path)} {what}", remedy)


def _sections(overlay: Overlay) -> Iterator[tuple[KeyPath, Callable[[], object]]]:
    """The parts of the catalog that an overlay changes: where each is, and what reads it."""
    source = Source((overlay,))
    for name in overlay.data.get("products", {}):
        yield ("products", name), partial(source.product, name)
    for name in SECTIONS[1:]:
        if name in overlay.data:
            yield (name,), getattr(source, name)


def _said(kind: str, value: object) -> tuple[str, str]:
    match kind:
        case "missing":
            return "is missing", "add it"
        case "extra_forbidden":
            return "is no key here", "remove it"
        case _:
            return f"is {show(value)}", "write it as the packaged data do: components/meshwright/catalog/data"


def _matching(tree: Any, pattern: KeyPath, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """The values in a tree whose key path has the pattern; `*` stands for any key."""
    if not pattern:
        yield path, tree
    elif isinstance(tree, dict):
        for key, value in tree.items():
            if pattern[0] in ("*", key):
                yield from _matching(value, pattern[1:], (*path, key))


def _problem(document: Document, path: KeyPath, message: str, remedy: str) -> Problem:
    return Problem(Code.BAD_OVERLAY, message, remedy, document.place(path))
