"""What the gate found, as every format says it: findings with their place, their waiver and whether they count."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from meshwright.engine.policy import Verdict
from meshwright.errors import Code, ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from meshwright.engine.graph import Graph, Note
    from meshwright.engine.policy import Finding, PolicyReport, RuleResult

FAIL_ON: Final = ("mandatory", "advisory", "undecided", "waived")
DEFAULT_FAIL_ON: Final = frozenset({"mandatory"})
_NOTHING: Final = "none"
_NUMBER: Final = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Item:
    """One finding."""

    finding: Finding
    file: str
    """Where to look: relative to the current folder where it is below; empty where nobody knows."""
    line: int
    """From 1; 0 where nobody knows."""
    fingerprint: str
    """The same in every run in which the rule says the same of the same resource, on any day."""
    known: str = ""
    """Why it doesn't fail although it could: ``in the baseline`` or ``on main before``; empty for a new one."""
    fails: bool = False
    """Whether it ends the gate with status 1."""

    @property
    def place(self) -> str:
        """``file:line``."""
        return f"{self.file}:{self.line}" if self.line else self.file

    @property
    def waived(self) -> bool:
        """Whether a waiver excuses it."""
        return self.finding.verdict is Verdict.WAIVED

    @property
    def excuse(self) -> str:
        """Until when it is waived, by whom and why; empty where it isn't waived."""
        waiver = self.finding.waiver
        ticket = f" ({waiver.ticket})" if waiver and waiver.ticket else ""
        return one_line(f"waived {waiver or ''}{ticket}") if self.waived else ""

    @property
    def message(self) -> str:
        """What is wrong or open, on one line; of a waived finding what is excused."""
        return one_line(_matter(self.finding))

    @property
    def state(self) -> str:
        """The verdict with what else is to be known of it: ``violated, in the baseline``."""
        return ", ".join(filter(None, (self.finding.verdict.value, self.known)))


@dataclass(frozen=True, slots=True)
class Result:
    """One run of the gate."""

    project: str
    stack: str
    source: str
    """What was judged: ``program``, or the kind of input with its path."""
    as_of: str
    """The day by which it was judged, YYYY-MM-DD."""
    pack: str
    pack_version: str
    rules: tuple[RuleResult, ...]
    items: tuple[Item, ...]
    fail_on: frozenset[str] = DEFAULT_FAIL_ON
    gone: tuple[str, ...] = ()
    """Findings of the baseline that are no more, each as ``RULE  resource``."""
    compared: str = ""
    """With what it was compared, as a sentence."""
    overlays: tuple[str, ...] = ()
    """Files that correct the catalog."""
    notes: tuple[Note, ...] = field(default=(), repr=False)

    @property
    def failed(self) -> bool:
        """Whether the gate ends with status 1."""
        return any(item.fails for item in self.items)

    @property
    def new(self) -> tuple[Item, ...]:
        """The findings that are neither in the baseline nor on the base."""
        return tuple(item for item in self.items if not item.known)


def result(graph: Graph, report: PolicyReport, locate: Callable[[str], str], *, source: str, as_of: str) -> Result:
    """A pack's report with the place of each finding. ``locate``: URN to ``file:line``."""
    seen: Counter[str] = Counter()
    items = []
    for finding in report.findings:
        mark = _fingerprint(finding)
        seen[mark] += 1
        file, _, line = locate(finding.urn).rpartition(":")
        file, number = (file, int(line)) if line.isdigit() else (f"{file}:{line}" if file else line, 0)
        items.append(Item(finding, file, number, f"{mark}/{seen[mark]}"))
    return Result(
        project=graph.project,
        stack=graph.stack,
        source=source,
        as_of=as_of,
        pack=report.pack,
        pack_version=report.version,
        rules=report.rules,
        items=tuple(items),
        notes=graph.notes,
    )


def known(found: Result, why: Mapping[str, str]) -> Result:
    """The result with those findings marked as known that ``why`` names, by fingerprint. Waived ones need none."""
    items = (
        item if item.known or item.waived else replace(item, known=why.get(item.fingerprint, ""))
        for item in found.items
    )
    return replace(found, items=tuple(items))


def decided(found: Result, fail_on: frozenset[str]) -> Result:
    """The result with each finding told whether it fails the gate."""
    items = tuple(replace(item, fails=not item.known and _class(item.finding) in fail_on) for item in found.items)
    return replace(found, items=items, fail_on=fail_on)


def parse_fail_on(text: str) -> frozenset[str]:
    """What ``--fail-on`` says: words with commas between them. Raises `ConfigError` (MW-E042)."""
    words = frozenset(word.strip() for word in text.split(",")) - {""}
    unknown = sorted(words - {*FAIL_ON, _NOTHING})
    if unknown or not words or (_NOTHING in words and len(words) > 1):
        message = f'--fail-on is "{text}"'
        remedy = f"{_NOTHING} alone, or one or more of: {', '.join(FAIL_ON)}, with commas between them"
        raise ConfigError(Problem(Code.UNKNOWN_CHOICE, message, remedy))
    return words - {_NOTHING}


def one_line(text: str) -> str:
    """Text without line breaks."""
    return " ".join(text.split())


def _class(finding: Finding) -> str:
    return finding.level if finding.verdict is Verdict.VIOLATED else finding.verdict.value


def _matter(finding: Finding) -> str:
    """The message, of a waived violation the violation's own."""
    before = f"{finding.waiver} ("
    if finding.waiver and finding.message.startswith(before):
        return finding.message.removeprefix(before).removesuffix(")")
    return finding.message


def _fingerprint(finding: Finding) -> str:
    """Of rule, resource and message. Numbers in the message don't count: many of them count days."""
    said = _NUMBER.sub("#", one_line(_matter(finding)))
    open_ = "undecided" if finding.verdict is Verdict.UNDECIDED else ""
    return hashlib.sha256("\0".join((finding.rule, finding.urn, said, open_)).encode(errors="replace")).hexdigest()[:32]
