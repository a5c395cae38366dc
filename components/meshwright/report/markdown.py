"""A summary for the comment on a pull request, or a job's summary page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from meshwright.engine.policy import Verdict
from meshwright.report.counting import remarks, totals

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from meshwright.gate.result import Item, Result

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>|#@~])")
_LARGEST: Final = 60_000  # characters; GitHub refuses a comment of more than 65,536


def write(result: Result) -> str:
    """The text. Its first line is a mark by which a pipeline finds its earlier comment."""
    failing = [item for item in result.items if item.fails]
    waived = [item for item in result.items if item.waived]
    known = [item for item in result.items if item.known]
    others = [item for item in result.items if not (item.fails or item.waived or item.known)]
    head = [
        f"<!-- meshwright gate {_escaped(result.project)}/{_escaped(result.stack)} -->",
        f"### {'❌' if result.failed else '✅'} meshwright gate: {_escaped(result.project)}/{_escaped(result.stack)}",
        "",
        f"{totals(result.rules)} · by {result.as_of}",
        *(f"\n{_escaped(remark)}" for remark in remarks(result)),
    ]
    sections = [
        *_section("Stops the change", failing),
        *_section("To mend, or still open", others),
        *_section("Waived", waived),
        *_section("Known", known),
    ]
    return _fitting([*head, *sections])


def _section(title: str, items: Sequence[Item]) -> Iterator[str]:
    if items:
        yield from ("", f"#### {title}", "", "| rule | what | where |", "|---|---|---|")
        yield from map(_row, items)


def _row(item: Item) -> str:
    finding = item.finding
    rule = f"[{finding.rule}]({finding.url})" if finding.url else finding.rule
    what = [f"**{_escaped(finding.resource)}**: {_escaped(item.message)}"]
    if item.waived:
        what.append(_escaped(item.excuse))
    elif finding.verdict is Verdict.UNDECIDED:
        what.append("undecided: a value is unknown until the update")
    if finding.remedy:
        what.append(f"→ {_escaped(finding.remedy)}")
    level = ", ".join(filter(None, (finding.level, finding.severity, item.known)))
    return f"| {rule}<br>{_escaped(finding.title)}<br>{level} | {'<br>'.join(what)} | {_escaped(item.place)} |"


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is, also within a table."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split())).replace("--", "-\\-")


def _fitting(lines: list[str]) -> str:
    """The lines that a comment has room for."""
    size = 0
    for number, line in enumerate(lines):
        size += len(line) + 1
        if size > _LARGEST:
            left = sum(line.startswith("| ") for line in lines[number:])
            return "\n".join([*lines[:number], "", f"and {left} more: see the full report", ""])
    return "\n".join([*lines, ""])
