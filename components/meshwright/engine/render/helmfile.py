"""A graph as a helmfile: a release for each unit, with `needs` from the graph.

    helmfile.yaml              for helmfile 1.x; with 0.x, which runs every file as a template, name it otherwise
    values/<unit>*.yaml        a release's values, in the order in which Helm merges them
    charts/<unit>/             the objects of one unit as a local chart; or a chart that no repository has
    bundles/, patches/         what Helm must not own: applied by `kubectl` from hooks of the unit's release

A chart of objects reads them from its `objects/` folder as they are, so that braces in them are no templates. A bundle
is not made a chart, since an uninstall would delete its CRDs and with them every object of theirs. A patch belongs to
an object that another release or nobody here owns, so it is applied server-side by a manager of its own name.

Source: helmfile.readthedocs.io, and the fields of pkg/state/state.go and pkg/event/bus.go in helmfile's repository.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from meshwright.engine.render.clusters import unique
from meshwright.engine.render.manifests import file_stem
from meshwright.engine.render.repository import annotated, awaited, stays, waiting_is_done
from meshwright.engine.render.yaml_text import document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from meshwright.engine.graph import Value
    from meshwright.engine.render.charts import Chart
    from meshwright.engine.render.items import Item
    from meshwright.engine.render.units import Unit

FILE = "helmfile.yaml"
_PULUMIS_TIMEOUT_S = 300
_TEMPLATE = b"""\
{{- range $path, $_ := .Files.Glob "objects/*.yaml" }}
---
{{ $.Files.Get $path }}
{{- end }}
"""


def files(
    stack: str, prefix: str, units: Sequence[Unit], context: str = ""
) -> tuple[dict[str, bytes], tuple[Item, ...]]:
    """The files of one cluster below `prefix`, by path, and the items as they were rendered.

    `context` is the cluster's context in the kubeconfig; where it is empty, the current one is used.
    """
    addresses = sorted(
        {unit.release.chart.entry.get("repo", "") for unit in units if unit.release and unit.release.chart}
    )
    taken: set[str] = set()
    repositories = {
        address: unique(file_stem(address.partition("://")[2]).replace(".", "-"), taken)
        for address in addresses
        if address.startswith("http")
    }
    places = {unit.name: f"{_namespace(unit)}/{_name(stack, unit)}" for unit in units}
    made: dict[str, bytes] = {}
    releases: list[Value] = []
    for unit in units:
        entry = _release(unit, repositories) if unit.release else _local(unit, context)
        entry |= {"name": _name(stack, unit), "namespace": _namespace(unit)}
        entry |= {"needs": [places[need] for need in unit.needs]} if unit.needs else {}
        releases.append(entry)
        made |= {f"{prefix}{path}": content for path, content in _files(unit)}
    content: dict[str, Value] = {
        "helmDefaults": {"wait": True, "timeout": _PULUMIS_TIMEOUT_S, "createNamespace": False, "cleanupOnFail": True},
        "releases": releases,
    }
    if context:
        content["helmDefaults"]["kubeContext"] = context
    if repositories:
        content["repositories"] = [{"name": name, "url": address} for address, name in repositories.items()]
    made[prefix + FILE] = document(content)
    return made, tuple(_rendered(item) for unit in units for item in unit.items)


def _rendered(item: Item) -> Item:
    item = waiting_is_done(item)
    if item.chart is None:
        return item
    more = [] if item.chart.entry["includeCRDs"] else ["helmfile installs its CRDs: it can't skip those of one release"]
    more += ["helmfile runs its hooks: it can't skip those of one release"] if item.chart.entry.get("skipHooks") else []
    return replace(item, chart=replace(item.chart, remarks=(*item.chart.remarks, *more)))


def _name(stack: str, unit: Unit) -> str:
    return unit.release.chart.entry["releaseName"] if unit.release and unit.release.chart else f"{stack}-{unit.name}"


def _namespace(unit: Unit) -> str:
    """Where Helm keeps the release's record; of objects the namespace that is always there."""
    return (unit.release.chart.entry.get("namespace") if unit.release and unit.release.chart else "") or "default"


def _release(unit: Unit, repositories: Mapping[str, str]) -> dict[str, Value]:
    assert unit.release  # noqa: S101
    chart, inputs = unit.release.chart, unit.release.resource.inputs
    assert chart  # noqa: S101
    address, name = chart.entry.get("repo", ""), chart.entry["name"]
    where = f"./charts/{name}"
    if address:
        where = f"{repositories[address]}/{name}" if address in repositories else f"{address}/{name}"
    entry: dict[str, Value] = {"chart": where, "values": [f"values/{path}" for path in _values(chart)]}
    if chart.entry.get("version"):
        entry["version"] = chart.entry["version"]
    if chart.namespace_to_create:
        entry["createNamespace"] = True
    if inputs.get("timeout"):
        entry["timeout"] = int(inputs["timeout"])
    if inputs.get("skipAwait"):
        entry["wait"] = False
    return entry


def _values(chart: Chart) -> list[str]:
    """The names of a release's values files; the last one wins, in helmfile as in kustomize."""
    return [chart.entry["valuesFile"], *chart.entry.get("additionalValuesFiles", [])]


def _local(unit: Unit, context: str) -> dict[str, Value]:
    entry: dict[str, Value] = {"chart": f"./charts/{unit.name}"}
    if hooks := list(_hooks(unit, context)):
        entry["hooks"] = hooks
    return entry


def _hooks(unit: Unit, context: str) -> Iterator[dict[str, Value]]:
    """What `kubectl` does for a unit: a bundle before its release, patches and waiting after it."""
    if unit.bundle and (bundle := unit.bundle.bundle):
        place = bundle.address or f"bundles/{bundle.file_name}"
        arguments = ["--server-side", "--force-conflicts", "--field-manager=meshwright", "-f", place]
        yield _kubectl(context, "presync", "apply", *arguments)
        if bundle.address or b"CustomResourceDefinition" in bundle.content:
            everyone = ("--timeout=60s", "customresourcedefinitions", "--all")
            yield _kubectl(context, "presync", "wait", "--for=condition=Established", *everyone)
    for path, item in _named(unit):
        if item.manifest and item.manifest.is_patch:
            manager = f"--field-manager=meshwright-{unit.name}"
            yield _kubectl(context, "postsync", "apply", "--server-side", manager, "-f", f"patches/{unit.name}/{path}")
        elif item.manifest and (condition := awaited(item)):
            body = item.manifest.body
            group = body["apiVersion"].rpartition("/")[0]
            what = f"{body['kind'].lower()}{'.' if group else ''}{group}/{body['metadata']['name']}"
            arguments = [f"--for=condition={condition}", f"--timeout={_PULUMIS_TIMEOUT_S}s", what]
            arguments += [f"--namespace={body['metadata']['namespace']}"] if body["metadata"].get("namespace") else []
            yield _kubectl(context, "postsync", "wait", *arguments)


def _kubectl(context: str, event: str, *arguments: str) -> dict[str, Value]:
    cluster = [f"--context={context}"] if context else []
    return {"events": [event], "command": "kubectl", "args": [*cluster, *arguments], "showlogs": True}


def _named(unit: Unit) -> Iterator[tuple[str, Item]]:
    taken: set[str] = set()
    for item in unit.items:
        if item.manifest:
            yield unique(item.manifest.file_name, taken), item


def _files(unit: Unit) -> Iterator[tuple[str, bytes]]:
    if unit.release and (chart := unit.release.chart):
        yield from ((path if "/" in path else f"values/{path}", content) for path, content in chart.files.items())
        return
    folder = f"charts/{unit.name}"
    about = {"apiVersion": "v2", "name": unit.name, "version": "0.1.0", "description": "Objects of a meshwright stack"}
    yield f"{folder}/Chart.yaml", document(about)
    if unit.bundle and (bundle := unit.bundle.bundle) and not bundle.address:
        yield f"bundles/{bundle.file_name}", bundle.content
    objects = False
    for path, item in _named(unit):
        if item.manifest and item.manifest.is_patch:
            yield f"patches/{unit.name}/{path}", document(annotated(item, {}))
        else:
            objects = True
            kept = {"helm.sh/resource-policy": "keep"} if stays(item) else {}
            yield (
                f"{folder}/objects/{path}",
                document(annotated(item, kept)),
            )
    if objects:
        yield f"{folder}/templates/objects.yaml", _TEMPLATE
