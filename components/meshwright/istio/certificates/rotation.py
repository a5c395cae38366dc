"""From one root to another without an outage: four steps, none of which may be left out.

A proxy trusts the roots that came with its own last certificate: ztunnel takes them from the answer to its signing
request (``src/tls/certificate.rs``), which it asks for anew when half of a leaf's 24 hours are over. So a root that is
added or taken away is known everywhere a day later, and not before. At every moment proxies of one step stand beside
proxies of the step before it; each step is made so that these two understand each other, and two apart don't.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from meshwright.istio.certificates.authority import Authority

STEPS: Final = ("steady", "both-trusted", "switched", "old-removed")
"""In order; after the last, the new authority takes the old one's place, and all begins again with ``steady``."""
SOAK_DAYS: Final = 2
"""Least difference between the days on which two steps began: it makes sure of the 24 hours that a leaf lives."""


@dataclass(frozen=True, slots=True)
class Stand:
    """What istiod is given at a step."""

    signs: "Authority"
    trusts: "tuple[Authority, ...]"
    """Authorities whose roots are in root-cert.pem, the signing one's first."""
    many_roots: bool
    """Whether istiod needs ISTIO_MULTIROOT_MESH: it refuses to take another root-cert.pem without."""


def stand(step: str, old: "Authority", new: "Authority | None") -> Stand:
    """What istiod is given at a step; ``new`` is there at every step but ``steady``."""
    if new is None:
        return Stand(old, (old,), many_roots=False)
    return {
        "both-trusted": Stand(old, (old, new), many_roots=True),
        "switched": Stand(new, (new, old), many_roots=True),
        "old-removed": Stand(new, (new,), many_roots=True),
    }[step]


def step_mistakes(
    step: str, since: date | None, before: str | None, before_since: date | None, *, has_next: bool
) -> Iterator[tuple[str, str]]:
    """Why a step can't follow the one before it: what is wrong, and what would be right.

    Args:
        step: One of `STEPS`.
        since: The day it began.
        before: The step before, as it was applied.
        before_since: The day that one began.
        has_next: Whether the new authority is given.
    """
    if step == "steady" and has_next:
        yield "step is steady, and next names another authority", "remove next, or go on to both-trusted"
    if step != "steady" and not has_next:
        yield f"step is {step}, and there is no next", "name the new authority in next"
    if step != "steady" and (since is None or before is None):
        yield (
            f"step is {step}, and since or previous is missing",
            "record the day, and the step that was applied before",
        )
    if before is None:
        return
    if step in STEPS[2:] and before_since is None:
        yield f"step is {step}, and nobody knows since when {before} was on", "record the day in previous"
    if before not in _beside(step):
        yield (
            f"step is {step}, and the step before it was {before}: proxies of the two don't trust each other",
            f"one of {' or '.join(_beside(step))} comes before it",
        )
    if since is not None and before_since is not None and (since - before_since).days < SOAK_DAYS:
        yield (
            f"step is {step} since {since}, and {before} had begun on {before_since}",
            f"wait {SOAK_DAYS} days: until then some proxies still hold certificates and roots of the step before",
        )


def _beside(step: str) -> tuple[str, str]:
    """The steps that may come before: the one before it in order, or, on the way back, the one after."""
    index = STEPS.index(step)
    return STEPS[index - 1], STEPS[(index + 1) % len(STEPS)]
