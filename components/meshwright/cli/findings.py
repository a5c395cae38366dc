"""What a policy pack said, as lines and as JSON."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from meshwright.cli.output import Line, line
from meshwright.cli.places import place
from meshwright.engine.policy import Finding, PolicyReport, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.cli.offline import Offline

_COUNTED = (Verdict.PASSED, Verdict.UNDECIDED, Verdict.VIOLATED, Verdict.WAIVED)
_STYLES = {"✗": "bold red", "!": "yellow", "?": "cyan", "~": "dim"}


def mark(finding: Finding) -> tuple[str, str]:
    """One character and its style: ✗ stops the change, ! should be mended, ? is open, ~ is waived."""
    if finding.verdict is Verdict.VIOLATED:
        sign = "✗" if finding.level == "mandatory" else "!"
    else:
        sign = "?" if finding.verdict is Verdict.UNDECIDED else "~"
    return sign, _STYLES[sign]


def counts(report: PolicyReport) -> dict[str, int]:
    """Rules by verdict, each by its worst."""
    found = Counter(rule.verdict for rule in report.rules)
    return {verdict.value: found[verdict] for verdict in Verdict}


def counts_in_words(report: PolicyReport) -> str:
    """`61 rules apply: 59 passed, 1 undecided, 0 violated, 1 waived`."""
    found = counts(report)
    applying = sum(found[verdict] for verdict in _COUNTED)
    said = ", ".join(f"{found[verdict]} {verdict}" for verdict in _COUNTED)
    return f"{applying} rule{'' if applying == 1 else 's'} {'applies' if applying == 1 else 'apply'}: {said}"


def short(run: Offline) -> Iterator[Line]:
    """A line for each finding, and its remedy where it is violated: for the preview."""
    for finding in run.report.findings:
        yield line("  ", mark(finding), f" {finding.rule}  {finding.resource}: {_one_line(finding.message)}")
        if finding.verdict is Verdict.VIOLATED and finding.remedy:
            yield line("      → ", _one_line(finding.remedy))


def full(run: Offline) -> Iterator[Line]:
    """All that a person needs to act on each finding: for the gate."""
    for finding in run.report.findings:
        style = mark(finding)[1]
        state = "" if finding.verdict is Verdict.VIOLATED else f" ({finding.verdict})"
        title = f" {finding.rule}  {finding.title}".ljust(86)
        yield line(mark(finding), (title, "bold"), (f"{finding.level}{state}", style))
        yield line(f"    {finding.resource}: {_one_line(finding.message)}")
        if where := place(finding.urn, run):
            yield line("    ", (where, "dim"))
        if finding.remedy:
            yield line("    → ", _one_line(finding.remedy))
        if finding.url:
            yield line(("    why: ", "dim"), (finding.url, "dim"))


def totals(report: PolicyReport) -> str:
    """The last line of the gate."""
    found = counts(report)
    said = [f"{found[verdict]} {verdict}" for verdict in ("violated", "undecided", "passed", "waived")]
    return " · ".join(
        [*said, f"{found['not_applicable']} {'does' if found['not_applicable'] == 1 else 'do'} not apply"]
    )


def as_json(run: Offline) -> dict[str, Any]:
    """The keys `policy` and `findings` of every command's JSON."""
    report = run.report
    return {
        "policy": {"pack": report.pack, "version": report.version, "rules": counts(report), "blocks": report.blocks},
        "findings": [
            {
                "rule": finding.rule,
                "title": finding.title,
                "level": finding.level,
                "severity": finding.severity,
                "verdict": finding.verdict.value,
                "resource": finding.resource,
                "urn": finding.urn,
                "message": finding.message,
                "remedy": finding.remedy,
                "place": place(finding.urn, run),
                "url": finding.url,
            }
            for finding in report.findings
        ],
    }


def _one_line(text: str) -> str:
    return " ".join(text.split())
