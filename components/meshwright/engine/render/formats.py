"""A graph in the format of the tool that will apply it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from meshwright.engine.render import argocd, flux, helmfile
from meshwright.engine.render.items import collect
from meshwright.engine.render.rendering import Rendering, differences_of, render
from meshwright.engine.render.report import REPORT, report
from meshwright.engine.render.repository import Repository
from meshwright.engine.render.units import units

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from meshwright.engine.graph import Graph
    from meshwright.engine.render.items import Item
    from meshwright.engine.render.units import Unit


class Tool(StrEnum):
    """Who applies the files."""

    MANIFESTS = "manifests"
    """`kubectl` and kustomize, wave by wave."""
    FLUX = "flux"
    ARGOCD = "argocd"
    HELMFILE = "helmfile"


_FIRST_STEPS = {
    Tool.ARGOCD: (
        "Before the first sync",
        "Argo CD waits for the Applications of a wave only if it is told how healthy they are. Once for each Argo CD:",
        f"kubectl apply --server-side --field-manager=meshwright -f {argocd.HEALTH}",
    )
}


def render_as(graph: Graph, base: Path, to: Tool, repository: Repository | None = None) -> Rendering:
    """Render a graph; nothing is written: see `folder.write`.

    Args:
        graph: What the program registered.
        base: The folder that the program ran in, where relative paths start.
        to: The tool that will apply the files.
        repository: Where Flux and Argo CD will find them; unused by the others.
    """
    if to is Tool.MANIFESTS:
        return render(graph, base)
    repository = repository or Repository()
    items, left_out = collect(graph, base)
    files: dict[str, bytes] = {}
    rendered: dict[str, Item] = {}
    waves = 0
    for cluster, members in units(graph, items):
        prefix = f"{cluster}/" if cluster else ""
        match to:
            case Tool.FLUX:
                made, kept = flux.files(graph.stack, prefix, members, repository)
            case Tool.ARGOCD:
                made, kept = argocd.files(graph.stack, prefix, members, repository)
            case _:
                made, kept = helmfile.files(graph.stack, prefix, members, _context(graph, members))
        files |= made
        rendered |= {item.resource.urn: item for item in kept}
        waves = max(waves, len({unit.wave for unit in members}))
    differences = differences_of(rendered[urn] for urn in sorted(rendered))
    first_steps = _FIRST_STEPS.get(to, ()) if files else ()
    if left_out or differences or first_steps:
        files[REPORT] = report(graph, left_out, differences, (), first_steps)
    return Rendering(
        project=graph.project,
        stack=graph.stack,
        files=dict(sorted(files.items())),
        objects=sum(item.manifest is not None for item in rendered.values()),
        releases=sum(item.chart is not None for item in rendered.values()),
        bundles=sum(item.bundle is not None for item in rendered.values()),
        waves=waves,
        patches=(),
        not_rendered=left_out,
        differences=differences,
        caches=(),
    )


def _context(graph: Graph, members: Sequence[Unit]) -> str:
    """The context that the cluster's provider names; empty if it names none that can be written."""
    by_urn = {resource.urn: resource for resource in graph}
    provider = by_urn.get(members[0].items[0].resource.provider)
    context = provider.inputs.get("context") if provider else None
    return context if isinstance(context, str) else ""
