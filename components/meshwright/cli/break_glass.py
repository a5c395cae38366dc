"""What the commands `break-glass` of all meshes share: a plan is previewed, run with --apply, and journaled."""

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from meshwright.cli.output import emit, line, show, show_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meshwright.breakglass.journal import Order, Record
    from meshwright.breakglass.plan import Plan
    from meshwright.cli.output import Line
    from meshwright.kubernetes.reading import ClusterReader

_HOURS = 4.0
_APPLYING = "To do it"

Context: TypeAlias = Annotated[str, typer.Option(metavar="NAME", help="The cluster's context; always named.")]
Kubeconfig: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", show_default=False, help="Default: kubectl's own choice.")
]
Apply: TypeAlias = Annotated[bool, typer.Option("--apply", help="Run the commands.", rich_help_panel=_APPLYING)]
Reason: TypeAlias = Annotated[
    str, typer.Option(metavar="TEXT", show_default=False, help="Why; it is journaled.", rich_help_panel=_APPLYING)
]
Hours: TypeAlias = Annotated[
    float,
    typer.Option(metavar="HOURS", min=0.1, help="When it is to be taken back.", rich_help_panel=_APPLYING),
]
JournalFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        show_default=False,
        help="Default: break-glass-SCENARIO-TIME.jsonl here.",
        rich_help_panel=_APPLYING,
    ),
]
Yes: TypeAlias = Annotated[
    bool, typer.Option("--yes", "-y", help="Don't ask before the first command.", rich_help_panel=_APPLYING)
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print the preview as one JSON object.")]
Written: TypeAlias = Annotated[Path, typer.Argument(metavar="JOURNAL", help="The journal that was written.")]


def scenario(app: typer.Typer, name: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Add a scenario's command to a mesh's: a function of `Asked` and, by keyword, of the options that it has alone."""

    def add(ask: Callable[..., int]) -> Callable[..., int]:
        context, *rest = inspect.signature(_asked).parameters.values()
        own = [each for each in inspect.signature(ask).parameters.values() if each.kind is each.KEYWORD_ONLY]

        def command(**given: Any) -> int:
            shared = {each.name: given.pop(each.name) for each in (context, *rest)}
            return ask(_asked(**shared), **given)

        # Typer reads a command's options from its signature and its annotations.
        taken = (context, *own, *rest)
        command.__signature__ = inspect.Signature(taken)  # type: ignore[attr-defined]
        command.__annotations__ = {each.name: each.annotation for each in taken}
        command.__doc__ = ask.__doc__
        app.command(name)(command)
        return ask

    return add


def resume(journal: Written, *, yes: Yes = False) -> int:
    """Go on with what a journal tells of: the steps that are not done."""
    from meshwright.breakglass.journal import go_on
    from meshwright.breakglass.run import apply

    with go_on(journal) as (writing, record):
        show(_record_lines(record))
        _confirm(record.order.context, yes=yes)
        apply(record.plan, record.order, writing, record.states, _tell(record.plan))
    show(_ended(record.plan, journal, record.expires.isoformat(timespec="minutes")))
    return 0


def undo(journal: Written, *, yes: Yes = False) -> int:
    """Take back what a journal tells of, the last step first."""
    from meshwright.breakglass.journal import go_on
    from meshwright.breakglass.run import undo as take_back

    with go_on(journal) as (writing, record):
        show(_record_lines(record))
        _confirm(record.order.context, yes=yes)
        take_back(record.plan, record.order, writing, record.states, _tell(record.plan))
        for number, step in enumerate(record.plan.steps):
            if record.states[number] and not step.undo and step.why_no_undo != "nothing to undo":
                show([line(("!", "yellow"), f" step {number + 1} stays as it is: {step.why_no_undo}")])
    return 0


@dataclass(frozen=True, slots=True)
class Asked:
    """What the options say, and what becomes of it."""

    context: str
    kubeconfig: Path | None
    is_applied: bool
    reason: str
    hours: float
    journal: Path | None
    yes: bool
    as_json: bool

    @property
    def order(self) -> "Order":
        """Who wants it done where, and why."""
        from meshwright.breakglass.journal import Order

        kubeconfig = str(self.kubeconfig.absolute()) if self.kubeconfig else ""
        return Order(self.context, kubeconfig, self.reason.strip(), self.hours)

    def answer(self, plan: "Callable[[ClusterReader], Plan]") -> int:
        """Make the plan and print it; do it where that is asked for."""
        from meshwright.errors import Code, ConfigError, Problem
        from meshwright.kubernetes.reading import open_cluster

        order = self.order
        if self.is_applied and not order.reason:
            raise ConfigError(Problem(Code.USAGE, "--apply needs a reason", "say why by --reason; it is journaled"))
        if self.is_applied and self.as_json:
            raise ConfigError(Problem(Code.USAGE, "--json is for the preview", "leave it out; the journal is JSON"))
        with open_cluster(order.context, order.kubeconfig) as reader:
            made = plan(reader)
        if self.as_json:
            show_json(_as_json(made, order.cluster))
            return 0
        show(_lines(made, order.cluster))
        if self.is_applied:
            return self._applied(made)
        runs = "do first what is yours" if made.before else "--apply --reason TEXT runs it"
        show([line(""), line(f"nothing was changed; {runs}")])
        return 0

    def _applied(self, plan: "Plan") -> int:
        from datetime import UTC, datetime, timedelta

        from meshwright.breakglass.journal import begin
        from meshwright.breakglass.run import apply

        order = self.order
        _refuse_too_early(plan)
        _confirm(order.context, yes=self.yes)
        now = datetime.now(UTC)
        path = self.journal or Path(f"break-glass-{plan.scenario}-{now:%Y%m%dT%H%M%SZ}.jsonl")
        show([line("journal: ", (str(path), "bold"))])
        with begin(path, plan, order) as journal:
            apply(plan, order, journal, [""] * len(plan.steps), _tell(plan))
        show(_ended(plan, path, (now + timedelta(hours=order.hours)).isoformat(timespec="minutes")))
        return 0


def _asked(
    *,
    context: Context,
    kubeconfig: Kubeconfig = None,
    apply: Apply = False,
    reason: Reason = "",
    hours: Hours = _HOURS,
    journal: JournalFile = None,
    yes: Yes = False,
    as_json: Json = False,
) -> Asked:
    """The options that every scenario has."""
    return Asked(context, kubeconfig, apply, reason, hours, journal, yes, as_json)


def _refuse_too_early(plan: "Plan") -> None:
    from meshwright.errors import Code, ConfigError, Problem

    if plan.before:
        message = f"{plan.scenario} begins with what kubectl can't do: {plan.before[0]}"
        raise ConfigError(Problem(Code.BREAK_GLASS_EARLY, message, "do what the plan names first, then run this again"))


def _confirm(context: str, *, yes: bool) -> None:
    """Ask for the context's name: who types it has read where it happens."""
    from meshwright.errors import Code, ConfigError, Problem

    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigError(Problem(Code.USAGE, "nobody is there to confirm the plan", "add --yes once you have read it"))
    emit(f"Type the context's name, {context}, to run this: ", sys.stderr)
    if sys.stdin.readline().strip() != context:
        raise typer.Abort


def _lines(plan: "Plan", cluster: "Sequence[str]") -> "list[Line]":
    from meshwright.breakglass.plan import shell

    lines = [line((f"{plan.scenario}: {plan.target}", "bold")), line(f"goal: {plan.goal}"), line("")]
    if plan.before:
        lines += [line(("first, by you", "bold")), *(line("  → ", each) for each in plan.before), line("")]
    for number, step in enumerate(plan.steps, 1):
        undone = shell(step.undo, cluster, step.undo_manifest) if step.undo else step.why_no_undo
        lines += [
            line((f"{number}. {step.says}", "bold")),
            line("   $ ", shell(step.command, cluster, step.manifest)),
            line(("   undo: ", "dim"), undone),
        ]
    lines += [line(""), line(("what remains", "bold")), *(line(("  ! ", "yellow"), each) for each in plan.risks)]
    lines += [line(("afterwards", "bold")), *(line("  → ", each) for each in plan.afterwards)]
    return lines


def _record_lines(record: "Record") -> "list[Line]":
    from datetime import UTC, datetime

    head = f"{record.plan.scenario}: {record.plan.target}, in {record.order.context}"
    lines = [line((head, "bold")), line(f"reason: {record.order.reason}")]
    if record.expires < datetime.now(UTC):
        lines.append(line(("! ", "yellow"), f"it was to be taken back by {record.expires:%Y-%m-%d %H:%M} UTC"))
    for number, (step, state) in enumerate(zip(record.plan.steps, record.states, strict=True), 1):
        lines.append(line(f"  {number}. {step.says}", (f"   {state or 'not begun'}", "dim")))
    return lines


def _tell(plan: "Plan") -> "Callable[[int, str], None]":
    def tell(number: int, state: str) -> None:
        sign = ("…", "dim") if state == "runs" else ("✓", "green")
        show([line(sign, f" {number + 1}. {plan.steps[number].says}", (f"   {state}", "dim"))])

    return tell


def _ended(plan: "Plan", journal: Path, expires: str) -> "list[Line]":
    return [
        line(("done", "green"), f": {plan.goal}"),
        line(f"take it back by {expires}: {plan.tool} undo {journal}"),
        *(line("  → ", each) for each in plan.afterwards),
    ]


def _as_json(plan: "Plan", cluster: "Sequence[str]") -> dict[str, Any]:
    from dataclasses import asdict

    from meshwright.breakglass.plan import shell

    steps = [
        {
            "says": step.says,
            "command": ["kubectl", *cluster, *step.command],
            "manifest": step.manifest,
            "undo": ["kubectl", *cluster, *step.undo] if step.undo else [],
            "why_no_undo": "" if step.undo else step.why_no_undo,
            "shell": shell(step.command, cluster, step.manifest),
        }
        for step in plan.steps
    ]
    return {"command": f"{plan.mesh} break-glass", **asdict(plan), "steps": steps}
