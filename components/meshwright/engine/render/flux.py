"""A graph as Flux objects: a Kustomization for each unit, which waits for those that its resources wait for.

    kustomization.yaml         lists the Kustomizations: what Flux is pointed at
    flux/<unit>.yaml           the Kustomization of one unit, with `dependsOn` from the graph
    units/<unit>/              what it applies: objects, a bundle, or a HelmRelease with its source

A HelmRelease can wait for HelmReleases alone and a Kustomization for Kustomizations alone, so each release stands in a
Kustomization of its own, which is ready when the release is (`wait`). Objects are in Flux's own namespace; the release
and its record are in the chart's namespace, where `helm ls` shows them.

Sources: fluxcd.io/flux/components/{kustomize/kustomizations,helm/helmreleases,source/ocirepositories}.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshwright.engine.render.clusters import unique
from meshwright.engine.render.owners import one_owner
from meshwright.engine.render.repository import (
    Repository,
    annotated,
    awaited,
    has_null,
    stays,
    values_of,
    waiting_is_done,
)
from meshwright.engine.render.yaml_text import document

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from meshwright.engine.graph import Value
    from meshwright.engine.render.items import Item
    from meshwright.engine.render.units import Unit

_NAMESPACE = "flux-system"
_KUSTOMIZATION = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
_INTERVAL = "1h"
_RETRY = "2m"
_RETRIES = 3
_CHART_LAYER = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
_PULUMIS_TIMEOUT_S = 300
_PRUNE = "kustomize.toolkit.fluxcd.io/prune"
_APPLY = "kustomize.toolkit.fluxcd.io/ssa"


def files(
    stack: str, prefix: str, units: Sequence[Unit], repository: Repository
) -> tuple[dict[str, bytes], tuple[Item, ...]]:
    """The files of one cluster below `prefix`, by path, and the items as they were rendered."""
    units, created = one_owner(units, before_the_last=True)
    releases = {unit.name for unit in units if unit.release}
    made: dict[str, bytes] = {}
    for unit in units:
        folder = f"{prefix}units/{unit.name}"
        made |= {
            f"{folder}/{name}": content
            for name, content in _contents(stack, unit, releases, created, repository, folder)
        }
        made[f"{prefix}flux/{unit.name}.yaml"] = document(
            _kustomization(stack, unit, repository.below(folder), repository)
        )
    listed: list[Value] = [f"flux/{unit.name}.yaml" for unit in sorted(units, key=lambda unit: unit.name)]
    made[f"{prefix}kustomization.yaml"] = document(_KUSTOMIZATION | {"resources": listed})
    return made, tuple(waiting_is_done(item) for unit in units for item in unit.items)


def _kustomization(stack: str, unit: Unit, path: str, repository: Repository) -> dict[str, Value]:
    kind, _, name = repository.source.partition("/")
    spec: dict[str, Value] = {
        "interval": _INTERVAL,
        "retryInterval": _RETRY,
        "timeout": f"{_timeout_s(unit) + 60}s",
        "path": f"./{path}",
        "prune": unit.bundle is None,
        "wait": True,
        "sourceRef": {"kind": kind, "name": name},
    }
    if unit.bundle:  # deleting a CRD deletes all its objects, whoever made them
        spec["deletionPolicy"] = "Orphan"
    if unit.needs:
        spec["dependsOn"] = [{"name": f"{stack}-{need}"} for need in unit.needs]
    if checks := list(_health_checks(unit)):
        spec["healthCheckExprs"] = checks
    return _object("kustomize.toolkit.fluxcd.io/v1", "Kustomization", f"{stack}-{unit.name}", spec)


def _health_checks(unit: Unit) -> Iterator[dict[str, Value]]:
    """What Pulumi waits for, in CEL: Flux itself looks for `Ready` alone."""
    seen = set()
    for item in unit.items:
        if item.manifest and (condition := awaited(item)):
            body = item.manifest.body
            seen.add((body["apiVersion"], body["kind"], condition))
    for version, kind, condition in sorted(seen):
        has = f"has(status.conditions) && status.conditions.exists(c, c.type == '{condition}' && c.status == "
        yield {"apiVersion": version, "kind": kind, "current": f"{has}'True')"}


def _contents(
    stack: str, unit: Unit, releases: Collection[str], created: Collection[str], repository: Repository, folder: str
) -> Iterator[tuple[str, bytes]]:
    entries: list[Value] = []
    if unit.release:
        for name, content in _release(stack, unit, releases, repository, folder):
            yield name, content
            if "/" not in name:
                entries.append(name)
    elif unit.bundle and (bundle := unit.bundle.bundle):
        entries.append(bundle.address or bundle.file_name)
        if not bundle.address:
            yield bundle.file_name, bundle.content
    else:
        taken: set[str] = set()
        for item in unit.items:
            assert item.manifest  # noqa: S101
            name = unique(item.manifest.file_name, taken)
            entries.append(name)
            yield name, document(annotated(item, _annotations(item, created)))
    yield "kustomization.yaml", document(_KUSTOMIZATION | {"resources": sorted(entries)})


def _annotations(item: Item, created: Collection[str]) -> Mapping[str, str]:
    """What Flux must not do with an object: delete what Pulumi would keep, or undo what a later unit adds."""
    found = {_PRUNE: "disabled"} if stays(item) else {}
    return found | ({_APPLY: "IfNotPresent"} if item.resource.urn in created else {})


def _release(
    stack: str, unit: Unit, releases: Collection[str], repository: Repository, folder: str
) -> Iterator[tuple[str, bytes]]:
    """The HelmRelease, its source, and the files of a chart that no repository has."""
    assert unit.release  # noqa: S101
    chart, inputs = unit.release.chart, unit.release.resource.inputs
    assert chart  # noqa: S101
    entry, name = chart.entry, f"{stack}-{unit.name}"
    namespace = entry.get("namespace") or "default"
    source, reference = _source(entry, name, repository, folder)
    if source:
        yield "source.yaml", document(source)
    yield from ((path, content) for path, content in chart.files.items() if "/" in path)
    skip, hookless = not entry["includeCRDs"], bool(entry.get("skipHooks"))
    common = {"disableHooks": True} if hookless else {}
    common |= {"disableWait": True} if inputs.get("skipAwait") else {}
    spec: dict[str, Value] = {
        "interval": _INTERVAL,
        "timeout": f"{_timeout_s(unit)}s",
        "releaseName": entry["releaseName"],
        "targetNamespace": namespace,
        "storageNamespace": namespace,
        **reference,
        "install": {"crds": "Skip" if skip else "Create", "remediation": {"retries": _RETRIES}, **common},
        "upgrade": {"crds": "Skip" if skip else "CreateReplace", "remediation": {"retries": _RETRIES}, **common},
    }
    if chart.namespace_to_create:
        spec["install"]["createNamespace"] = True
    if needs := [{"name": f"{stack}-{need}"} for need in unit.needs if need in releases]:
        spec["dependsOn"] = needs
    values = values_of(chart)
    if has_null(values):
        text = document(values).decode()
        yield "values.yaml", document(_configmap(f"{name}-values", {"values.yaml": text}))
        spec["valuesFrom"] = [{"kind": "ConfigMap", "name": f"{name}-values"}]
    elif values:
        spec["values"] = values
    yield "release.yaml", document(_object("helm.toolkit.fluxcd.io/v2", "HelmRelease", name, spec))


def _source(
    entry: Mapping[str, Value], name: str, repository: Repository, folder: str
) -> tuple[dict[str, Value] | None, dict[str, Value]]:
    """The object that says where a chart is, and the release's reference to it."""
    version = entry.get("version")
    address = entry.get("repo", "")
    if address.startswith("oci://"):
        spec = {
            "interval": _INTERVAL,
            "url": f"{address}/{entry['name']}",
            # A tag can't hold the + of a version; Helm pushes it as an underscore.
            "ref": {"tag": version.replace("+", "_")} if version else {"semver": "*"},
            "layerSelector": {"mediaType": _CHART_LAYER, "operation": "copy"},
        }
        source = _object("source.toolkit.fluxcd.io/v1", "OCIRepository", name, spec)
        return source, {"chartRef": {"kind": "OCIRepository", "name": name}}
    chart: dict[str, Value] = {"chart": entry["name"], "interval": _INTERVAL}
    if not address:
        kind, _, source_name = repository.source.partition("/")
        where = {"kind": kind, "name": source_name}
        path = f"./{repository.below(folder)}/charts/{entry['name']}"
        return None, {"chart": {"spec": chart | {"chart": path, "sourceRef": where, "reconcileStrategy": "Revision"}}}
    chart |= {"version": version} if version else {}
    spec = {"interval": _INTERVAL, "url": address}
    source = _object("source.toolkit.fluxcd.io/v1", "HelmRepository", name, spec)
    return source, {"chart": {"spec": chart | {"sourceRef": {"kind": "HelmRepository", "name": name}}}}


def _timeout_s(unit: Unit) -> int:
    """How long the unit may take: as long as Pulumi's release waits, or its default."""
    given = unit.release.resource.inputs.get("timeout") if unit.release else None
    return int(given) if given else _PULUMIS_TIMEOUT_S


def _object(version: str, kind: str, name: str, spec: Mapping[str, Value]) -> dict[str, Value]:
    metadata = {"name": name, "namespace": _NAMESPACE}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def _configmap(name: str, data: Mapping[str, str]) -> dict[str, Value]:
    # The label lets a change of the values start a new reconciliation of the release at once.
    metadata = {"name": name, "namespace": _NAMESPACE, "labels": {"reconcile.fluxcd.io/watch": "Enabled"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
