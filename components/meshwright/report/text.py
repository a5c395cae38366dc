"""The gate's result as lines for a person: what a terminal shows, with a style for each piece."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from meshwright.engine.policy import Verdict
from meshwright.gate.result import one_line
from meshwright.report.counting import remarks, totals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.engine.policy import Finding
    from meshwright.gate.result import Item, Result

Line: TypeAlias = "tuple[tuple[str, str], ...]"
"""Pieces of one line, each with its style; empty for none."""

_STYLES = {"✗": "bold red", "!": "yellow", "?": "cyan", "~": "dim"}
_KNOWN = ("·", "dim")


def mark(finding: Finding) -> tuple[str, str]:
    """One character and its style: ✗ stops the change, ! should be mended, ? is open, ~ is waived."""
    if finding.verdict is Verdict.VIOLATED:
        sign = "✗" if finding.level == "mandatory" else "!"
    else:
        sign = "?" if finding.verdict is Verdict.UNDECIDED else "~"
    return sign, _STYLES[sign]


def write(result: Result) -> str:
    """The text, without styles."""
    plain = ["".join(text for text, _ in pieces).rstrip() for pieces in lines(result)]
    return "\n".join([*plain, *remarks(result), totals(result.rules), ""])


def lines(result: Result) -> Iterator[Line]:
    """All that a person needs to act on each finding; what is known already is marked with a dot."""
    for item in result.items:
        yield from _item(item)


def _item(item: Item) -> Iterator[Line]:
    finding = item.finding
    sign = _KNOWN if item.known else mark(finding)
    state = "" if item.state == Verdict.VIOLATED else f" ({item.state})"
    title = f" {finding.rule}  {finding.title}".ljust(84) + "  "
    yield sign, (title, "bold"), (f"{finding.level}{state}", sign[1])
    yield ((f"    {finding.resource}: {item.message}", ""),)
    if item.waived:
        yield ((f"    {item.excuse}", ""),)
    if item.place:
        yield ("    ", ""), (item.place, "dim")
    if finding.remedy:
        yield (("    → " + one_line(finding.remedy), ""),)
    if finding.url:
        yield ("    why: ", "dim"), (finding.url, "dim")
