"""The report and the plan for people."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from meshwright.istio.migration.report import ORDER, Verdict, differences

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from meshwright.istio.migration.migrate import Migration
    from meshwright.istio.migration.plan import Step


def report(migration: Migration) -> str:
    """What becomes of each object, the hardest first."""
    return "\n".join(_report(migration)) + "\n"


def plan(migration: Migration) -> str:
    """The steps, each with what must hold before and after it, and the way back."""
    return "\n".join(_plan(migration)) + "\n"


def _report(migration: Migration) -> Iterator[str]:
    counted = Counter(each.verdict for each in migration.findings)
    yield "# From sidecars to ambient: what becomes of each object"
    yield ""
    yield ", ".join(f"{counted[verdict]} {verdict}" for verdict in ORDER)
    for verdict in reversed(ORDER):
        found = [each for each in migration.findings if each.verdict is verdict]
        if found:
            yield from ("", f"## {verdict.capitalize()}", "")
        for each in found:
            place = f" ({each.place})" if each.place else ""
            link = "" if verdict is Verdict.MOVES else f" [Read more]({each.hint})"
            yield f"- **{each.identity}**{place}: {each.reason}.{link}"
            if each.becomes:
                yield f"  - becomes {', '.join(str(one) for one in each.becomes)}"
    if found_differences := differences(migration.findings):
        yield from ("", "## In what the mesh will differ", "")
    for one, causes in found_differences:
        yield f"- **{one.effect}** ({one.topic}): {one.text}; because of {', '.join(map(str, causes))}"


def _plan(migration: Migration) -> Iterator[str]:
    yield "# From sidecars to ambient: the plan"
    yield ""
    yield "Do the steps in this order. Nothing is done to the cluster by anyone but you."
    yield ""
    yield "| Namespace, in its order | Waypoint | Why |"
    yield "|---|---|---|"
    for each in migration.namespaces:
        why = "; ".join(
            f"{service}: {', '.join(f'{one.kind} {one.name}' for one in reasons)}" for service, reasons in each.waypoint
        )
        yield f"| {each.name} | {'yes' if each.waypoint else 'no'} | {why or 'ztunnel enforces all that there is'} |"
    yield from (f"| {name} | | keeps its sidecars |" for name in migration.kept)
    for step in migration.steps:
        yield from _step(step)


def _step(step: Step) -> Iterator[str]:
    yield from ("", f"## {step.number}. {step.title}", "", step.why)
    yield from _list("Decide first", step.decide)
    yield from _list("Before", step.before)
    yield from _block("Do", step.commands)
    yield from _list("After", step.after)
    yield from _block("Back", step.undo)


def _list(title: str, items: Iterable[str]) -> Iterator[str]:
    lines = [f"- {each}" for each in items]
    if lines:
        yield from ("", f"**{title}**", "", *lines)


def _block(title: str, commands: Iterable[str]) -> Iterator[str]:
    lines = list(commands)
    if lines:
        yield from ("", f"**{title}**", "", "```", *lines, "```")
