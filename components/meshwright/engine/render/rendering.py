"""A resource graph as a folder of files that `kubectl` and kustomize can apply without Pulumi."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from meshwright.engine.render.bundles import CONFIG_FILE
from meshwright.engine.render.charts import RELEASE
from meshwright.engine.render.clusters import by_cluster, unique
from meshwright.engine.render.items import Item, collect
from meshwright.engine.render.manifests import file_stem, is_object
from meshwright.engine.render.report import REPORT, Remark, report
from meshwright.engine.render.waves import waves
from meshwright.engine.render.yaml_text import document

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from meshwright.engine.graph import Graph, Resource, Value

_KUSTOMIZATION = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}


@dataclass(frozen=True, slots=True)
class Rendering:
    """The files of one stack, and what they leave out."""

    project: str
    stack: str
    files: Mapping[str, bytes]
    """By path relative to the folder, with slashes."""
    objects: int
    """Kubernetes objects as manifests of their own, patches included; what charts and bundles hold is not counted."""
    releases: int
    bundles: int
    """Files of others, such as the Gateway API CRDs, by address or copied."""
    waves: int
    patches: tuple[str, ...]
    """Paths of the manifests that have to be applied server-side, since they hold some fields of existing objects."""
    not_rendered: tuple[Remark, ...]
    differences: tuple[Remark, ...]
    caches: tuple[str, ...]
    """Folders that kustomize makes among these files when it downloads charts."""


@dataclass(slots=True)
class _Piece:
    """What one resource adds to the folder of its wave."""

    files: dict[str, bytes] = field(default_factory=dict)
    charts: list[Mapping[str, Value]] = field(default_factory=list)
    resources: list[str] = field(default_factory=list)
    patches: list[str] = field(default_factory=list)
    caches: tuple[str, ...] = ()
    namespace_to_create: str = ""


def render(graph: Graph, base: Path) -> Rendering:
    """Render a graph; `base` is the folder that its program ran in, where relative paths start.

    Each wave has a folder (`wave-01` and on) with a kustomization of its own; a kustomization above them lists them.
    Where the objects belong to more than one cluster, each has such a tree in a folder named after its provider.
    Nothing is written: see `folder.write`.
    """
    items, not_rendered = collect(graph, base)
    pieces = {urn: _piece(item) for urn, item in items.items()}
    rendered = [item.resource for item in items.values()]
    differences = differences_of(items.values())
    trees = _trees(graph, rendered, pieces)
    files = {path: content for tree in trees for path, content in tree.files.items()}
    patches = tuple(sorted(path for tree in trees for path in tree.patches))
    if not_rendered or differences or patches:
        files[REPORT] = report(graph, not_rendered, differences, patches)
    return Rendering(
        project=graph.project,
        stack=graph.stack,
        files=dict(sorted(files.items())),
        objects=sum(is_object(resource) for resource in rendered),
        releases=sum(resource.type == RELEASE for resource in rendered),
        bundles=sum(resource.type == CONFIG_FILE for resource in rendered),
        waves=max((tree.waves for tree in trees), default=0),
        patches=patches,
        not_rendered=not_rendered,
        differences=differences,
        caches=tuple(sorted({path for tree in trees for path in tree.caches})),
    )


def differences_of(items: Iterable[Item]) -> tuple[Remark, ...]:
    """The items' remarks, each with its resource."""
    return tuple(
        Remark(item.resource.urn, item.resource.type, item.resource.name, text)
        for item in items
        for text in item.remarks
    )


def _piece(item: Item) -> _Piece:
    if release := item.chart:
        return _Piece(
            files=dict(release.files),
            charts=[release.entry],
            caches=release.caches,
            namespace_to_create=release.namespace_to_create,
        )
    if made := item.manifest:
        piece = _Piece(files={made.file_name: document(made.body)})
        (piece.patches if made.is_patch else piece.resources).append(made.file_name)
        return piece
    assert item.bundle  # noqa: S101  an item is one of the three
    files = {} if item.bundle.address else {item.bundle.file_name: item.bundle.content}
    return _Piece(files=files, resources=[item.bundle.address or item.bundle.file_name])


@dataclass(slots=True)
class _Tree:
    """The folders of one cluster."""

    files: dict[str, bytes]
    patches: list[str]
    caches: list[str]
    waves: int


def _trees(graph: Graph, rendered: list[Resource], pieces: Mapping[str, _Piece]) -> list[_Tree]:
    order = waves(graph, pieces.keys())
    return [_tree(f"{name}/" if name else "", members, pieces, order) for name, members in by_cluster(graph, rendered)]


def _tree(prefix: str, members: list[Resource], pieces: Mapping[str, _Piece], order: Mapping[str, int]) -> _Tree:
    """The waves of one cluster, numbered without gaps."""
    owned = {resource.inputs.get("metadata", {}).get("name") for resource in members if _is_namespace(resource)}
    tree = _Tree({}, [], [], len({order[resource.urn] for resource in members}))
    listed = []
    for number, wave in enumerate(sorted({order[resource.urn] for resource in members}), start=1):
        folder = f"wave-{number:02}"
        content = [pieces[resource.urn] for resource in members if order[resource.urn] == wave]
        missing = {piece.namespace_to_create for piece in content} - owned - {""}
        owned |= missing
        content += [_namespace(name) for name in sorted(missing)]
        if _add_wave(tree, f"{prefix}{folder}/", content):
            listed.append(folder)
    if listed:
        tree.files[f"{prefix}kustomization.yaml"] = document(_KUSTOMIZATION | {"resources": listed})
    return tree


def _add_wave(tree: _Tree, folder: str, content: list[_Piece]) -> bool:
    """Add one wave's files; true if it has a kustomization, which one of patches alone has not."""
    taken: set[str] = set()
    resources: set[str] = set()
    charts: list[Mapping[str, Value]] = []
    for piece in sorted(content, key=lambda piece: sorted(piece.files)):
        # A chart's files are named in its entry too, and after its namespace and release: no two charts share a name.
        named = {path: path if piece.charts else unique(path, taken) for path in piece.files}
        for path, data in piece.files.items():
            below = f"patches/{named[path]}" if path in piece.patches else named[path]
            tree.files[folder + below] = data
        tree.patches += [f"{folder}patches/{named[path]}" for path in piece.patches]
        tree.caches += [folder + path for path in piece.caches]
        resources |= {named.get(path, path) for path in piece.resources}
        charts += piece.charts
    entries: dict[str, Value] = {}
    if charts:
        entries["helmCharts"] = sorted(charts, key=lambda entry: (entry["releaseName"], entry.get("namespace", "")))
    if resources:
        entries["resources"] = sorted(resources)
    if entries:
        tree.files[f"{folder}kustomization.yaml"] = document(_KUSTOMIZATION | entries)
    return bool(entries)


def _is_namespace(resource: Resource) -> bool:
    return resource.type == "kubernetes:core/v1:Namespace"


def _namespace(name: str) -> _Piece:
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    path = f"namespace-{file_stem(name)}.yaml"
    return _Piece(files={path: document(body)}, resources=[path])
