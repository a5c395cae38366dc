"""Helm releases of a graph as `helmCharts` of a kustomization.

Kustomize inflates a chart with `helm template` (kustomize api/types/helmchartargs.go, HelmChartInflationGenerator.go).
Values stand in a `valuesFile`, which Helm merges over the chart's own exactly as Pulumi's release does; `valuesInline`
would go through kustomize's merge, which drops false, 0 and empty strings. A chart without `repo` is looked for in
`charts/<name>` beside the kustomization, so a local chart is copied there.
"""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from meshwright.engine.graph import Asset, Resource, Value
from meshwright.engine.render.manifests import NotRenderableError, file_stem, refuse_unwritable
from meshwright.engine.render.yaml_text import document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

RELEASE = "kubernetes:helm.sh/v3:Release"
_CREDENTIALS = ("username", "password", "caFile", "certFile", "keyFile", "keyring")
_REMOTE = ("http://", "https://")


@dataclass(frozen=True, slots=True)
class Chart:
    """One release: its entry in `helmCharts`, and the files which that names, by path relative to the wave's folder."""

    entry: Mapping[str, Value]
    files: Mapping[str, bytes]
    namespace_to_create: str = ""
    caches: tuple[str, ...] = ()
    """Folders into which kustomize downloads the chart; they are not the user's, and may go with the next rendering."""
    remarks: tuple[str, ...] = ()


def chart(resource: Resource, base: Path) -> Chart:
    """The chart of a `Release`; `base` is the folder that relative chart paths start from.

    Raises:
        NotRenderableError: it holds a secret or an unknown, or its chart can't be had by kustomize.
    """
    inputs = resource.inputs
    options = inputs.get("repositoryOpts") or {}
    refuse_unwritable({key: value for key, value in inputs.items() if key not in ("repositoryOpts", "valueYamlFiles")})
    refuse_unwritable(options.get("repo"))
    name = inputs.get("name") or resource.name
    stem = file_stem(f"{inputs.get('namespace') or 'default'}.{name}")
    files = _values_files(inputs, stem, base)
    located, caches = _locate(inputs, options.get("repo") or "", stem, base, files)
    values_file, *more = (path for path in files if "/" not in path)
    entry = located | {
        "releaseName": name,
        "includeCRDs": not inputs.get("skipCrds"),
        "skipTests": True,
        "valuesFile": values_file,
    }
    if inputs.get("namespace"):
        entry["namespace"] = inputs["namespace"]
    if more:
        entry["additionalValuesFiles"] = more
    if inputs.get("disableWebhooks"):
        entry["skipHooks"] = True
    to_create = inputs.get("namespace") or "" if inputs.get("createNamespace") else ""
    return Chart(entry, files, to_create, caches, tuple(_remarks(resource, options)))


def _remarks(resource: Resource, options: Mapping[str, Value]) -> Iterator[str]:
    if not resource.inputs.get("name"):
        yield f"released as {resource.name} here; Pulumi would add a random suffix, since name is not set"
    if any(options.get(key) for key in _CREDENTIALS):
        yield "its chart repository needs credentials, which are not written: log in with `helm registry login` first"
    if resource.inputs.get("postrender"):
        yield "its post-renderer is not run"


def _values_files(inputs: Mapping[str, Value], stem: str, base: Path) -> dict[str, bytes]:
    """Values files by name, in the order in which Helm merges them: the release's own values last, as in Pulumi."""
    files = {
        f"{stem}.values-{number}.yaml": _asset_text(asset, base)
        for number, asset in enumerate(inputs.get("valueYamlFiles") or [], start=1)
    }
    values = inputs.get("values") or {}
    kept = values if inputs.get("allowNullValues") else _without_nulls(values)
    return files | {f"{stem}.values.yaml": document(kept)}


def _without_nulls(value: Value) -> Value:
    """Pulumi's release drops nulls from values unless `allowNullValues` is set."""
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value if item is not None]
    return value


def _asset_text(asset: Value, base: Path) -> bytes:
    match asset:
        case Asset(kind="asset", fields={"text": str(text)}):
            return text.encode()
        case Asset(kind="asset", fields={"path": str(path)}):
            return _read(base / path)
        case _:
            refuse_unwritable({"valueYamlFiles": None if isinstance(asset, Asset) else asset})
            raise NotRenderableError("valueYamlFiles: only assets with a text or a path can be written")


def _locate(
    inputs: Mapping[str, Value], repository: str, stem: str, base: Path, files: dict[str, bytes]
) -> tuple[dict[str, Value], tuple[str, ...]]:
    """Where kustomize finds the chart: `name`, and `repo` and `version` unless it is copied into `files`."""
    source = inputs.get("chart") or ""
    version = {"version": inputs["version"]} if inputs.get("version") else {}
    if source.startswith("oci://"):
        repository, _, source = source.rpartition("/")
    elif not repository:
        files |= {f"charts/{stem}/{path}": content for path, content in _local_chart(source, base).items()}
        return {"name": stem}, ()
    caches = tuple(f"charts/{source}{suffix}" for suffix in ("", *(f"-{number}" for number in version.values())))
    return {"name": source, "repo": repository} | version, caches


def _local_chart(source: str, base: Path) -> dict[str, bytes]:
    path = base / source
    if source.startswith(_REMOTE):
        raise NotRenderableError(f"kustomize can't take the chart from the address {source}: give its repository")
    if path.is_file():
        return _archive(path)
    if not (path / "Chart.yaml").is_file():
        raise NotRenderableError(f"no chart at {source}, and no repository is given")
    found = sorted(item for item in path.rglob("*") if item.is_file() and ".git" not in item.relative_to(path).parts)
    return {item.relative_to(path).as_posix(): _read(item) for item in found}


def _archive(path: Path) -> dict[str, bytes]:
    """The files of a chart packed by `helm package`, without the folder around them."""
    try:
        with tarfile.open(path) as archive:
            members = {PurePosixPath(member.name): archive.extractfile(member) for member in archive if member.isfile()}
            contents = {name: member.read() for name, member in members.items() if member}
    except (OSError, tarfile.TarError) as error:
        raise NotRenderableError(f"{path.name} is not a chart archive: {error}") from error
    if any(".." in name.parts or name.is_absolute() for name in contents):
        raise NotRenderableError(f"{path.name} has files outside of the chart's folder")
    return {"/".join(name.parts[1:]): content for name, content in sorted(contents.items())}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotRenderableError(f"{path.name}: {error.strerror}") from error
