"""The commands put together, and what becomes of every error: one line a problem, and never a traceback.

Exit status: 0 fine, 1 a mandatory rule is violated, 2 a mistake in what we were given or (rarely) in meshwright itself,
130 interrupted. `up` ends with the status of `pulumi` where it hands over to it.
"""

from __future__ import annotations

import os
import sys
import traceback
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from meshwright.cli import evidence, gate, graph, init, preview, render, schema, up, version
from meshwright.cli.certs import app as certs
from meshwright.cli.consul import app as consul
from meshwright.cli.istio import app as istio
from meshwright.cli.linkerd import app as linkerd
from meshwright.cli.output import emit, is_styled, show_problems
from meshwright.cli.rules import app as rules
from meshwright.errors import Code, MeshwrightError, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

_ParserError: type[Exception] = typer.BadParameter.__mro__[2]
"""click's ClickException; Typer carries its own copy of click in some versions, under a private name."""

_FAILED = 2
_INTERRUPTED = 130

app = typer.Typer(
    name="meshwright",
    help="Preview, check and render a service mesh from a Pulumi program, without a cluster, a cloud or an account.",
    pretty_exceptions_enable=False,
    rich_markup_mode="rich" if is_styled() else None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("preview")(preview.preview)
app.command("gate")(gate.gate)
app.command("render")(render.render)
app.add_typer(rules, name="rules")
app.command("graph")(graph.graph)
app.command("up")(up.up)
app.command("init")(init.init)
app.add_typer(certs, name="certs")
app.add_typer(consul, name="consul")
app.add_typer(istio, name="istio")
app.add_typer(linkerd, name="linkerd")
app.command("schema")(schema.schema)
app.add_typer(evidence.evidence, name="evidence")
app.command("version")(version.version)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status; `arguments` defaults to those of the process."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="replace")
    try:
        status = typer.main.get_command(app).main(given or ["--help"], "meshwright", standalone_mode=False)
    except MeshwrightError as error:
        _show_details(error, given)
        show_problems([_from_here(problem) for problem in error.problems], as_json="--json" in given)
        return _FAILED
    except _ParserError as error:
        show_problems([_usage(error)], as_json="--json" in given)
        return _FAILED
    except (KeyboardInterrupt, typer.Abort):
        return _INTERRUPTED
    except Exception as error:
        if "--verbose" in given:
            traceback.print_exc()
        show_problems([_unexpected(error)], as_json="--json" in given)
        return _FAILED
    return status if isinstance(status, int) else 0


def _from_here(problem: Problem) -> Problem:
    """The problem with its place as a person here would write it."""
    return replace(problem, place=problem.place.removeprefix(f"{Path.cwd()}{os.sep}"))


def _show_details(error: MeshwrightError, given: Sequence[str]) -> None:
    """What a failed program printed, and its traceback, for those who ask for it."""
    if "--verbose" in given:
        for attribute in ("output", "traceback"):
            if text := getattr(error, attribute, ""):
                emit(text.rstrip("\n") + "\n", sys.stderr)


def _usage(error: Exception) -> Problem:
    message = " ".join(getattr(error, "format_message", error.__str__)().split()).rstrip(".")
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "meshwright"
    return Problem(Code.USAGE, message, f"see {command} --help")


def _unexpected(error: Exception) -> Problem:
    text = " ".join(str(error).split())[:300]
    what = f"this is a fault of meshwright's, not of yours: {type(error).__name__}: {text}"
    return Problem(Code.UNEXPECTED, what, "run it again with --verbose, and report what it says")
