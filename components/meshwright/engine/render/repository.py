"""Where a GitOps tool will read the rendered folder from, and what its formats have in common."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshwright.engine.graph import Value
    from meshwright.engine.render.charts import Chart
    from meshwright.engine.render.items import Item

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WAIT_FOR = "pulumi.com/waitFor"
_CONDITION = "condition="


@dataclass(frozen=True, slots=True)
class Repository:
    """The repository that holds the rendered folder."""

    path: str = "."
    """The folder in it, with slashes."""
    url: str = ""
    """Its address; Argo CD needs it."""
    revision: str = "HEAD"
    """The branch, tag or commit that Argo CD follows."""
    source: str = "GitRepository/flux-system"
    """Kind and name of Flux's source; the default is the one that `flux bootstrap` makes."""

    def below(self, folder: str) -> str:
        """The path of a folder of the rendering."""
        return folder if self.path in ("", ".") else f"{self.path.rstrip('/')}/{folder}"


def values_of(chart: Chart) -> dict[str, Value]:
    """A release's values in one mapping, merged as Helm merges its values files: maps key by key, the last one wins."""
    names = [chart.entry["valuesFile"], *chart.entry.get("additionalValuesFiles", [])]
    merged: dict[str, Value] = {}
    for name in names:
        merged = deep_merge(merged, yaml.load(chart.files[name], _LOADER) or {})  # noqa: S506  a safe loader
    return merged


def deep_merge(below: Mapping[str, Value], above: Mapping[str, Value]) -> dict[str, Value]:
    """Both mappings in one; where both have a key, maps are merged and anything else is taken from `above`."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = deep_merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def has_null(value: Value) -> bool:
    """Whether a null is anywhere in a value: the API server drops nulls from objects, and Helm deletes keys by them."""
    if isinstance(value, dict):
        return any(map(has_null, value.values()))
    if isinstance(value, list):
        return any(map(has_null, value))
    return value is None


def annotated(item: Item, annotations: Mapping[str, str]) -> dict[str, Value]:
    """An object's body with more annotations; those of Pulumi alone are taken out."""
    assert item.manifest  # noqa: S101
    body = dict(item.manifest.body)
    metadata = dict(body["metadata"])
    kept = {key: text for key, text in (metadata.get("annotations") or {}).items() if not key.startswith("pulumi.com/")}
    if both := kept | dict(annotations):
        metadata["annotations"] = both
    else:
        metadata.pop("annotations", None)
    return body | {"metadata": metadata}


def awaited(item: Item) -> str:
    """The condition for which Pulumi waits (`Programmed`); empty for none, or where it is more than one condition."""
    text = str(((item.resource.inputs.get("metadata") or {}).get("annotations") or {}).get(_WAIT_FOR, ""))
    condition = text.removeprefix(_CONDITION)
    return condition if text.startswith(_CONDITION) and condition.isalnum() else ""


def stays(item: Item) -> bool:
    """Whether the object outlives its place in the program.

    A patch's object is somebody else's. Deleting a CRD deletes all its objects, whoever made them. An immutable
    ConfigMap's successor has another name, and who reads the old one is told of the new one later: Istio renders
    nothing for a Gateway whose ConfigMap is gone.
    """
    options = item.resource.options
    made = item.manifest
    of_others = made is not None and (made.is_patch or made.body["kind"] == "CustomResourceDefinition")
    return of_others or options.retain_on_delete or options.protect or item.resource.inputs.get("immutable") is True


def waiting_is_done(item: Item) -> Item:
    """The item as a tool renders it that waits for all that Pulumi waits for."""
    return said_of_waiting(item, "")


def said_of_waiting(item: Item, text: str) -> Item:
    """The item with another remark on what Pulumi waits for; none if `text` is empty."""
    if item.manifest is None or not awaited(item):
        return item
    kept = tuple(each for each in item.manifest.remarks if not each.startswith("Pulumi waits"))
    return replace(item, manifest=replace(item.manifest, remarks=(*kept, *([text] if text else []))))
