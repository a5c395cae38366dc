"""`meshwright istio upgrade`: the way from one version of Istio to another, step by step."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meshwright.cli import options
from meshwright.cli.output import emit, line, show, show_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.cli.output import Line
    from meshwright.config.istio import IstioAmbientMesh
    from meshwright.istio.upgrade.steps import Step, UpgradePlan

app = typer.Typer(help="Upgrade Istio, step by step.", no_args_is_help=True)

_MARKS = {"done": ("✓", "green"), "next": ("→", "bold yellow"), "later": ("·", "dim")}


@app.callback()
def _group() -> None:
    """Upgrade Istio, step by step."""


@app.command("plan")
def plan(
    stack: options.Stack = "",
    *,
    stack_option: options.StackOption = "",
    to: Annotated[
        str,
        typer.Option(
            metavar="VERSION",
            show_default=False,
            help="A minor or a full version. Default: where the upgrade that is under way leads.",
        ),
    ] = "",
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print a page to tick off.")] = False,
    as_of: options.AsOf = "",
    catalog: options.CatalogFile = None,
    as_json: options.Json = False,
) -> int:
    """Say which steps lead to another version of Istio, what each changes, and what to look at before the next.

    It reads the stack file and the catalog, and nothing else: no program is run, no cluster is asked. Each step is one
    edit of the stack file and one update; an upgrade that is under way is taken up where it stands.
    """
    from meshwright.catalog import load_catalog
    from meshwright.config.clock import today
    from meshwright.istio.upgrade import output
    from meshwright.istio.upgrade.plan import plan_upgrade

    options.set_facts(as_of, catalog)
    name, mesh = _mesh(stack or stack_option)
    made = plan_upgrade(mesh, name, _target(to, mesh, name), load_catalog(), today())
    if as_json:
        show_json({"command": "istio upgrade plan", **output.as_data(made)})
    elif as_markdown:
        emit(output.markdown(made))
    else:
        show(_lines(made))
    return 0


def _mesh(stack: str) -> "tuple[str, IstioAmbientMesh]":
    """A stack of this project and its mesh. Raises `ConfigError`: it can't be read, or is none of Istio's."""
    from meshwright.cli.offline import choose_stack, find_project
    from meshwright.config import IstioAmbientMesh, load_stack
    from meshwright.engine.project import load_project
    from meshwright.errors import Code, ConfigError, Problem

    project = load_project(find_project(Path.cwd()))
    name = choose_stack(project, stack)
    path = project.stack_file(name)
    mesh = load_stack(path).mesh
    if not isinstance(mesh, IstioAmbientMesh):
        message = f"the stack {name} is of kind {mesh.kind}, which has no istiod to upgrade"
        raise ConfigError(Problem(Code.USAGE, message, "name a stack of kind istio-ambient", str(path)))
    return name, mesh


def _target(to: str, mesh: "IstioAmbientMesh", stack: str) -> str:
    from meshwright.errors import Code, ConfigError, Problem

    if to or mesh.upgrade:
        return to or (mesh.upgrade.to if mesh.upgrade else "")
    raise ConfigError(Problem(Code.USAGE, f"no upgrade of {stack} is under way", "say where to: --to 1.31"))


def _lines(plan: "UpgradePlan") -> "Iterator[Line]":
    yield line((f"{plan.stack}  istio {plan.start} to {plan.target}", "bold"), "   offline, nothing was changed")
    for fact in plan.facts:
        yield line(("  ! ", "yellow"), fact)
    for hop in plan.hops:
        if len(plan.hops) > 1:
            yield line("")
            yield line((f"{hop.start} to {hop.target}", "bold underline"))
        for number, step in enumerate(hop.steps, 1):
            yield line("")
            yield from _step(number, step)


def _step(number: int, step: "Step") -> "Iterator[Line]":
    from meshwright.istio.upgrade.output import edit_lines

    yield line(_MARKS[step.state], (f" {number}. {step.title}", "bold"), f"   {step.state}")
    yield line(f"    {step.why}")
    yield from (line("      ", (text, "cyan")) for text in edit_lines(step.edit))
    yield from (line("    preview: ", text) for text in step.changes)
    yield from (line("    - ", text) for text in step.do)
    for note in step.notes:
        yield line("    changes: ", (f"{note.name}: ", "bold"), f"{note.what} {note.do}")
        if note.undo:
            yield line("      the old way: ", note.undo)
    yield from (line("    check: ", (check.command, "cyan"), f"  {check.passes}") for check in step.checks)
    yield line("    back: ", step.rollback)
