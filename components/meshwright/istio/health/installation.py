"""Istio's own parts: where they run, of which version, from which host, and how istio-cni is set."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from meshwright.health.objects import at, called, items, label, mapping, name_of, namespace_of
from meshwright.health.verdicts import SkipError
from meshwright.istio import labels
from meshwright.istio.health.mesh import containers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.health.objects import Object
    from meshwright.health.snapshot import ChartRelease, Snapshot

ISTIOD, CNI, ZTUNNEL, WAYPOINT = "istiod", "istio-cni", "ztunnel", "waypoint"
CNI_CONFIG_MAP: Final = "istio-cni-config"
DEFAULT_ROOT: Final = "istio-system"
_CHARTS: Final = {"istiod": ISTIOD, "cni": CNI, "ztunnel": ZTUNNEL}
_AGENTS: Final = (CNI, ZTUNNEL)
_VERSION: Final = re.compile(r"(\d+\.\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class Part:
    """One of Istio's parts, as an object of a cluster or as a release that a program would make."""

    component: str
    """``istiod``, ``istio-cni``, ``ztunnel`` or ``waypoint``."""
    name: str
    """As a person names it: ``DaemonSet istio-system/ztunnel``."""
    version: str
    """``1.31.1``; empty where neither tag nor label say."""
    sources: tuple[str, ...]
    """Images, or the chart and its hub."""

    @property
    def minor(self) -> tuple[int, int]:
        """``(1, 31)``."""
        major, minor, *_ = map(int, self.version.split("."))
        return major, minor


def parts(snapshot: Snapshot) -> list[Part]:
    """All of Istio's parts. Raises `SkipError` where there is none."""
    found = [_of_release(each, component) for each, component in _releases(snapshot)]
    found += [
        _of_object(body, component)
        for component in (ISTIOD, *_AGENTS, WAYPOINT)
        for body in workloads(snapshot, component)
    ]
    if not found:
        raise SkipError("nothing of Istio is in it")
    return found


def workloads(snapshot: Snapshot, component: str) -> tuple[Object, ...]:
    """The Deployments or DaemonSets of one of Istio's parts."""
    if component in _AGENTS:
        wanted = snapshot.of("DaemonSet")
        return tuple(each for each in wanted if label(each, "app.kubernetes.io/name") == component)
    wanted = snapshot.of("Deployment")
    if component == ISTIOD:
        return tuple(each for each in wanted if label(each, "app") == ISTIOD)
    return tuple(each for each in wanted if label(each, labels.GATEWAY_CLASS_NAME) in labels.WAYPOINT_CLASSES)


def root_namespace(snapshot: Snapshot) -> str:
    """Istio's root namespace: where istiod runs."""
    for each in workloads(snapshot, ISTIOD):
        return namespace_of(each)
    return next((each.namespace for each, component in _releases(snapshot) if component == ISTIOD), DEFAULT_ROOT)


def cni_settings(snapshot: Snapshot, key: str, *path: str) -> list[tuple[str, Any]]:
    """One setting of istio-cni, wherever it is installed: who has it, and its value.

    Args:
        snapshot: What was seen.
        key: Its key in the ConfigMap `istio-cni-config`.
        path: Its path in the chart's values.

    Raises:
        SkipError: istio-cni is not in it.
    """
    found: list[tuple[str, Any]] = [
        (called(each), at(each, "data", key)) for each in snapshot.of("ConfigMap") if name_of(each) == CNI_CONFIG_MAP
    ]
    for release, component in _releases(snapshot):
        if component == CNI:
            found.append((called(release.body), _or_platform(release, path)))
    if not found:
        raise SkipError("istio-cni is not in it")
    return found


def _or_platform(release: ChartRelease, path: tuple[str, ...]) -> Any:
    """A value of the chart cni; else what it sets for OpenShift, where Multus calls it (profile-platform-openshift)."""
    value = at(release.body, "values", *path)
    if value is None and path == ("chained",):
        platforms = (at(release.body, "values", *where) for where in (("global", "platform"), ("platform",)))
        return False if "openshift" in platforms else None
    return value


def environment(deployment: Object) -> dict[str, str]:
    """The plain environment variables of all its containers."""
    template = mapping(deployment, "spec", "template")
    return {
        str(at(each, "name")): str(at(each, "value"))
        for container in containers(template)
        for each in items(container, "env")
        if at(each, "value") is not None
    }


def is_true(value: Any) -> bool:
    """Whether a setting is on, as a boolean or as a ConfigMap's text."""
    return str(value).lower() == "true"


def istiod_releases(snapshot: Snapshot) -> list[Object]:
    """The releases of the chart istiod that a program would make; their values are below ``values``."""
    return [release.body for release, component in _releases(snapshot) if component == ISTIOD]


def _releases(snapshot: Snapshot) -> Iterator[tuple[ChartRelease, str]]:
    for each in snapshot.releases:
        if each.short_name in _CHARTS:
            yield each, _CHARTS[each.short_name]


def _of_release(release: ChartRelease, component: str) -> Part:
    hub = at(release.body, "values", "global", "hub") or at(release.body, "values", "hub")
    version = _VERSION.search(release.version)
    sources = (release.chart, *([str(hub)] if hub else []))
    return Part(component, called(release.body), version[1] if version else "", sources)


def _of_object(body: Object, component: str) -> Part:
    template = mapping(body, "spec", "template")
    images = [str(at(each, "image")) for each in containers(template)]
    tags = [image.rpartition("/")[2].partition("@")[0].partition(":")[2] for image in images]
    written = next((match for match in map(_VERSION.match, tags) if match), None)
    written = written or _VERSION.match(label(body, "app.kubernetes.io/version"))
    return Part(component, called(body), written[1] if written else "", tuple(images))
