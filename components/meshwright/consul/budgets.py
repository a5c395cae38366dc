"""The injector's budget: how many of its pods may be away while nodes are drained."""

import re
from collections.abc import Mapping
from typing import Any


def injector_budget(replicas: int) -> dict[str, Any]:
    """The budget that the injector is given: the chart's formula allows none of two to be away, and none of one."""
    return {"enabled": replicas > 1, "maxUnavailable": 1}


def blocked_drain(replicas: int, budget: Mapping[str, Any]) -> str | None:
    """Why the injector's budget lets no node be drained; None where it does.

    The chart's arithmetic (``consul.pdb.connectInject.maxUnavailable``): of one replica none may be away, whatever the
    budget says; of three, one; of others, half of them less one, which of two is none.

    Args:
        replicas: ``connectInject.replicas``.
        budget: ``connectInject.disruptionBudget``, as the chart gets it.
    """
    if not budget.get("enabled", True):
        return None
    if least := budget.get("minAvailable"):
        present = _whole(least, replicas)
        return f"the budget of {replicas} injectors wants all of them (minAvailable)" if present >= replicas else None
    if replicas == 1:
        return "the budget of 1 injector lets no node be drained"
    most = budget.get("maxUnavailable")
    away = _whole(most, replicas) if most else (1 if replicas == 3 else replicas // 2 - 1)
    return f"the budget of {replicas} injectors lets no node be drained" if away == 0 else None


def _whole(number: object, of: int) -> int:
    """A number of pods, or a percentage of them as Kubernetes rounds it: up. -1 for what is neither."""
    text = str(number)
    if not re.fullmatch(r"\d{1,6}%?", text, re.ASCII):
        return -1
    return -(-int(text[:-1]) * of // 100) if text.endswith("%") else int(text)
