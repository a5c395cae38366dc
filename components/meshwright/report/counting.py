"""How many rules and findings there are: the last line of every report."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from meshwright.engine.policy import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meshwright.engine.policy import RuleResult
    from meshwright.gate.result import Result

_SHOWN: Final = ("violated", "undecided", "passed", "waived")


def counts(rules: Iterable[RuleResult]) -> dict[str, int]:
    """Rules by verdict, each by its worst."""
    found = Counter(rule.verdict for rule in rules)
    return {verdict.value: found[verdict] for verdict in Verdict}


def totals(rules: Iterable[RuleResult]) -> str:
    """`1 violated · 0 undecided · 59 passed · 1 waived · 38 do not apply`."""
    found = counts(rules)
    said = [f"{found[verdict]} {verdict}" for verdict in _SHOWN]
    none = found["not_applicable"]
    return " · ".join([*said, f"{none} {'does' if none == 1 else 'do'} not apply"])


def remarks(result: Result) -> list[str]:
    """What a reader must know beside the findings: what was compared, what is known, and what is gone."""
    lines = [result.compared] if result.compared else []
    known = Counter(item.known for item in result.items if item.known)
    lines += [f"{number} known: {why}" for why, number in known.items()]
    lines += [f"gone: {entry} (shrink the baseline with --write-baseline)" for entry in result.gone]
    return lines
