"""What a gate is asked and what it answers: a step of a rotation, and its conditions in each cluster."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from meshwright.certs.observed import LEAF_LIFETIME
from meshwright.certs.rotation import LINKERD_STEPS, Steps, stand

if TYPE_CHECKING:
    from collections.abc import Sequence


class Verdict(StrEnum):
    """Of a check; of several, the worst one."""

    PASSED = "passed"
    UNKNOWN = "unknown"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of a step, in one cluster."""

    cluster: str
    title: str
    verdict: Verdict
    reasons: tuple[str, ...] = ()
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """From one step of a rotation to another."""

    step: str
    to: str
    since: date | None = None
    """The day on which `step` began."""
    leaf_lifetime: timedelta = LEAF_LIFETIME
    steps: Steps = LINKERD_STEPS
    clusters: tuple[str, ...] = ()
    """Those of the trust domain for which stacks were named, as `Told.cluster`. Default: those that are given."""

    @property
    def began(self) -> datetime:
        """The beginning of that day; the earliest moment there is, where it isn't known."""
        return datetime.combine(self.since, time(), UTC) if self.since else datetime.min.replace(tzinfo=UTC)

    @property
    def drops_an_anchor(self) -> bool:
        """Whether fewer anchors are trusted after it; beginning anew with ``steady`` takes none away."""
        before, after = (len(stand(each, "old", "new").trusts) for each in (self.step, self.to))
        return after < before


def verdict_of(checks: Sequence[Check]) -> Verdict:
    """The worst; unknown where nothing was checked."""
    found = {check.verdict for check in checks}
    if Verdict.FAILED in found:
        return Verdict.FAILED
    return Verdict.UNKNOWN if Verdict.UNKNOWN in found or not found else Verdict.PASSED
