"""`meshwright render`: the program's Kubernetes objects as a folder of files, if policy allows it."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meshwright.cli import options
from meshwright.cli.output import Line, emit, line, plural, show, show_json

if TYPE_CHECKING:
    from meshwright.cli.offline import Offline
    from meshwright.engine.render import Rendering


def render(
    stack: options.Stack = "",
    *,
    to: Annotated[
        Path, typer.Option("--to", metavar="DIR", help="The folder to write: new, empty or rendered before.")
    ],
    stack_option: options.StackOption = "",
    program: options.Program = None,
    policy_pack: options.Pack = None,
    given: options.GivenFile = None,
    as_of: options.AsOf = "",
    catalog: options.CatalogFile = None,
    timeout: options.Timeout = options.TIMEOUT_S,
    verbose: options.Verbose = False,
    as_json: options.Json = False,
) -> int:
    """Write a program's Kubernetes objects as manifests in dependency waves, with a kustomization each."""
    from meshwright.cli import findings
    from meshwright.cli.offline import Request, offline
    from meshwright.cli.preview import overlays_used

    options.set_facts(as_of, catalog)
    run = offline(Request(stack or stack_option, program, policy_pack, given, timeout))
    if verbose:
        emit(run.graph.output, sys.stderr)
    rendering = None if run.report.blocks else write(run, to)
    if as_json:
        show_json(_content(run, to, rendering))
    elif rendering is None:
        show(findings.full(run))
        show([line(f"{findings.totals(run.report)}: nothing was written")])
    else:
        show(overlays_used())
        show(report(rendering, to))
        show([line(), line("next: ", next_step(to))])
    return int(run.report.blocks)


def write(run: "Offline", folder: Path) -> "Rendering":
    """Render what an offline run found. Raises `OutputError`."""
    from meshwright.engine import render as rendering

    made = rendering.render(run.graph, run.program_folder)
    rendering.write(made, folder)
    return made


def report(rendering: "Rendering", folder: Path) -> Iterator[Line]:
    """Where the files are, what is in them, and what is not."""
    from meshwright.engine.render import REPORT

    counted = [
        plural(number, noun)
        for number, noun in (
            (rendering.releases, "Helm release"),
            (rendering.objects, "object"),
            (rendering.bundles, "bundle"),
        )
        if number
    ]
    what = f"{', '.join(counted)} in {plural(rendering.waves, 'wave')}" if counted else "nothing that can be a file"
    yield line((f"{folder}/", "bold"), f"  {what}")
    if rendering.patches:
        said = plural(len(rendering.patches), "patch").replace("patchs", "patches")
        yield line(f"  {said} for server-side apply: commands in {folder / REPORT}")
    if rendering.not_rendered:
        yield line(f"  {plural(len(rendering.not_rendered), 'resource')} not rendered: reasons in {folder / REPORT}")
    if rendering.differences:
        yield line(f"  {plural(len(rendering.differences), 'difference')} from `pulumi up`: see {folder / REPORT}")


def next_step(folder: Path) -> str:
    """How the files are applied: in order, and not all at once, since kubectl does not wait as Pulumi does."""
    command = f"`kustomize build --enable-helm {folder}/wave-01 | kubectl apply --server-side -f -`"
    return f"wave by wave, each ready before the next: {command}"


def _content(run: "Offline", folder: Path, rendering: "Rendering | None") -> dict[str, Any]:
    from meshwright.cli import findings

    about = {"command": "render", "project": run.graph.project, "stack": run.settings.name, "folder": str(folder)}
    return {
        **about,
        "written": rendering is not None,
        "files": list(rendering.files) if rendering else [],
        "patches": list(rendering.patches) if rendering else [],
        "not_rendered": _remarks(rendering.not_rendered if rendering else ()),
        "differences": _remarks(rendering.differences if rendering else ()),
        **findings.as_json(run),
    }


def _remarks(remarks: tuple[Any, ...]) -> list[dict[str, str]]:
    return [{"urn": one.urn, "type": one.type, "name": one.name, "reason": one.text} for one in remarks]
