"""The steps of a rotation that are left: what each changes, what has to hold before it, and what is done after."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from meshwright.certs.proxies import restarts
from meshwright.certs.rotation import ISTIO_STEPS, Steps
from meshwright.linkerd.labels import IDENTITY, NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meshwright.certs.lockstep import Recorded
    from meshwright.certs.observed import Observed

_SIGNS = "the anchors that are trusted stay the same; from now on the issuer is signed by the new one"
_CHANGES = (
    "the new anchor is made, and joins the bundle; the old one still signs",
    _SIGNS,
    "the old anchor leaves the bundle",
)
_GATES = (
    "every proxy trusts the old anchor, which has signed the issuer",
    "every proxy and every identity controller, in every cluster, was started with both anchors",
    "the new issuer has signed for more than a leaf's lifetime in every cluster, and none was refused",
)
_BACKS = (
    "meshwright certs advance --to {before}: the old anchor has signed all along",
    "meshwright certs advance --to {before}: both anchors are known",
    "none: the old anchor is gone; the way on is another rotation",
)
_ROLLED = ("deployment", "daemonset", "statefulset")


@dataclass(frozen=True, slots=True)
class Step:
    """One step that is left."""

    name: str
    changes: str
    """What the `up` changes."""
    gate: str
    """What has to hold before."""
    earliest: date | None
    """Not before this day; None where that is not known yet."""
    commands: tuple[str, ...]
    back: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is left of a rotation."""

    stacks: tuple[Recorded, ...]
    restart_now: tuple[str, ...]
    """Commands for what does not yet trust what it should."""
    steps: tuple[Step, ...]
    finish: str
    """What remains when the last step is done."""


def make_plan(stacks: Sequence[Recorded], steps: Steps, seen: Sequence[tuple[str, Observed]] = ()) -> Plan:
    """The plan of one or more stacks that go in lockstep.

    Args:
        stacks: Where each stands.
        steps: The mesh's.
        seen: Context and what its cluster shows, of each that was asked.
    """
    begun = min((steps.index(each.step) for each in stacks), default=0)
    since = [each.since for each in stacks if each.since]
    left = tuple(
        _step(steps, index, stacks, max(since) if len(since) == len(stacks) and index == begun else None)
        for index in range(begun, len(steps.names) - 1)
    )
    return Plan(tuple(stacks), tuple(_restarts(seen)), left, _finish(steps))


def _step(steps: Steps, index: int, stacks: Sequence[Recorded], since: date | None) -> Step:
    name = steps.names[index + 1]
    lagging = [each for each in stacks if steps.index(each.step) == index] or list(stacks)
    told = " ".join(f"--stack {each.name}" for each in (stacks if len(stacks) > 1 else lagging))
    following = " --next '{name: \"…\"}'" if index == 0 else ""
    after = (
        "restart whatever has a proxy, the control plane first: meshwright certs plan --context … names it"
        if steps is not ISTIO_STEPS
        else "wait: each proxy takes the new roots with its next certificate"
    )
    return Step(
        name,
        _CHANGES[index],
        _GATES[index],
        since + timedelta(days=steps.soak_days) if since else None,
        (
            f"meshwright certs advance {told}{following}",
            *(f"meshwright up {each.name}" for each in stacks),
            after,
        ),
        _way_back(steps, index),
    )


def _way_back(steps: Steps, index: int) -> str:
    is_last = index == len(_BACKS) - 1
    text = _BACKS[index - 1] if is_last and steps.removed_may_return else _BACKS[index]
    return text.format(before=steps.names[index])


def _restarts(seen: Sequence[tuple[str, Observed]]) -> Sequence[str]:
    commands = []
    for context, each in seen:
        flag = f" --context {context}" if context else ""
        found = sorted(restarts(each), key=lambda one: one[0] != NAMESPACE)
        late = [
            pod for pod in each.controllers if each.bundle_since and pod.started and pod.started < each.bundle_since
        ]
        identity = (NAMESPACE, f"deployment/{IDENTITY}")
        for namespace, workload in (*((identity,) if late and identity not in found else ()), *found):
            command = restart_command(workload, namespace)
            commands.append(command + flag if command.startswith("kubectl") else command)
    return commands


def restart_command(workload: str, namespace: str) -> str:
    """What brings a workload's pods anew: kubectl restarts three kinds, and a Job ends by itself."""
    kind = workload.partition("/")[0]
    if kind in _ROLLED:
        return f"kubectl rollout restart {workload} -n {namespace}"
    if kind == "job":
        return f"kubectl wait --for=condition=complete {workload} -n {namespace}"
    return f"have whoever made {workload} in {namespace} make its pods anew"


def _finish(steps: Steps) -> str:
    section, old = ("certificates", "authority") if steps is ISTIO_STEPS else ("trust", "anchor")
    return (
        f"in the stack file, move {section}.rotation.next to {section}.{old}, and drop rotation: `up` changes nothing"
    )
