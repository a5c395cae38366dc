"""`meshwright preview`: what `pulumi up` would make, and what policy says of it."""

import sys
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meshwright.cli import options
from meshwright.cli.output import Line, emit, line, plural, show, show_json

if TYPE_CHECKING:
    from types import ModuleType

    from meshwright.cli.offline import Offline
    from meshwright.engine.graph import Graph

_NAMED = 5
"""Subjects named in a note; the JSON has them all."""


def preview(
    stack: options.Stack = "",
    *,
    stack_option: options.StackOption = "",
    program: options.Program = None,
    policy_pack: options.Pack = None,
    policy_pack_config: options.PackConfig = None,
    given: options.GivenFile = None,
    tree: Annotated[bool, typer.Option("--tree", help="Show every resource.")] = False,
    as_of: options.AsOf = "",
    catalog: options.CatalogFile = None,
    timeout: options.Timeout = options.TIMEOUT_S,
    verbose: options.Verbose = False,
    as_json: options.Json = False,
) -> int:
    """Show what a program would make, and what policy says of it. Nothing is changed."""
    from meshwright.cli.offline import Request, offline

    options.set_facts(as_of, catalog)
    run = offline(Request(stack or stack_option, program, policy_pack, given, timeout, policy_pack_config))
    if verbose:
        emit(run.graph.output, sys.stderr)
    if as_json:
        show_json(content(run))
    else:
        show(report(run, tree=tree))
    return int(run.report.blocks)


def report(run: "Offline", *, tree: bool = False) -> Iterator[Line]:
    """The whole preview, as lines."""
    from meshwright.cli import findings, trees
    from meshwright.config.clock import is_pinned, today

    graph = run.graph
    mesh = _summary(graph)
    name = f"{run.settings.name}  {mesh.title(graph)}" if mesh else f"{graph.project}/{run.settings.name}"
    day = f", as of {today()}" if is_pinned() else ""
    yield line((name.ljust(70), "bold"), (f"  offline{day}, nothing was changed", "dim"))
    yield from overlays_used()
    yield line()
    if tree:
        yield from trees.whole(graph)
    else:
        yield from mesh.lines(graph) if mesh else trees.overview(graph)
    yield line()
    resources = plural(len(graph.resources), "resource")
    yield line(f"{resources} · {findings.counts_in_words(run.report)} · {run.seconds:.1f} s")
    yield from findings.short(run)
    yield from _warnings(run)
    yield from _notes(run)
    yield line()
    yield line("next: ", next_step(run))


def _summary(graph: "Graph") -> "ModuleType | None":
    """What sums up the mesh in the graph; None for a program without one."""
    from meshwright.cli import consul_summary, linkerd_summary, summary

    return next((each for each in (summary, linkerd_summary, consul_summary) if each.is_mesh(graph)), None)


def overlays_used() -> Iterator[Line]:
    """A line where the catalog's facts are not all ours."""
    from meshwright.catalog import load_catalog

    if overlays := load_catalog().overlays:
        yield line((f"catalog corrected by {', '.join(overlays)}", "dim"))


def next_step(run: "Offline") -> str:
    """What to do now: mend what stops the change, else the rollout's next step, else deploy."""
    if run.report.blocks:
        return "mend what is marked ✗; `meshwright gate` says where, and why"
    if mesh := _summary(run.graph):
        return str(mesh.what_next(run.graph))
    return f"`pulumi up`, or `meshwright render --to out/{run.settings.name}`"


def content(run: "Offline") -> dict[str, Any]:
    """The preview as JSON. Inputs are left out: they may hold what nobody should print."""
    from meshwright.catalog import load_catalog
    from meshwright.cli import findings
    from meshwright.config.clock import today

    return {
        "command": "preview",
        "project": run.graph.project,
        "stack": run.settings.name,
        "as_of": str(today()),
        "catalog_overlays": list(load_catalog().overlays),
        "resources": [
            {"urn": resource.urn, "type": resource.type, "name": resource.name, "parent": resource.parent}
            for resource in run.graph
        ],
        **findings.as_json(run),
        "notes": [{"subject": note.subject, "text": note.text} for note in run.graph.notes],
        "next": next_step(run),
        "seconds": round(run.seconds, 3),
    }


def _warnings(run: "Offline") -> Iterator[Line]:
    for log in run.graph.logs:
        if log.severity in ("warning", "error"):
            yield line("  ", ("!", "yellow"), f" the program says: {' '.join(log.message.split())}")


def _notes(run: "Offline") -> Iterator[Line]:
    """What the offline run could not know, each once, with those whom it concerns."""
    subjects: dict[str, list[str]] = defaultdict(list)
    for note in run.graph.notes:
        subjects[note.text].append(note.subject.rpartition("::")[2])
    for text, names in subjects.items():
        more = len(names) - _NAMED
        named = ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
        yield line("  ", ("·", "dim"), f" {named}: {text}")
