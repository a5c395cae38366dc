"""Stacks of one trust domain go from step to step together: none takes a step before all are done with the last.

One that was left behind, because an `advance` was broken off between two stack files, is brought on first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshwright.certs.rotation import Steps, step_mistakes
from meshwright.errors import Code, ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date


@dataclass(frozen=True, slots=True)
class Recorded:
    """Where a stack's rotation stands, as its file says."""

    name: str
    step: str
    since: date | None = None
    before: str | None = None
    before_since: date | None = None
    has_next: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """What is to be written."""

    step: str
    """Where those who move stand."""
    to: str
    stacks: tuple[Recorded, ...]
    """Those who move; the others are there already."""


def turn(stacks: Sequence[Recorded], steps: Steps, to: str = "") -> Turn | None:
    """The step that comes next; None where all have taken the last one.

    Args:
        stacks: Of one trust domain, one or more.
        steps: The mesh's.
        to: Another step than the next one, such as the one before on the way back.

    Raises:
        ConfigError: the stacks stand apart by more than one step (MW-E196), or the step can't follow (MW-E197).
    """
    here = sorted({each.step for each in stacks}, key=steps.index)
    target = to or (here[-1] if len(here) > 1 else steps.next(here[0]))
    if target is None:
        return None
    behind = tuple(each for each in stacks if each.step != target)
    if len({each.step for each in behind}) > 1 or (len(here) > 1 and target not in here):
        said = ", ".join(f"{each.name} at {each.step}" for each in stacks)
        remedy = "bring those that lag behind on by themselves first"
        raise ConfigError(Problem(Code.STACKS_APART, f"the stacks of one trust domain stand apart: {said}", remedy))
    return Turn(behind[0].step, target, behind) if behind else None


def refuse(turn: Turn, steps: Steps, today: date) -> None:
    """Raise `ConfigError` (MW-E197) for a step that no evidence and no reason makes right."""
    if (turn.step, turn.to) == (steps.names[-1], steps.names[0]):
        message = f"after {turn.step} comes no other step of this rotation: the old anchor is gone"
        remedy = "in the stack file, move next to its place, and drop rotation"
        raise ConfigError(Problem(Code.ROTATION_REFUSED, message, remedy))
    problems = [
        Problem(Code.ROTATION_REFUSED, f"{each.name}: {message}", remedy)
        for each in turn.stacks
        for message, remedy in step_mistakes(
            steps, turn.to, today, each.step, each.since, has_next=_has_next(each, turn, steps)
        )
    ]
    if problems:
        raise ConfigError(problems)


def _has_next(stack: Recorded, turn: Turn, steps: Steps) -> bool:
    # On the way back to the first step `next` goes, and comes with the first step on; its absence is told of there.
    return stack.has_next and turn.to != steps.names[0]
