"""What comes next on the way of namespaces up the ladder of their mesh."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final, Protocol

SOAK_DAYS: Final = 7
"""Days that a namespace is watched in permissive mode before it goes strict: enough for weekly jobs to have run."""


_UP: Final[Mapping[str, tuple[str, str, str]]] = {
    "audit": ("authenticated", "callers without identity", "saw no caller without identity"),
    "authenticated": ("deny", "calls that are not declared", "saw no call that isn't declared"),
}
"""Phase of Linkerd's -> the next, what to watch for before it, and what allows it."""


class OnTheWay(Protocol):
    """A namespace of a stack's config."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def phase(self) -> str:
        """A phase of the mesh's ladder, such as ``permissive``."""

    @property
    def since(self) -> date | None:
        """The day its phase began; None where the stack file doesn't say."""


def strict_from(namespace: OnTheWay) -> date | None:
    """The first day on which a namespace has been watched in its phase for long enough; None without a start."""
    return namespace.since + timedelta(days=SOAK_DAYS) if namespace.since else None


def next_step(namespaces: Sequence[OnTheWay], today: date, kind: str = "istio-ambient") -> str:
    """One sentence: the next thing to do for this mesh. One namespace at a time, and the one in hand first.

    Args:
        namespaces: Those of the stack.
        today: The day it is asked.
        kind: ``istio-ambient``, ``linkerd`` or ``consul``.
    """
    if kind == "linkerd":
        return _next_in_linkerd(namespaces, today)
    if kind == "consul":
        return _next_in_consul(namespaces, today)
    return _next_in_istio(namespaces, today)


def _next_in_istio(namespaces: Sequence[OnTheWay], today: date) -> str:
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


def _next_in_consul(namespaces: Sequence[OnTheWay], today: date) -> str:
    """As in Istio; but a deadline that is past, or that comes before the week of watching is over, goes first."""
    permissive = [(ends, each) for each in namespaces if each.phase == "permissive" and (ends := _ends(each))]
    late = sorted(((ends, each.name) for ends, each in permissive if ends < today), key=lambda one: one)
    if late:
        return f"make {late[0][1]} strict, or give a reason for a later deadline: it was permissive until {late[0][0]}"
    if all(each.phase == "strict" for each in namespaces) and namespaces:
        return "every namespace is strict, and none can be made permissive unnoticed: the mesh no longer allows it"
    step = _next_in_istio(namespaces, today)
    ends_first = min((ends for ends, each in permissive if each.name in step.split()), default=None)
    return f"{step}; it is permissive until {ends_first}" if ends_first else step


def _ends(namespace: OnTheWay) -> date | None:
    """The last day of its permissive phase, of which Consul's namespaces alone know."""
    ends = getattr(namespace, "ends", None)
    return ends if isinstance(ends, date) else None


def _next_in_linkerd(namespaces: Sequence[OnTheWay], today: date) -> str:
    """Audit first, which refuses nobody; then what waits outside, and last those that could deny."""
    if not namespaces:
        return "list a first namespace, of two or three services that talk often, with phase: audit"
    in_phase = {phase: [each for each in namespaces if each.phase == phase] for phase in ("unmeshed", *_UP)}
    if in_phase["audit"]:
        return _climb(in_phase["audit"], today)
    ready = [each for each in in_phase["authenticated"] if (strict_from(each) or today) <= today]
    if in_phase["unmeshed"] and not ready:
        return f"bring {in_phase['unmeshed'][0].name} in, with phase: audit"
    if waiting := ready or in_phase["authenticated"]:
        return _climb(waiting, today)
    return "every namespace denies; control_plane.inbound_policy: deny makes it the rule of the mesh"


def _climb(namespaces: Sequence[OnTheWay], today: date) -> str:
    """The next rung for the one that waits longest; all are in one phase."""
    up, watched, allows = _UP[namespaces[0].phase]
    undated = [each for each in namespaces if each.since is None]
    if undated:
        name, phase = undated[0].name, undated[0].phase
        return f"record when {name} became {phase} (since: {today}); its week of watching starts then"
    first = min(namespaces, key=lambda each: (each.since or today, each.name))
    day = strict_from(first) or today
    if day <= today:
        return f"make {first.name} {up}, if its last {SOAK_DAYS} days {allows}"
    return f"watch {first.name} for {watched}; {up} is possible from {day}"
