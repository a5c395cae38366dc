"""What a policy pack said, as lines and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshwright.cli.output import Line, line
from meshwright.cli.places import place
from meshwright.config.clock import today
from meshwright.engine.policy import PolicyReport, Verdict
from meshwright.gate.result import DEFAULT_FAIL_ON, Result, decided, one_line, result
from meshwright.report import as_json as json_report
from meshwright.report import counting, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.cli.offline import Offline

_COUNTED = (Verdict.PASSED, Verdict.UNDECIDED, Verdict.VIOLATED, Verdict.WAIVED)


def counts_in_words(report: PolicyReport) -> str:
    """`61 rules apply: 59 passed, 1 undecided, 0 violated, 1 waived`."""
    found = counting.counts(report.rules)
    applying = sum(found[verdict] for verdict in _COUNTED)
    said = ", ".join(f"{found[verdict]} {verdict}" for verdict in _COUNTED)
    return f"{applying} rule{'' if applying == 1 else 's'} {'applies' if applying == 1 else 'apply'}: {said}"


def short(run: Offline) -> Iterator[Line]:
    """A line for each finding, and its remedy where it is violated: for the preview."""
    for finding in run.report.findings:
        yield line("  ", text.mark(finding), f" {finding.rule}  {finding.resource}: {one_line(finding.message)}")
        if finding.verdict is Verdict.VIOLATED and finding.remedy:
            yield line("      → ", one_line(finding.remedy))


def judged(run: Offline, source: str = "program") -> Result:
    """An offline run as the gate sees it: mandatory violations fail."""
    found = result(run.graph, run.report, lambda urn: place(urn, run), source=source, as_of=str(today()))
    return decided(found, DEFAULT_FAIL_ON)


def full(run: Offline) -> Iterator[Line]:
    """All that a person needs to act on each finding: for commands that stop at one."""
    return text.lines(judged(run))


def totals(report: PolicyReport) -> str:
    """The last line of the gate."""
    return counting.totals(report.rules)


def as_json(run: Offline) -> dict[str, Any]:
    """The keys `policy` and `findings` of every command's JSON."""
    content = json_report.content(judged(run))
    return {key: content[key] for key in ("policy", "findings")}
