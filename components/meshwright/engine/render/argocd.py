"""A graph as Argo CD Applications: a root one, whose sync waves are those of the graph.

    root.yaml                  the app of apps: the one file to apply
    argocd-cm.yaml             the health check for Applications, without which no wave waits for them
    sync/                      what the root syncs: Applications, and the objects themselves, each with its wave
    objects/<unit>/            objects of another cluster than Argo CD's own, each with an Application
    bundles/<unit>/            a kustomization of a bundle, for its own Application
    charts/<unit>/             a chart that no repository has

An object belongs to one Application alone, so patches of a rendered object are merged into it. No Application has
the finalizer that would delete what it installed. Where there are several clusters, each has such a tree in a folder
named after it, and Argo CD has to know the cluster by that name.

Sources: argo-cd.readthedocs.io/en/stable/user-guide/{sync-waves,sync-options,diffing,helm}, operator-manual/health.
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
    said_of_waiting,
    stays,
    values_of,
)
from meshwright.engine.render.yaml_text import document

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from meshwright.engine.graph import Value
    from meshwright.engine.render.charts import Chart
    from meshwright.engine.render.items import Item
    from meshwright.engine.render.units import Unit

ROOT = "root.yaml"
HEALTH = "argocd-cm.yaml"
_NAMESPACE = "argocd"
_IN_CLUSTER = "https://kubernetes.default.svc"
_KUSTOMIZATION = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
_WAVE = "argocd.argoproj.io/sync-wave"
_OPTIONS = "argocd.argoproj.io/sync-options"
_HEALTH_CHECK = """\
hs = {}
hs.status = "Progressing"
hs.message = ""
if obj.status ~= nil and obj.status.health ~= nil then
  hs.status = obj.status.health.status
  if obj.status.health.message ~= nil then
    hs.message = obj.status.health.message
  end
end
return hs
"""
"""From argo-cd.readthedocs.io/en/stable/operator-manual/health, "Argocd App"."""


def files(
    stack: str, prefix: str, units: Sequence[Unit], repository: Repository
) -> tuple[dict[str, bytes], tuple[Item, ...]]:
    """The files of one cluster below `prefix`, by path, and the items as they were rendered."""
    units, _ = one_owner(units, before_the_last=False)
    cluster = prefix.rstrip("/")
    taken: set[str] = set()
    made: dict[str, bytes] = {}
    for unit in units:
        name = f"{stack}-{unit.name}"
        if unit.release:
            made[f"{prefix}sync/{unit.name}.yaml"] = document(_release(name, cluster, prefix, unit, repository))
            chart = unit.release.chart
            made |= {prefix + path: data for path, data in (chart.files if chart else {}).items() if "/" in path}
        elif unit.bundle:
            made |= _bundle(name, cluster, prefix, unit, repository)
        elif cluster:
            made |= _objects_elsewhere(name, cluster, prefix, unit, repository)
        else:
            made |= {f"sync/{unique(path, taken)}": content for path, content in _objects(unit)}
    source = {
        "repoURL": repository.url,
        "path": repository.below(f"{prefix}sync"),
        "targetRevision": repository.revision,
    }
    name = f"{stack}-{cluster}" if cluster else stack
    made[prefix + ROOT] = document(
        _application(name, "", source, "default", ["ServerSideApply=true", "PruneLast=true"])
    )
    return made | {HEALTH: health()}, tuple(_rendered(item) for unit in units for item in unit.items)


def _rendered(item: Item) -> Item:
    condition = awaited(item)
    return said_of_waiting(item, f"Pulumi waits until it is {condition}; Argo CD, until its own health check passes")


def health() -> bytes:
    """The setting with which a sync wave waits until the Applications in it are healthy."""
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "argocd-cm", "namespace": _NAMESPACE},
        "data": {"resource.customizations.health.argoproj.io_Application": _HEALTH_CHECK},
    }
    return document(body)


def _objects(unit: Unit) -> Iterator[tuple[str, bytes]]:
    for item in unit.items:
        assert item.manifest  # noqa: S101
        yield item.manifest.file_name, document(annotated(item, _annotations(item, unit.wave)))


def _objects_elsewhere(name: str, cluster: str, prefix: str, unit: Unit, repository: Repository) -> dict[str, bytes]:
    """The objects of another cluster than Argo CD's own, and the Application that brings them there."""
    folder, taken = f"{prefix}objects/{unit.name}", set[str]()
    source = {"repoURL": repository.url, "path": repository.below(folder), "targetRevision": repository.revision}
    application = _application(name, cluster, source, "default", ["ServerSideApply=true"], unit.wave)
    files = {f"{folder}/{unique(path, taken)}": content for path, content in _objects(unit)}
    return files | {f"{prefix}sync/{unit.name}.yaml": document(application)}


def _annotations(item: Item, wave: int) -> dict[str, str]:
    options = []
    if stays(item):
        options += ["Prune=false", "Delete=false"]
    group, _, _ = item.manifest.body["apiVersion"].rpartition("/") if item.manifest else ("", "", "")
    if "." in group:  # its CRD may come with an earlier wave of the same sync
        options.append("SkipDryRunOnMissingResource=true")
    return {_WAVE: str(wave)} | ({_OPTIONS: ",".join(options)} if options else {})


def _release(name: str, cluster: str, prefix: str, unit: Unit, repository: Repository) -> dict[str, Value]:
    assert unit.release  # noqa: S101
    chart = unit.release.chart
    assert chart  # noqa: S101
    entry = chart.entry
    address = entry.get("repo", "").removeprefix("oci://")  # Argo CD knows a registry by the missing scheme
    source: dict[str, Value] = {"helm": _helm(chart)}
    if address:
        source |= {"repoURL": address, "chart": entry["name"], "targetRevision": entry.get("version") or "*"}
    else:
        path = repository.below(f"{prefix}charts/{entry['name']}")
        source |= {"repoURL": repository.url, "path": path, "targetRevision": repository.revision}
    options = ["ServerSideApply=true", "RespectIgnoreDifferences=true"]
    options += ["CreateNamespace=true"] if chart.namespace_to_create else []
    application = _application(name, cluster, source, entry.get("namespace") or "default", options, unit.wave)
    application["spec"]["ignoreDifferences"] = _ignored(unit)
    return application


def _helm(chart: Chart) -> dict[str, Value]:
    helm: dict[str, Value] = {"releaseName": chart.entry["releaseName"], "skipTests": True}
    values = values_of(chart)
    if has_null(values):
        helm["values"] = document(values).decode()
    elif values:
        helm["valuesObject"] = values
    if not chart.entry["includeCRDs"]:
        helm["skipCrds"] = True
    return helm


def _ignored(unit: Unit) -> list[Value]:
    """What controllers write into webhooks: the CA, and istiod the failure policy too, once it can answer."""
    assert unit.release  # noqa: S101
    paths: list[Value] = [".webhooks[]?.clientConfig.caBundle"]
    chart = unit.release.chart
    if chart and chart.entry["releaseName"].startswith("istio"):
        paths.append(".webhooks[]?.failurePolicy")
    kinds = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
    return [{"group": "admissionregistration.k8s.io", "kind": kind, "jqPathExpressions": paths} for kind in kinds]


def _bundle(name: str, cluster: str, prefix: str, unit: Unit, repository: Repository) -> dict[str, bytes]:
    assert unit.bundle  # noqa: S101
    bundle = unit.bundle.bundle
    assert bundle  # noqa: S101
    folder = f"{prefix}bundles/{unit.name}"
    # Deleting a CRD deletes all its objects, whoever made them: these stay.
    options = ["ServerSideApply=true", "Prune=false"]
    source = {"repoURL": repository.url, "path": repository.below(folder), "targetRevision": repository.revision}
    application = _application(name, cluster, source, "default", options, unit.wave)
    listed: list[Value] = [bundle.address or bundle.file_name]
    files = {} if bundle.address else {f"{folder}/{bundle.file_name}": bundle.content}
    return files | {
        f"{folder}/kustomization.yaml": document(_KUSTOMIZATION | {"resources": listed}),
        f"{prefix}sync/{unit.name}.yaml": document(application),
    }


def _application(
    name: str, cluster: str, source: dict[str, Value], namespace: str, options: Sequence[str], wave: int | None = None
) -> dict[str, Value]:
    metadata: dict[str, Value] = {"name": name, "namespace": _NAMESPACE}
    if wave is not None:
        metadata["annotations"] = {_WAVE: str(wave)}
    destination = {"name": cluster} if cluster else {"server": _IN_CLUSTER}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": metadata,
        "spec": {
            "project": "default",
            "source": source,
            "destination": destination | {"namespace": namespace},
            "syncPolicy": {
                "automated": {"prune": True, "selfHeal": True},
                "syncOptions": list(options),
                "retry": {"limit": 5, "backoff": {"duration": "10s", "factor": 2, "maxDuration": "3m"}},
            },
        },
    }
