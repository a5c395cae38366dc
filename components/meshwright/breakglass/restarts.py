"""Restarts that are waited for."""

from __future__ import annotations

from meshwright.breakglass.plan import Step

_WAIT = "--timeout=300s"


def restarted(kind: str, name: str, namespace: str) -> tuple[Step, Step]:
    """Restart a workload's pods, a few at a time, and wait until the new ones are ready.

    Args:
        kind: ``deployment`` or ``daemonset``.
        name: The workload's name.
        namespace: Its namespace.
    """
    place = (f"{kind}/{name}", f"--namespace={namespace}")
    return Step(f"{kind} {namespace}/{name} gets new pods", ("rollout", "restart", *place)), waited(*place)


def waited(workload: str, namespace: str) -> Step:
    """Wait until a rollout is complete; at most five minutes."""
    home = namespace.partition("=")[2]
    return Step(f"wait until {workload} in {home} is ready", ("rollout", "status", workload, namespace, _WAIT))
