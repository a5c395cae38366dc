"""From one root to another without an outage: four steps, none of which may be left out.

At every moment proxies of one step stand beside proxies of the step before it; each step is made so that these two
understand each other, and two apart don't. Which is why no step may be left out, in any mesh; what differs between
meshes is the names of the steps, how long a step has to last, and whether a root that was removed may come back.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final, Generic, TypeVar

_A = TypeVar("_A")

_SWITCHED: Final = 2
"""Place of the step from which on the new authority signs."""


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of a mesh's rotation."""

    names: tuple[str, str, str, str]
    """In order; after the last, the new authority takes the old one's place, and all begins again with the first."""
    soak_days: int
    """Least difference between the days on which two steps began."""
    removed_may_return: bool
    """Whether the last step may be undone while the rotation lasts."""

    def index(self, step: str) -> int:
        """How many steps come before one. Raises `ValueError` for one that is not among them."""
        return self.names.index(step)

    def next(self, step: str) -> str | None:
        """The step after one; None after the last."""
        index = self.index(step) + 1
        return self.names[index] if index < len(self.names) else None

    def before(self, step: str) -> tuple[str, ...]:
        """The steps that may come before one: the one before it in order, or, on the way back, the one after."""
        index = self.index(step)
        earlier, later = self.names[index - 1], self.names[(index + 1) % len(self.names)]
        return (earlier, later) if self.removed_may_return or index < _SWITCHED else (earlier,)


ISTIO_STEPS: Final = Steps(("steady", "both-trusted", "switched", "old-removed"), soak_days=2, removed_may_return=True)
"""Two days make sure of the 24 hours that a leaf lives: a proxy trusts the roots that came with its last leaf."""
LINKERD_STEPS: Final = Steps(
    ("steady", "both-trusted", "issuer-switched", "old-removed"), soak_days=2, removed_may_return=False
)
"""Two days make sure of the 24 hours that a leaf lives. A proxy trusts the anchors that it was started with, so time
alone moves no step: whether all were restarted is asked of the cluster (`meshwright.certs.gates`)."""
CONSUL_STEPS: Final = Steps(
    ("steady", "cross-signing", "switched", "old-pruned"), soak_days=0, removed_may_return=False
)
"""Consul tells its proxies of a root as soon as it is there, and new leaves carry what its predecessor signed of it: no
days have to pass but those until Consul drops the old root (`meshwright.certs.consul_gates`)."""


@dataclass(frozen=True, slots=True)
class Stand(Generic[_A]):
    """What a mesh is given at a step."""

    signs: _A
    trusts: tuple[_A, ...]
    """The signing one first."""


def stand(step: str, old: _A, new: _A | None) -> Stand[_A]:
    """What a mesh is given at a step of any mesh's; ``new`` is there at every step but the first."""
    if new is None:
        return Stand(old, (old,))
    index = next(each.index(step) for each in (ISTIO_STEPS, LINKERD_STEPS) if step in each.names)
    return (Stand(old, (old,)), Stand(old, (old, new)), Stand(new, (new, old)), Stand(new, (new,)))[index]


def step_mistakes(
    steps: Steps, step: str, since: date | None, before: str | None, before_since: date | None, *, has_next: bool
) -> Iterator[tuple[str, str]]:
    """Why a step can't follow the one before it: what is wrong, and what would be right.

    Args:
        steps: The mesh's.
        step: One of them.
        since: The day it began.
        before: The step before, as it was applied.
        before_since: The day that one began.
        has_next: Whether the new authority is given.
    """
    steady, both_trusted = steps.names[:2]
    if step == steady and has_next:
        yield f"step is {steady}, and next names another authority", f"remove next, or go on to {both_trusted}"
    if step != steady and not has_next:
        yield f"step is {step}, and there is no next", "name the new authority in next"
    if step != steady and (since is None or before is None):
        yield (
            f"step is {step}, and since or previous is missing",
            "record the day, and the step that was applied before",
        )
    if before is None:
        return
    if steps.index(step) >= _SWITCHED and before_since is None:
        yield f"step is {step}, and nobody knows since when {before} was on", "record the day in previous"
    allowed = steps.before(step)
    if before not in allowed:
        yield (
            f"step is {step}, and the step before it was {before}: proxies of the two don't trust each other",
            f"one of {' or '.join(allowed)} comes before it" if len(allowed) > 1 else f"{allowed[0]} comes before it",
        )
    if since is not None and before_since is not None and (since - before_since).days < steps.soak_days:
        yield (
            f"step is {step} since {since}, and {before} had begun on {before_since}",
            (
                f"wait {steps.soak_days} days: until then some proxies still hold certificates and roots of the step "
                "before"
            ),
        )
