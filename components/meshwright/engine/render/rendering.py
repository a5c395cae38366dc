"""A resource graph as a folder of files that `kubectl` and kustomize can apply without Pulumi."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import yaml

from meshwright.engine.graph import UNKNOWN, Secret
from meshwright.engine.render.charts import RELEASE, chart
from meshwright.engine.render.manifests import NotRenderableError, file_stem, is_object, manifest, refuse_unwritable
from meshwright.engine.render.report import REPORT, Remark, report
from meshwright.engine.render.waves import waves
from meshwright.engine.render.yaml_text import document

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from meshwright.engine.graph import Graph, Resource, Value

_PROVIDER = "pulumi:providers:kubernetes"
_CONFIG_FILE = "kubernetes:yaml/v2:ConfigFile"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster, where PyYAML was built with libyaml
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
    remarks: tuple[str, ...] = ()


def render(graph: Graph, base: Path) -> Rendering:
    """Render a graph; `base` is the folder that its program ran in, where relative paths start.

    Each wave has a folder (`wave-01` and on) with a kustomization of its own; a kustomization above them lists them.
    Where the objects belong to more than one cluster, each has such a tree in a folder named after its provider.
    Nothing is written: see `folder.write`.
    """
    pieces: dict[str, _Piece] = {}
    not_rendered = []
    for resource in graph:
        if not (resource.custom or resource.remote):
            continue
        try:
            pieces[resource.urn] = _piece(resource, base)
        except NotRenderableError as reason:
            not_rendered.append(Remark(resource.urn, resource.type, resource.name, str(reason)))
    not_rendered.sort(key=lambda remark: remark.urn)
    rendered = sorted((resource for resource in graph if resource.urn in pieces), key=lambda resource: resource.urn)
    differences = tuple(
        Remark(resource.urn, resource.type, resource.name, text)
        for resource in rendered
        for text in pieces[resource.urn].remarks
    )
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
        bundles=sum(resource.type == _CONFIG_FILE for resource in rendered),
        waves=max((tree.waves for tree in trees), default=0),
        patches=patches,
        not_rendered=tuple(not_rendered),
        differences=differences,
        caches=tuple(sorted({path for tree in trees for path in tree.caches})),
    )


def _piece(resource: Resource, base: Path) -> _Piece:
    if resource.read:
        raise NotRenderableError("it is read, not managed")
    if resource.type == RELEASE:
        release = chart(resource, base)
        return _Piece(
            files=dict(release.files),
            charts=[release.entry],
            caches=release.caches,
            namespace_to_create=release.namespace_to_create,
            remarks=release.remarks,
        )
    if resource.type == _CONFIG_FILE:
        return _bundle(resource, base)
    if is_object(resource):
        made = manifest(resource)
        where = _Piece(files={made.file_name: document(made.body)}, remarks=made.remarks)
        (where.patches if made.is_patch else where.resources).append(made.file_name)
        return where
    if resource.type.startswith("pulumi:providers:"):
        raise NotRenderableError("a provider's settings stay with Pulumi")
    if resource.remote:
        raise NotRenderableError("a remote component: its provider makes what is in it during the deployment")
    raise NotRenderableError("not a Kubernetes object: Pulumi alone makes it")


def _bundle(resource: Resource, base: Path) -> _Piece:
    """A file of Kubernetes objects: its address, or a copy where it is a local file."""
    refuse_unwritable(resource.inputs)
    source = resource.inputs.get("file") or ""
    if source.startswith(("https://", "http://")):
        return _Piece(resources=[source])
    try:
        content = (base / source).read_bytes()
        holds_secret = b"Secret" in content and any(map(_is_secret, yaml.load_all(content, _LOADER)))
    except (OSError, yaml.YAMLError) as error:
        raise NotRenderableError(f"{source} can't be read: {' '.join(str(error).split())}") from error
    if holds_secret:
        raise NotRenderableError(f"{source} holds a Secret, whose data is never written to a file")
    name = file_stem(resource.name) + ".yaml"
    return _Piece(files={name: content}, resources=[name])


def _is_secret(body: Value) -> bool:
    return isinstance(body, dict) and body.get("kind") == "Secret" and bool(body.get("data") or body.get("stringData"))


@dataclass(slots=True)
class _Tree:
    """The folders of one cluster."""

    files: dict[str, bytes]
    patches: list[str]
    caches: list[str]
    waves: int


def _trees(graph: Graph, rendered: list[Resource], pieces: Mapping[str, _Piece]) -> list[_Tree]:
    order = waves(graph, pieces.keys())
    providers = {resource.urn: resource for resource in graph if resource.type == _PROVIDER}
    by_cluster: dict[str, list[Resource]] = defaultdict(list)
    for resource in rendered:
        by_cluster[_cluster(providers.get(resource.provider))].append(resource)
    if len(by_cluster) <= 1:
        return [_tree("", members, pieces, order) for members in by_cluster.values()]
    trees, taken = [], set[str]()
    for _, members in sorted(by_cluster.items(), key=lambda item: min(each.provider for each in item[1])):
        provider = providers.get(min(each.provider for each in members))
        name = _unique(file_stem(provider.name if provider else "default-provider"), taken)
        trees.append(_tree(f"{name}/", members, pieces, order))
    return trees


def _cluster(provider: Resource | None) -> str:
    """What tells the clusters of two providers apart: two that name the same kubeconfig and context are one cluster."""
    if provider is None:
        return ""
    named = {key: provider.inputs.get(key) for key in ("kubeconfig", "context", "cluster")}
    config = named["kubeconfig"].value if isinstance(named["kubeconfig"], Secret) else named["kubeconfig"]
    if config is UNKNOWN:
        config = provider.property_dependencies.get("kubeconfig") or provider.urn
    return repr(named | {"kubeconfig": config})


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
        named = {path: path if piece.charts else _unique(path, taken) for path in piece.files}
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


def _unique(name: str, taken: set[str]) -> str:
    """`name`, with a number before its ending where an earlier one has it."""
    stem, dot, ending = name.rpartition(".") if name.endswith(".yaml") else (name, "", "")
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{stem}-{number}{dot}{ending}"
    taken.add(candidate)
    return candidate
