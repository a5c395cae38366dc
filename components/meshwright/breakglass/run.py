"""Run a plan one command at a time, go on where one was stopped, and take it back."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Final

from meshwright.breakglass.journal import BEGUN, DONE, UNDOING, UNDONE
from meshwright.errors import Code, ConfigError, Problem
from meshwright.kubernetes.reading import kubectl

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from meshwright.breakglass.journal import Journal, Order
    from meshwright.breakglass.plan import Plan

RUNS: Final = "runs"
_TIMEOUT_S: Final = 600.0
_GRACE_S: Final = 60.0  # that kubectl has to end by itself once its own --timeout is over
_TIMEOUT: Final = re.compile(r"--timeout=(\d+)s")
_SAID: Final = 500  # characters of what kubectl says that are kept


def apply(plan: Plan, order: Order, journal: Journal, states: Sequence[str], tell: Callable[[int, str], None]) -> None:
    """Run the steps that are not done yet, in order.

    Raises:
        ConfigError: MW-E173: a command failed. The steps after it were not run.
    """
    for number, step in enumerate(plan.steps):
        if states[number] != DONE:
            again = step.done_if_says if states[number] == BEGUN else ""
            _run(journal, order, plan.tool, number, (step.command, step.manifest, again), DONE, tell)


def undo(plan: Plan, order: Order, journal: Journal, states: Sequence[str], tell: Callable[[int, str], None]) -> None:
    """Take back the steps that were begun, the last first; those without a way back are left.

    Raises:
        ConfigError: MW-E173: a command failed. The steps before it were not taken back.
    """
    for number, step in reversed(list(enumerate(plan.steps))):
        if states[number] in (BEGUN, DONE, UNDOING) and step.undo:
            again = step.done_if_says if states[number] == UNDOING else ""
            _run(journal, order, plan.tool, number, (step.undo, step.undo_manifest, again), UNDONE, tell)


def _run(
    journal: Journal,
    order: Order,
    tool: str,
    number: int,
    what: tuple[Sequence[str], str, str],
    state: str,
    tell: Callable[[int, str], None],
) -> None:
    command, manifest, done_if_says = what
    # What was being taken back when a run broke off has to be taken back again.
    before = BEGUN if state == DONE else UNDOING
    journal.write("begin", step=number, state=before, command=list(command), reason=order.reason)
    tell(number, RUNS)
    status, said = _kubectl(order, command, manifest)
    is_done = status == 0 or (bool(done_if_says) and done_if_says in said)
    journal.write("end", step=number, state=state if is_done else before, status=status, said=said)
    if not is_done:
        message = f"step {number + 1} failed: {said or f'kubectl ended with status {status}'}"
        remedy = f"see the reason; then `{tool} resume {journal.path}`, or `undo` with it"
        raise ConfigError(Problem(Code.BREAK_GLASS_STOPPED, message, remedy, str(journal.path)))
    tell(number, state)


def _kubectl(order: Order, command: Sequence[str], manifest: str) -> tuple[int, str]:
    """Exit status and the end of what it said, on one line. Never through a shell."""
    program, *_ = kubectl(None, None)
    limit_s = _limit_s(command)
    try:
        done = subprocess.run(
            [program, *order.cluster, *command],
            input=manifest,
            capture_output=True,
            text=True,
            check=False,
            timeout=limit_s,
        )
    except subprocess.TimeoutExpired:
        return -1, f"no end after {limit_s:.0f} s"
    text = " ".join((done.stdout + done.stderr).split())
    return done.returncode, text[-_SAID:]


def _limit_s(command: Sequence[str]) -> float:
    """How long kubectl may take: longer than it is told to wait itself."""
    told = [float(match[1]) + _GRACE_S for each in command if (match := _TIMEOUT.fullmatch(each))]
    return max([_TIMEOUT_S, *told])
