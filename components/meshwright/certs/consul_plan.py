"""The steps of a rotation of Consul's root that are left: what each changes, and what has to hold before it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from meshwright.certs.plan import Plan, Step
from meshwright.certs.rotation import CONSUL_STEPS
from meshwright.consul.ca.rotation import SWITCHED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from meshwright.certs.consul_gates import ConsulTold
    from meshwright.certs.lockstep import Recorded

_CHANGES: Final = (
    "the new root is made in Vault, and Consul may ask either root to cross-sign; Consul itself is not touched",
    "Consul's live CA is set to the new root: the old one cross-signs it, and both are published",
    "Consul may cross-sign no more, and may not reach the old root; the chart is told of the new one",
)
_GATES: Final = (
    "Consul's live root is the stack's, and no other root is published",
    "Consul's live root is the old one, and it alone is published",
    "Consul's live root is the new one, and Consul has dropped the old one",
)
_BACKS: Final = (
    "meshwright certs advance --to steady: Consul was not touched",
    "meshwright certs advance --to cross-signing, while Consul publishes the old root: the new one cross-signs it",
    "none: the way on is another rotation",
)
FINISH: Final = "in the stack file, move ca.rotation.next to ca.root, and drop rotation: `up` changes nothing"


def make_consul_plan(stacks: Sequence[Recorded], told: Sequence[ConsulTold]) -> Plan:
    """The plan of one or more datacenters that go in lockstep.

    Args:
        stacks: Where each stands.
        told: Of each, what its stack file says.
    """
    begun = min((CONSUL_STEPS.index(each.step) for each in stacks), default=0)
    since = [each.since for each in stacks if each.since]
    last = max(since) if len(since) == len(stacks) else None
    steps = tuple(_step(index, begun, stacks, told, last) for index in range(begun, len(CONSUL_STEPS.names) - 1))
    return Plan(tuple(stacks), (), steps, FINISH)


def _step(index: int, begun: int, stacks: Sequence[Recorded], told: Sequence[ConsulTold], since: date | None) -> Step:
    lagging = [each for each in stacks if CONSUL_STEPS.index(each.step) == index] or list(stacks)
    named = " ".join(f"--stack {each.name}" for each in (stacks if len(stacks) > 1 else lagging))
    following = " --next '{path: \"…\"}'" if index == 0 else ""
    commands = (f"meshwright certs advance {named}{following}", *(f"meshwright up {each.name}" for each in stacks))
    return Step(
        CONSUL_STEPS.names[index + 1],
        _CHANGES[index],
        _GATES[index],
        _earliest(index, told, since) if index == begun else None,
        commands,
        _BACKS[index],
    )


def _earliest(index: int, told: Sequence[ConsulTold], since: date | None) -> date | None:
    if since is None or CONSUL_STEPS.names[index] != SWITCHED:
        return since
    wait = max((each.pruned_after for each in told), default=timedelta())
    return since + timedelta(days=wait.days)
