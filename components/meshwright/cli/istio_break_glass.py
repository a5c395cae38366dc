"""`meshwright istio break-glass`: what to do when the mesh fails; previewed, and journaled once it is done."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from meshwright.cli.output import emit, line, show, show_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from meshwright.cli.output import Line
    from meshwright.istio.breakglass.journal import Order, Record
    from meshwright.istio.breakglass.looking import Look
    from meshwright.istio.breakglass.plan import Plan

app = typer.Typer(help="What to do when the mesh fails: previewed, then run with --apply, and journaled.")

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
Namespace: TypeAlias = Annotated[str, typer.Option(metavar="NAME", help="The namespace.")]
Written: TypeAlias = Annotated[Path, typer.Argument(metavar="JOURNAL", help="The journal that was written.")]


@app.callback()
def _group() -> None:
    """What to do when the mesh fails. Each scenario prints its plan and changes nothing, unless --apply is given.

    Exit status 0: the plan was printed, or done; 2: it can't be made, or a command failed; 130: not confirmed.
    """


@app.command("strict-strands-caller")
def strict_strands_caller(
    *,
    context: Context,
    namespace: Namespace,
    workload: Annotated[
        str, typer.Option(metavar="KEY=VALUE", show_default=False, help="Label of one workload. Default: all.")
    ] = "",
    kubeconfig: Kubeconfig = None,
    apply: Apply = False,
    reason: Reason = "",
    hours: Hours = _HOURS,
    journal: JournalFile = None,
    yes: Yes = False,
    as_json: Json = False,
) -> int:
    """A strict namespace refuses a caller outside of the mesh: let it take plaintext again."""
    from meshwright.istio.breakglass import mtls

    asked = _Asked(context, kubeconfig, apply, reason, hours, journal, yes, as_json)
    return asked.answer(lambda look: mtls.plan(look, namespace, workload))


@app.command("waypoint-down")
def waypoint_down(
    *,
    context: Context,
    namespace: Namespace,
    waypoint: Annotated[str, typer.Option(metavar="NAME", help="Its Gateway.")] = "waypoint",
    bypass: Annotated[
        bool, typer.Option("--bypass", help="Send traffic past it, without its L7 policies. Default: restart it.")
    ] = False,
    kubeconfig: Kubeconfig = None,
    apply: Apply = False,
    reason: Reason = "",
    hours: Hours = _HOURS,
    journal: JournalFile = None,
    yes: Yes = False,
    as_json: Json = False,
) -> int:
    """A waypoint is down: restart it, or send traffic past it."""
    from meshwright.istio.breakglass import waypoint as scenario

    asked = _Asked(context, kubeconfig, apply, reason, hours, journal, yes, as_json)
    return asked.answer(lambda look: scenario.plan(look, namespace, waypoint, bypass=bypass))


@app.command("root-expired")
def root_expired(
    *,
    context: Context,
    ca_files: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", show_default=False, help="New files for the Secret cacerts, where the CA is one of yours."
        ),
    ] = None,
    kubeconfig: Kubeconfig = None,
    apply: Apply = False,
    reason: Reason = "",
    hours: Hours = _HOURS,
    journal: JournalFile = None,
    yes: Yes = False,
    as_json: Json = False,
) -> int:
    """The mesh's root has expired: give it a new one, and every proxy a new certificate."""
    from meshwright.istio.breakglass import root

    asked = _Asked(context, kubeconfig, apply, reason, hours, journal, yes, as_json)
    return asked.answer(lambda look: root.plan(look, ca_files))


@app.command("istiod-lost")
def istiod_lost(
    *,
    context: Context,
    relax_webhooks: Annotated[
        bool, typer.Option("--relax-webhooks", help="Let Istio's configuration be written while istiod is away.")
    ] = False,
    kubeconfig: Kubeconfig = None,
    apply: Apply = False,
    reason: Reason = "",
    hours: Hours = _HOURS,
    journal: JournalFile = None,
    yes: Yes = False,
    as_json: Json = False,
) -> int:
    """Istiod is lost: bring it back."""
    from meshwright.istio.breakglass import istiod

    asked = _Asked(context, kubeconfig, apply, reason, hours, journal, yes, as_json)
    return asked.answer(lambda look: istiod.plan(look, relax_webhooks=relax_webhooks))


@app.command("half-done-upgrade")
def half_done_upgrade(
    *,
    context: Context,
    part: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PART",
            show_default=False,
            help="ztunnel, istio-cni or istiod; repeatable. Default: what is newer than the oldest.",
        ),
    ] = None,
    kubeconfig: Kubeconfig = None,
    apply: Apply = False,
    reason: Reason = "",
    hours: Hours = _HOURS,
    journal: JournalFile = None,
    yes: Yes = False,
    as_json: Json = False,
) -> int:
    """An upgrade stopped half-way: go back to what ran before, the data plane first."""
    from meshwright.istio.breakglass import upgrade

    asked = _Asked(context, kubeconfig, apply, reason, hours, journal, yes, as_json)
    return asked.answer(lambda look: upgrade.plan(look, part or ()))


@app.command("resume")
def resume(journal: Written, *, yes: Yes = False) -> int:
    """Go on with what a journal tells of: the steps that are not done."""
    from meshwright.istio.breakglass.journal import go_on
    from meshwright.istio.breakglass.run import apply

    with go_on(journal) as (writing, record):
        show(_record_lines(record))
        _confirm(record.order.context, yes=yes)
        apply(record.plan, record.order, writing, record.states, _tell(record.plan))
    show(_ended(record.plan, journal, record.expires.isoformat(timespec="minutes")))
    return 0


@app.command("undo")
def undo(journal: Written, *, yes: Yes = False) -> int:
    """Take back what a journal tells of, the last step first."""
    from meshwright.istio.breakglass.journal import go_on
    from meshwright.istio.breakglass.run import undo as take_back

    with go_on(journal) as (writing, record):
        show(_record_lines(record))
        _confirm(record.order.context, yes=yes)
        take_back(record.plan, record.order, writing, record.states, _tell(record.plan))
        for number, step in enumerate(record.plan.steps):
            if record.states[number] and not step.undo and step.why_no_undo != "nothing to undo":
                show([line(("!", "yellow"), f" step {number + 1} stays as it is: {step.why_no_undo}")])
    return 0


@dataclass(frozen=True, slots=True)
class _Asked:
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
        from meshwright.istio.breakglass.journal import Order

        kubeconfig = str(self.kubeconfig.absolute()) if self.kubeconfig else ""
        return Order(self.context, kubeconfig, self.reason.strip(), self.hours)

    def answer(self, plan: "Callable[[Look], Plan]") -> int:
        """Make the plan and print it; do it where that is asked for."""
        from meshwright.errors import Code, ConfigError, Problem
        from meshwright.istio.breakglass.looking import Look
        from meshwright.kubernetes.reading import open_cluster

        order = self.order
        if self.is_applied and not order.reason:
            raise ConfigError(Problem(Code.USAGE, "--apply needs a reason", "say why by --reason; it is journaled"))
        if self.is_applied and self.as_json:
            raise ConfigError(Problem(Code.USAGE, "--json is for the preview", "leave it out; the journal is JSON"))
        with open_cluster(order.context, order.kubeconfig) as reader:
            made = plan(Look(reader))
        if self.as_json:
            show_json(_as_json(made, order.cluster))
            return 0
        show(_lines(made, order.cluster))
        if self.is_applied:
            return self._applied(made)
        show([line(""), line("nothing was changed; --apply --reason TEXT runs it")])
        return 0

    def _applied(self, plan: "Plan") -> int:
        from datetime import UTC, datetime, timedelta

        from meshwright.istio.breakglass.journal import begin
        from meshwright.istio.breakglass.run import apply

        order = self.order
        _confirm(order.context, yes=self.yes)
        now = datetime.now(UTC)
        path = self.journal or Path(f"break-glass-{plan.scenario}-{now:%Y%m%dT%H%M%SZ}.jsonl")
        show([line("journal: ", (str(path), "bold"))])
        with begin(path, plan, order) as journal:
            apply(plan, order, journal, [""] * len(plan.steps), _tell(plan))
        show(_ended(plan, path, (now + timedelta(hours=order.hours)).isoformat(timespec="minutes")))
        return 0


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
    from meshwright.istio.breakglass.plan import shell

    lines = [line((f"{plan.scenario}: {plan.target}", "bold")), line(f"goal: {plan.goal}"), line("")]
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
        line(f"take it back by {expires}: meshwright istio break-glass undo {journal}"),
        *(line("  → ", each) for each in plan.afterwards),
    ]


def _as_json(plan: "Plan", cluster: "Sequence[str]") -> dict[str, Any]:
    from dataclasses import asdict

    from meshwright.istio.breakglass.plan import shell

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
    return {"command": "istio break-glass", **asdict(plan), "steps": steps}
