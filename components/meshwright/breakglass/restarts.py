"""Restarts that are waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meshwright.breakglass.plan import Step
from meshwright.health.objects import at, called, name_of, namespace_of

if TYPE_CHECKING:
    from meshwright.health.objects import Object

_REPLICAS: Final = 2
"""Of a controller that was scaled down to none."""
_LEAST_S: Final = 300
_A_POD_S: Final = 60
"""To pull an image, start and become ready; a DaemonSet's pods are renewed one after the other by default."""


def restarted(kind: str, name: str, namespace: str, pods: int = 1) -> tuple[Step, Step]:
    """Restart a workload's pods, a few at a time, and wait until the new ones are ready.

    Args:
        kind: ``deployment`` or ``daemonset``.
        name: The workload's name.
        namespace: Its namespace.
        pods: How many pods it has, as `pods_of` tells.
    """
    place = (f"{kind}/{name}", f"--namespace={namespace}")
    return Step(f"{kind} {namespace}/{name} gets new pods", ("rollout", "restart", *place)), waited(*place, pods)


def brought_back(deployment: Object) -> tuple[Step, ...]:
    """Restart a controller's pods, or start some where it was scaled down to none, and wait until they are ready."""
    name, namespace = name_of(deployment), namespace_of(deployment)
    if at(deployment, "spec", "replicas") != 0:
        return restarted("deployment", name, namespace, pods_of(deployment))
    place = ("scale", f"deployment/{name}", f"--namespace={namespace}")
    return (
        Step(
            f"{called(deployment)}: from no replica to {_REPLICAS}",
            (*place, f"--replicas={_REPLICAS}"),
            (*place, "--replicas=0"),
        ),
        waited(f"deployment/{name}", f"--namespace={namespace}"),
    )


def waited(workload: str, namespace: str, pods: int = 1) -> Step:
    """Wait until a rollout is complete: a minute for each of its pods, but at least five."""
    home = namespace.partition("=")[2]
    limit = f"--timeout={max(_LEAST_S, pods * _A_POD_S)}s"
    return Step(f"wait until {workload} in {home} is ready", ("rollout", "status", workload, namespace, limit))


def pods_of(workload: Object) -> int:
    """How many pods a Deployment is to have, or a DaemonSet by its nodes; 1 where it doesn't say."""
    path = ("status", "desiredNumberScheduled") if workload["kind"] == "DaemonSet" else ("spec", "replicas")
    return int(at(workload, *path) or 1)
