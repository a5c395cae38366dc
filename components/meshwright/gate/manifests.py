"""Kubernetes objects in YAML or JSON: a file, a folder, or what `helm template` and `kustomize build` print.

Each object becomes the resource that a Pulumi program would register for it, so that the same rules judge both.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import yaml

from meshwright.engine.graph import Graph, Note, Resource, Secret, SourcePosition
from meshwright.gate import states
from meshwright.gate.files import STDIN, foreign, name_of, read_text, unreadable
from meshwright.scalars import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROJECT: Final = "manifests"
_SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})
_NOT_OBJECTS: Final = re.compile(r"(kustomize\.config\.k8s\.io|.*\.helm\.sh|helmfile)/")
_ROOT: Final = f"urn:pulumi:{PROJECT}::{PROJECT}::{states.STACK_TYPE}::{PROJECT}-{PROJECT}"
_SECRETS: Final = frozenset(("kubernetes:core/v1:Secret", key) for key in ("data", "stringData"))
_MOST_VALUES: Final = 5_000_000  # after aliases are followed
_REMEDY: Final = "name rendered Kubernetes objects: a file, a folder, or - for standard input"


def read_manifests(path: Path) -> Graph:
    """The graph of all objects in a file or a folder, in the order of file names and of documents.

    In a folder, hidden folders are skipped, and so are documents that are no Kubernetes object, with a note.

    Args:
        path: A file, a folder, or ``-`` for standard input.

    Raises:
        ConfigError: MW-E035 a file can't be read, MW-E036 it is no YAML, or there is no object at all.
    """
    files = [path]
    if path.is_dir():
        files = sorted(_files(path))
    resources: list[Resource] = []
    notes: list[Note] = []
    names: Counter[str] = Counter()
    for file in files:
        before = len(resources)
        resources += [_resource(content, file, line, names) for content, line in _objects(file)]
        if len(resources) == before and file != path:
            notes.append(Note(name_of(file), "no Kubernetes object is in it: it was not judged"))
    if not resources:
        raise foreign(path, "has no Kubernetes object", _REMEDY)
    root = Resource(urn=_ROOT, type=states.STACK_TYPE, name=f"{PROJECT}-{PROJECT}")
    return Graph(PROJECT, PROJECT, "organization", (root, *resources), notes=tuple(notes))


def _files(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise unreadable(folder, f"can't be read: {(error.strerror or str(error)).lower()}") from None
    for entry in entries:
        if entry.is_dir():
            if not entry.name.startswith(".") and not entry.is_symlink():
                yield from _files(entry)
        elif entry.suffix in _SUFFIXES:
            yield entry


class _Loader(yaml.CSafeLoader):
    """YAML 1.2's scalars, as Kubernetes reads them; a date stays text."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping whose keys are text, as they are in JSON: the ports in ``portLevelMtls`` are written as numbers."""
        plain = super().construct_mapping(node, deep=deep)
        return {str(key).lower() if isinstance(key, bool | int) else key: value for key, value in plain.items()}


def _plain(loader: _Loader, node: yaml.ScalarNode) -> Any:
    return node.value if node.style else resolve(node.value)


for _tag in ("bool", "int", "float", "null", "timestamp", "str"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _plain)


def _objects(file: Path) -> Iterator[tuple[dict[str, Any], int]]:
    """Each Kubernetes object of a file, with the line on which it begins."""
    text = read_text(file)
    left = [_MOST_VALUES]
    try:
        loader = _Loader(text)
        while loader.check_node() and (node := loader.get_node()):
            content = loader.construct_document(node)
            _check_size(content, left)
            yield from ((item, node.start_mark.line + 1) for item in _items(content))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 0
        if "{{" in text:
            raise foreign(
                file, "is a template, not a manifest", "render it first, with `helm template`", line
            ) from None
        what = getattr(error, "problem", None) or "it has what YAML does not allow"
        raise foreign(file, f"isn't YAML: {what}", _REMEDY, line) from None
    except (RecursionError, OverflowError):
        raise foreign(file, "has too many values once its aliases are followed", _REMEDY) from None


def _check_size(content: Any, left: list[int]) -> None:
    left[0] -= 1
    if left[0] < 0:
        raise OverflowError
    for item in content.values() if isinstance(content, dict) else content if isinstance(content, list) else ():
        _check_size(item, left)


def _items(content: Any) -> Iterator[dict[str, Any]]:
    """The objects in a document: itself, or those of a list."""
    if not isinstance(content, dict):
        return
    version, kind = content.get("apiVersion"), content.get("kind")
    if not isinstance(version, str) or not isinstance(kind, str) or _NOT_OBJECTS.match(version):
        return
    if kind.endswith("List") and isinstance(content.get("items"), list):
        for item in content["items"]:
            yield from _items(item)
    elif isinstance(content.get("metadata"), dict):
        yield content


def _resource(content: dict[str, Any], file: Path, line: int, names: Counter[str]) -> Resource:
    version, metadata = content["apiVersion"], content["metadata"]
    token = f"kubernetes:{version if '/' in version else f'core/{version}'}:{content['kind']}"
    called = metadata.get("name") or metadata.get("generateName") or "unnamed"
    name = f"{metadata['namespace']}/{called}" if metadata.get("namespace") else f"{called}"
    urn = f"urn:pulumi:{PROJECT}::{PROJECT}::{token}::{name}"
    names[urn] += 1
    if names[urn] > 1:  # the same object twice, as in two overlays: both are judged
        name, urn = f"{name}#{names[urn]}", f"{urn}#{names[urn]}"
    return Resource(
        urn=urn,
        type=token,
        name=name,
        parent=_ROOT,
        custom=True,
        inputs={str(key): Secret(item) if (token, key) in _SECRETS else item for key, item in content.items()},
        source=None if file == STDIN else SourcePosition(str(file.absolute()), line),
    )
