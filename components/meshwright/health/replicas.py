"""Whether a Deployment outlives the loss of one replica."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meshwright.health.objects import at, called, mapping, matches, name_of, namespace_of
from meshwright.health.verdicts import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.health.objects import Object
    from meshwright.health.snapshot import Snapshot

ENOUGH: Final = 2


def too_few(snapshot: Snapshot, deployment: Object) -> Iterator[Finding]:
    """What a Deployment lacks to survive the loss of one replica."""
    least = minimum_replicas(snapshot, deployment)
    if least < ENOUGH:
        yield Finding(called(deployment), f"runs with {least} replica: while it restarts, nothing takes its place")
    pods = mapping(deployment, "spec", "template", "metadata", "labels")
    budgets = (each for each in snapshot.of("PodDisruptionBudget") if namespace_of(each) == namespace_of(deployment))
    if not any(matches(mapping(each, "spec", "selector"), pods) for each in budgets):
        yield Finding(called(deployment), "has no disruption budget: a drain may take all replicas at once")


def minimum_replicas(snapshot: Snapshot, deployment: Object) -> int:
    """How many replicas a Deployment never goes below: its autoscaler's minimum, or its own number."""
    for each in snapshot.of("HorizontalPodAutoscaler"):
        target = mapping(each, "spec", "scaleTargetRef")
        if namespace_of(each) == namespace_of(deployment) and at(target, "name") == name_of(deployment):
            return int(at(each, "spec", "minReplicas") or 1)
    replicas = at(deployment, "spec", "replicas")
    return 1 if replicas is None else int(replicas)
