"""What comes next on the way from one permissive namespace to strict mutual TLS."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final, Protocol

SOAK_DAYS: Final = 7
"""Days that a namespace is watched in permissive mode before it goes strict: enough for weekly jobs to have run."""


class OnTheWay(Protocol):
    """A namespace of a stack's config."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def phase(self) -> str:
        """``unmeshed``, ``permissive`` or ``strict``."""

    @property
    def since(self) -> date | None:
        """The day its phase began; None where the stack file doesn't say."""


def strict_from(namespace: OnTheWay) -> date | None:
    """The first day on which a permissive namespace has been watched for long enough; None without a start."""
    return namespace.since + timedelta(days=SOAK_DAYS) if namespace.since else None


def next_step(namespaces: Sequence[OnTheWay], today: date) -> str:
    """One sentence: the next thing to do for this mesh. One namespace at a time, and the one in hand first."""
    if not namespaces:
        return "list a first namespace, of two or three services that talk often, with phase: permissive"
    permissive = [each for each in namespaces if each.phase == "permissive"]
    undated = [each for each in permissive if each.since is None]
    if undated:
        return f"record when {undated[0].name} became permissive (since: {today}); its week of watching starts then"
    if permissive:
        first = min(permissive, key=lambda each: (each.since or today, each.name))
        day = strict_from(first) or today
        if day <= today:
            return f"make {first.name} strict, if its last {SOAK_DAYS} days saw no plaintext"
        return f"watch {first.name} for plaintext; strict is possible from {day}"
    unmeshed = [each for each in namespaces if each.phase == "unmeshed"]
    if unmeshed:
        return f"bring {unmeshed[0].name} in, with phase: permissive"
    return "every namespace is strict; mtls: strict makes it the rule of the mesh"
