"""`meshwright graph`: the program's resources as a picture."""

import sys
from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meshwright.cli import options
from meshwright.cli.output import emit, line, plural, show, show_json

if TYPE_CHECKING:
    from meshwright.cli.offline import Offline
    from meshwright.graphview import View


class Picture(StrEnum):
    """How a graph is drawn; the view's own list would have to import it at every start."""

    SVG = "svg"
    HTML = "html"
    MERMAID = "mermaid"
    DOT = "dot"


_ENDINGS = {".svg": Picture.SVG, ".html": Picture.HTML, ".htm": Picture.HTML, ".dot": Picture.DOT, ".gv": Picture.DOT}


def graph(
    stack: options.Stack = "",
    *,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", show_default=False, help="Write it there instead.")
    ] = None,
    form: Annotated[
        Picture | None,
        typer.Option("--format", show_default=False, help="Default: by the ending of --to; else mermaid."),
    ] = None,
    stack_option: options.StackOption = "",
    program: options.Program = None,
    policy_pack: options.Pack = None,
    policy_pack_config: options.PackConfig = None,
    given: options.GivenFile = None,
    as_of: options.AsOf = "",
    catalog: options.CatalogFile = None,
    timeout: options.Timeout = options.TIMEOUT_S,
    verbose: options.Verbose = False,
    as_json: options.Json = False,
) -> int:
    """Draw a program's resources: components, what waits for what, phases, and what policy says."""
    from meshwright import graphview
    from meshwright.cli.files import write_file
    from meshwright.cli.offline import Request, offline

    options.set_facts(as_of, catalog)
    run = offline(Request(stack or stack_option, program, policy_pack, given, timeout, policy_pack_config))
    if verbose:
        emit(run.graph.output, sys.stderr)
    chosen = form or (_ENDINGS.get(to.suffix.lower()) if to else None) or Picture.MERMAID
    view = view_of(run)
    drawn = graphview.draw(view, graphview.Picture(chosen))
    if to:
        write_file(to, drawn, make_folder=True)
    if as_json:
        about = {"command": "graph", "project": run.graph.project, "stack": run.settings.name, "format": chosen.value}
        show_json({**about, "file": str(to or ""), "picture": "" if to else drawn})
    elif to:
        groups = plural(len(view.cards), "group")
        show([line((str(to), "bold"), f"  {plural(view.resources, 'resource')} in {groups}")])
    else:
        emit(drawn)
    return 0


def view_of(run: "Offline") -> "View":
    """What is drawn of an offline run: its graph, and what policy said of it."""
    from meshwright import graphview
    from meshwright.config.clock import today
    from meshwright.engine.policy import Verdict

    marks = {Verdict.UNDECIDED: graphview.Mark.OPEN, Verdict.WAIVED: graphview.Mark.WAIVED}
    findings = [
        graphview.Finding(
            urn=each.urn,
            mark=marks.get(each.verdict)
            or (graphview.Mark.STOPS if each.level == "mandatory" else graphview.Mark.WARNS),
            rule=each.rule,
            message=" ".join(each.message.split()),
            remedy=" ".join(each.remedy.split()),
        )
        for each in run.report.findings
    ]
    found = Counter(rule.verdict for rule in run.report.rules)
    return graphview.view(
        run.graph, findings, str(today()), {verdict.value: found[verdict] for verdict in Verdict if found[verdict]}
    )
