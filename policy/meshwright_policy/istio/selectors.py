"""Kubernetes label selectors, where some values may be unknown."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from meshwright_policy.values import UNKNOWN, at, elements

if TYPE_CHECKING:
    from meshwright_policy.istio.mesh import Space

Thing = TypeVar("Thing")

_NAME = "kubernetes.io/metadata.name"


def both(answers: Iterable[bool | None]) -> bool | None:
    """``and`` of answers of which some are open."""
    found = set(answers)
    return False if False in found else None if None in found else True


def either(answers: Iterable[bool | None]) -> bool | None:
    """``or`` of answers of which some are open."""
    found = set(answers)
    return True if True in found else None if None in found else False


def selects(selector: Any, labels: Any) -> bool | None:
    """Whether a mapping of labels selects an object; ``None`` where an unknown value leaves it open."""
    if not isinstance(selector, Mapping):
        return None if selector is UNKNOWN else True
    answers = [
        None if UNKNOWN in (wanted, at(labels, key)) else at(labels, key) == wanted for key, wanted in selector.items()
    ]
    return False if False in answers else None if None in answers else True


class BySelector(Generic[Thing]):
    """Things by the labels that they select, so that of many only a few need to be compared.

    What is returned may match: the exact comparison is the caller's.
    """

    def __init__(self, things: Iterable[tuple[Any, Thing]]) -> None:
        self._all: list[Thing] = []
        self._wide: list[Thing] = []
        self._by_label: defaultdict[tuple[str, str], list[Thing]] = defaultdict(list)
        self._by_first: defaultdict[tuple[str, str], list[Thing]] = defaultdict(list)
        for selector, thing in things:
            self._all.append(thing)
            labels = _labels(selector)
            if not labels:
                self._wide.append(thing)
            for label in labels:
                self._by_label[label].append(thing)
            for label in labels[:1]:
                self._by_first[label].append(thing)

    def around(self, selector: Any) -> list[Thing]:
        """Things that may select all that a selector does: theirs asks for no other labels."""
        return [*self._wide, *(thing for label in _labels(selector) for thing in self._by_first.get(label, ()))]

    def within(self, selector: Any) -> list[Thing]:
        """Things that may select nothing but what a selector does: theirs asks for its labels at least."""
        buckets = [self._by_label.get(label, []) for label in _labels(selector)]
        return [*self._wide, *min(buckets, key=len)] if buckets else self._all


def _labels(selector: Any) -> list[tuple[str, str]]:
    """The labels of a selector; none of one that isn't known in whole, which may select anything."""
    if not isinstance(selector, Mapping) or UNKNOWN in selector.values():
        return []
    return [(str(key), str(value)) for key, value in selector.items()]


def matches(selector: Any, labels: Any) -> bool | None:
    """Whether a selector with ``matchLabels`` and ``matchExpressions`` selects these labels."""
    if UNKNOWN in (selector, at(selector, "matchExpressions")):
        return None
    expressions = (_holds(expression, labels) for expression in elements(at(selector, "matchExpressions")))
    return both((selects(at(selector, "matchLabels"), labels), *expressions))


def matches_namespace(selector: Any, namespace: str, space: "Space | None") -> bool | None:
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
