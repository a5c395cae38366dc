"""Reading Kubernetes objects: what isn't there is None, and what only an update will know is never taken for that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from meshwright.engine.graph import Secret, Unknown
from meshwright.health.verdicts import NotKnownError

Object: TypeAlias = Mapping[str, Any]


def at(body: Object, *path: str | int) -> Any:
    """The value at a path; None where there is none.

    Raises:
        NotKnownError: the value, or one on the way to it, is unknown or secret.
    """
    value: Any = body
    for step in path:
        if isinstance(value, Mapping):
            value = value.get(str(step))
        elif isinstance(value, Sequence) and not isinstance(value, str) and isinstance(step, int):
            value = value[step] if step < len(value) else None
        else:
            return None
        if isinstance(value, Unknown | Secret):
            field = ".".join(map(str, path))
            raise NotKnownError(f"{called(body)}: only the update will know its {field}")
    return value


def mapping(body: Object, *path: str | int) -> Mapping[str, Any]:
    """The mapping at a path; empty where there is none."""
    value = at(body, *path)
    return value if isinstance(value, Mapping) else {}


def items(body: Object, *path: str | int) -> list[Any]:
    """The list at a path; empty where there is none."""
    value = at(body, *path)
    return list(value) if isinstance(value, list | tuple) else []


def name_of(body: Object) -> str:
    """Its name. Raises `NotKnownError` where only an update will know it."""
    return str(_known(body, "name"))


def namespace_of(body: Object) -> str:
    """Its namespace; ``default`` where it names none. Raises `NotKnownError` where only an update will know it."""
    return str(_known(body, "namespace") or "default")


def called(body: Object) -> str:
    """How a person names it: ``Service shop/cart``, ``Node node-1``."""
    kind, name, namespace = body.get("kind", "object"), _plain(body, "name"), _plain(body, "namespace")
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"


def label(body: Object, key: str) -> str:
    """One of its labels; empty where it has none of that key."""
    return str(at(body, "metadata", "labels", key) or "")


def annotation(body: Object, key: str) -> str:
    """One of its annotations; empty where it has none of that key."""
    return str(at(body, "metadata", "annotations", key) or "")


def condition(body: Object, kind: str) -> Mapping[str, Any]:
    """A condition of its status; empty where it has none of that type."""
    return next((each for each in items(body, "status", "conditions") if at(each, "type") == kind), {})


def matches(selector: Object, labels: Mapping[str, Any]) -> bool:
    """Whether a label selector of Kubernetes' selects these labels; an empty one selects all."""
    if any(labels.get(key) != value for key, value in mapping(selector, "matchLabels").items()):
        return False
    return all(_meets(each, labels) for each in items(selector, "matchExpressions"))


def _meets(wanted: Object, labels: Mapping[str, Any]) -> bool:
    key, operator, values = at(wanted, "key"), at(wanted, "operator"), items(wanted, "values")
    if operator == "Exists":
        return key in labels
    if operator == "DoesNotExist":
        return key not in labels
    return bool((labels.get(key) in values) == (operator == "In"))


def _known(body: Object, key: str) -> Any:
    value = at(body, "metadata", key)
    return "" if value is None else value


def _plain(body: Object, key: str) -> str:
    """A name as it can be shown; ``?`` where only an update will know it."""
    metadata = body.get("metadata")
    value = metadata.get(key) if isinstance(metadata, Mapping) else None
    return "?" if isinstance(value, Unknown | Secret) else str(value or "")
