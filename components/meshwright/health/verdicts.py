"""What a check is, and what it can say."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from meshwright.health.snapshot import Snapshot


class Verdict(StrEnum):
    """What came of a check."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """It can't be told from here; never taken for passed."""
    SKIPPED = "skipped"
    """The question does not arise, or not for what was looked at."""


class Severity(StrEnum):
    """How bad a failed check is."""

    ERROR = "error"
    """Traffic is cut off, or passes past a policy; or will be, on a day that is known."""
    WARNING = "warning"
    """It works, until something else fails."""


class SkipError(Exception):
    """The check does not apply; the message says why."""


class NotKnownError(Exception):
    """What the check needs to see can't be seen; the message says what, and why."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong."""

    subject: str
    """The object, as ``Pod shop/cart-1``."""
    message: str
    """What is wrong with it, as the rest of a sentence."""

    def __str__(self) -> str:
        return f"{self.subject} {self.message}"


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something that can't be told of one object."""

    subject: str
    message: str
    """Why not, as a sentence."""

    def __str__(self) -> str:
        return f"{self.subject}: {self.message}"


@dataclass(frozen=True, slots=True)
class Check:
    """One question about a mesh."""

    id: str
    """Also its section in the mesh's page of checks."""
    category: str
    title: str
    """What holds where it passes, as a sentence."""
    severity: Severity
    remedy: str
    """What to do where it fails, in the imperative."""
    look: Callable[[Snapshot], Iterator[Finding | Doubt]]
    """Yields what is wrong and what can't be told; raises `SkipError` or `NotKnownError`."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one check found."""

    check: Check
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    doubts: tuple[str, ...] = ()
    """What could not be told, also where the check failed."""
    reason: str = ""
    """Why it was skipped."""


def ask_all(checks: Iterable[Check], snapshot: Snapshot) -> tuple[Result, ...]:
    """Ask every one of these checks of one snapshot."""
    return tuple(ask(check, snapshot) for check in checks)


def ask(check: Check, snapshot: Snapshot) -> Result:
    """Ask one check. Whatever it found before it could see no further still counts."""
    findings: list[Finding] = []
    doubts: list[str] = []
    try:
        for said in check.look(snapshot):
            if isinstance(said, Finding):
                findings.append(said)
            else:
                doubts.append(str(said))
    except SkipError as skipped:
        return Result(check, Verdict.SKIPPED, reason=str(skipped))
    except NotKnownError as gap:
        doubts.append(str(gap))
    verdict = Verdict.FAILED if findings else Verdict.UNKNOWN if doubts else Verdict.PASSED
    return Result(check, verdict, tuple(findings), tuple(doubts))
