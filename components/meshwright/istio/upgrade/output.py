"""A plan as YAML snippets, Markdown and plain data."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import yaml

from meshwright.istio.upgrade.steps import Edit, Hop, Note, Step, UpgradePlan

_BOXES = {"done": "x", "next": " ", "later": " "}


def edit_lines(edit: Edit) -> list[str]:
    """What to write below ``meshwright:mesh``, and what to take out, line by line."""
    return [
        *(line for key, value in edit.set.items() for line in _key(key, value)),
        *(f"# remove {key}" for key in edit.remove),
    ]


def _key(key: str, value: Any) -> list[str]:
    """One key, its mapping short. PyYAML would put a mapping of scalars alone, such as the whole edit, into braces."""
    style = None if isinstance(value, Mapping) else False
    return yaml.safe_dump({key: value}, default_flow_style=style, sort_keys=False, width=100).splitlines()


def as_data(plan: UpgradePlan) -> dict[str, Any]:
    """The plan as JSON has it."""
    return asdict(plan)


def markdown(plan: UpgradePlan) -> str:
    """The plan as a page to tick off, for a ticket or a repository."""
    return "\n".join(_page(plan)) + "\n"


def _page(plan: UpgradePlan) -> Iterator[str]:
    yield f"# Upgrade {plan.stack}: Istio {plan.start} to {plan.target}"
    yield ""
    yield f"Each step is one edit of the stack file, below `meshwright:mesh`, and one update. As of {plan.as_of}."
    if plan.facts:
        yield ""
        yield from (f"- {fact}" for fact in plan.facts)
    for hop in plan.hops:
        yield from _hop(hop, is_only=len(plan.hops) == 1)


def _hop(hop: Hop, *, is_only: bool) -> Iterator[str]:
    if not is_only:
        yield ""
        yield f"## {hop.start} to {hop.target}"
    for number, step in enumerate(hop.steps, 1):
        yield ""
        yield f"{'##' if is_only else '###'} {number}. {step.title}"
        yield ""
        yield from _step(step)


def _step(step: Step) -> Iterator[str]:
    yield f"- [{_BOXES[step.state]}] {step.why}" + (" **Next.**" if step.state == "next" else "")
    if step.edit:
        yield ""
        yield from ("```yaml", *edit_lines(step.edit), "```")
    if step.changes:
        yield ""
        yield f"The preview shows: {'; '.join(step.changes)}."
    if step.do:
        yield ""
        yield from (f"- {each}" for each in step.do)
    if step.notes:
        yield ""
        yield "What changes:"
        yield ""
        yield from (f"- {_note(note)}" for note in step.notes)
    yield ""
    yield "Go on when:"
    yield ""
    yield from (f"- `{check.command}`: {check.passes}" for check in step.checks)
    yield ""
    yield f"Way back: {step.rollback}."


def _note(note: Note) -> str:
    undo = f" The old way: {note.undo}." if note.undo else ""
    return f"**{note.name}** {note.what} {note.do}{undo} ({note.source})"
