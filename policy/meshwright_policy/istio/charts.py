"""Istio's charts in a stack, with the values that they are given."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from meshwright_policy.istio import kinds
from meshwright_policy.record import NotApplicableError, Subject
from meshwright_policy.stack import Stack
from meshwright_policy.values import UNKNOWN, at

_OURS: Final = ("istiod", "ztunnel")
_COMMON: Final = ("base", "cni", "gateway")
_VERSION: Final = re.compile(r"v?(\d+)\.(\d+)(?:\.\d+.*)?")


@dataclass(frozen=True, slots=True)
class Chart:
    """A Helm release of one of Istio's charts."""

    subject: Subject
    name: str
    """``base``, ``istiod``, ``cni``, ``ztunnel`` or ``gateway``."""
    version: Any
    """As it is asked for; ``None`` where it isn't, and it may be unknown."""
    values: Any

    def value(self, *path: str) -> Any:
        """A value that is given: ``None`` where it isn't, unknown where a file may give it."""
        found = at(self.values, *path)
        return UNKNOWN if found is None and at(self.subject.properties, "valueYamlFiles") else found

    def setting(self, *path: str) -> Any:
        """A value of istiod's chart, which takes it at the top and, as before, below ``pilot``."""
        found = self.value(*path)
        return found if found is not None else self.value("pilot", *path)

    @property
    def minor(self) -> tuple[int, int] | None:
        """Major and minor version, where they are known."""
        match = _VERSION.fullmatch(self.version) if isinstance(self.version, str) else None
        return (int(match[1]), int(match[2])) if match else None

    @property
    def namespace(self) -> Any:
        """Where it is installed."""
        given = at(self.subject.properties, "namespace")
        return given if given is UNKNOWN else given or "default"


def charts(stack: Stack) -> Mapping[str, tuple[Chart, ...]]:
    """Name of a chart of Istio's -> its releases. Ask for it by ``stack.derived(charts)``."""
    found: dict[str, tuple[Chart, ...]] = dict.fromkeys((*_OURS, *_COMMON), ())
    for subject in stack.of(*kinds.HELM):
        name, tag = chart_name(subject)
        if name in found and (name in _OURS or _is_istios(subject)):
            version, values = (at(subject.properties, key) for key in ("version", "values"))
            found[name] += (Chart(subject, name, version or tag or None, values),)
    return found


def installed(stack: Stack, *names: str) -> tuple[Chart, ...]:
    """The releases of some of Istio's charts."""
    found = stack.derived(charts)
    return tuple(chart for name in names for chart in found[name])


def pairs(stack: Stack) -> list[tuple[Chart, Chart]]:
    """Each ztunnel with each istiod of its cluster. Raises `NotApplicableError` where one of them isn't there."""
    found = [(ztunnel, istiod) for ztunnel in installed(stack, "ztunnel") for istiod in installed(stack, "istiod")]
    if not found:
        raise NotApplicableError("the stack doesn't install istiod together with ztunnel")
    # A program may install into several clusters; what one component installs is in one of them.
    return [pair for pair in found if pair[0].subject.parent == pair[1].subject.parent] or found


def chart_name(subject: Subject) -> tuple[str, str]:
    """Name and tag at the end of a chart's reference, without a digest."""
    reference = at(subject.properties, "chart")
    last = reference.rstrip("/").rsplit("/", 1)[-1] if isinstance(reference, str) else ""
    name, _, tag = last.partition("@")[0].partition(":")
    return name, tag


def istiod_env(stack: Stack, name: str) -> Any:
    """A variable of istiod's environment, as a chart of the stack sets it: text, ``None``, or unknown."""
    given = [chart.setting("env", name) for chart in stack.derived(charts)["istiod"]]
    found = [value for value in given if value is not None]
    return None if not found else UNKNOWN if found[0] is UNKNOWN else str(found[0]).lower()


def _is_istios(subject: Subject) -> bool:
    told = (at(subject.properties, *path) for path in (("chart",), ("repositoryOpts", "repo"), ("name",)))
    return any("istio" in str(text).lower() for text in told)
