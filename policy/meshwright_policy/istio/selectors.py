"""Kubernetes label selectors, where some values may be unknown."""

from collections.abc import Iterable, Mapping
from typing import Any

from meshwright_policy.istio.mesh import Space, selects
from meshwright_policy.values import UNKNOWN, at, elements

_NAME = "kubernetes.io/metadata.name"


def both(answers: Iterable[bool | None]) -> bool | None:
    """``and`` of answers of which some are open."""
    found = set(answers)
    return False if False in found else None if None in found else True


def either(answers: Iterable[bool | None]) -> bool | None:
    """``or`` of answers of which some are open."""
    found = set(answers)
    return True if True in found else None if None in found else False


def matches(selector: Any, labels: Any) -> bool | None:
    """Whether a selector with ``matchLabels`` and ``matchExpressions`` selects these labels."""
    if UNKNOWN in (selector, at(selector, "matchExpressions")):
        return None
    expressions = (_holds(expression, labels) for expression in elements(at(selector, "matchExpressions")))
    return both((selects(at(selector, "matchLabels"), labels), *expressions))


def matches_namespace(selector: Any, namespace: str, space: Space | None) -> bool | None:
    """The same for a namespace; of one that the stack doesn't hold only the name is known."""
    if space is None or space.is_open:
        asked = _keys(selector)
        return matches(selector, dict.fromkeys(asked, UNKNOWN) | {_NAME: namespace})
    return matches(selector, {**space.labels, _NAME: namespace})


def _keys(selector: Any) -> list[str]:
    labels = at(selector, "matchLabels")
    expressions = (at(expression, "key") for expression in elements(at(selector, "matchExpressions")))
    return [*(labels if isinstance(labels, Mapping) else ()), *(key for key in expressions if isinstance(key, str))]


def _holds(expression: Any, labels: Any) -> bool | None:
    key, operator, values = (at(expression, name) for name in ("key", "operator", "values"))
    value = at(labels, key) if isinstance(key, str) else UNKNOWN
    if UNKNOWN in (key, operator, values, value) or UNKNOWN in elements(values):
        return None
    is_in = value is not None and value in elements(values)
    return {"In": is_in, "NotIn": not is_in, "Exists": value is not None, "DoesNotExist": value is None}.get(
        str(operator), False
    )
