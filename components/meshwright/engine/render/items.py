"""What each resource of a graph is outside of Pulumi: an object, a chart, a bundle of files, or nothing that can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshwright.engine.render.bundles import CONFIG_FILE, Bundle, bundle
from meshwright.engine.render.charts import RELEASE, Chart, chart
from meshwright.engine.render.manifests import Manifest, NotRenderableError, is_object, manifest
from meshwright.engine.render.report import Remark

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from meshwright.engine.graph import Graph, Resource


@dataclass(frozen=True, slots=True)
class Item:
    """One resource; exactly one of `manifest`, `chart` and `bundle` is there."""

    resource: Resource
    manifest: Manifest | None = None
    chart: Chart | None = None
    bundle: Bundle | None = None

    @property
    def remarks(self) -> tuple[str, ...]:
        """In what applying it differs from what Pulumi would do."""
        made = self.manifest or self.chart
        return made.remarks if made else ()


def collect(graph: Graph, base: Path) -> tuple[Mapping[str, Item], tuple[Remark, ...]]:
    """The items by URN, and a remark on each resource that is none; both in the order of URNs.

    Components are neither: what is in them stands for them.
    """
    items: dict[str, Item] = {}
    left_out = []
    for resource in sorted(graph, key=lambda resource: resource.urn):
        if not (resource.custom or resource.remote):
            continue
        try:
            items[resource.urn] = _item(resource, base)
        except NotRenderableError as reason:
            left_out.append(Remark(resource.urn, resource.type, resource.name, str(reason)))
    return items, tuple(left_out)


def _item(resource: Resource, base: Path) -> Item:
    if resource.read:
        raise NotRenderableError("it is read, not managed")
    # The inputs of these outputs are the same values: Pulumi shows neither.
    if secret := [name for name in resource.options.additional_secret_outputs if resource.inputs.get(name)]:
        raise NotRenderableError(f"a secret is never written to a file (additionalSecretOutputs): {', '.join(secret)}")
    if resource.type == RELEASE:
        return Item(resource, chart=chart(resource, base))
    if resource.type == CONFIG_FILE:
        return Item(resource, bundle=bundle(resource, base))
    if is_object(resource):
        return Item(resource, manifest=manifest(resource))
    if resource.type.startswith("pulumi:providers:"):
        raise NotRenderableError("a provider's settings stay with Pulumi")
    if resource.remote:
        raise NotRenderableError("a remote component: its provider makes what is in it during the deployment")
    raise NotRenderableError("not a Kubernetes object: Pulumi alone makes it")
