"""Linkerd's own parts: what runs in its namespace, and the values that it was, or would be, installed with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import yaml

from meshwright.health.objects import at, called, label, name_of, namespace_of
from meshwright.health.verdicts import NotKnownError, SkipError
from meshwright.linkerd import labels

if TYPE_CHECKING:
    from meshwright.health.objects import Object
    from meshwright.health.snapshot import ChartRelease, Snapshot

CHART: Final = "linkerd-control-plane"
CNI_CHART: Final = "linkerd2-cni"
GATEWAY_CHART: Final = "linkerd-multicluster"
CONTROLLERS: Final = (labels.DESTINATION, labels.IDENTITY, labels.INJECTOR)


@dataclass(frozen=True, slots=True)
class Installed:
    """A control plane with the values that it has."""

    name: str
    """Whose they are: ``ConfigMap linkerd/linkerd-config``, ``Release linkerd/linkerd-control-plane``."""
    body: Object
    """The values are below ``values``."""
    version: str
    """The chart's; empty for one that runs."""

    def value(self, *path: str, default: Any = None) -> Any:
        """One value. Raises `NotKnownError` where only an update will know it."""
        found = at(self.body, "values", *path)
        return default if found is None else found


def installed(snapshot: Snapshot) -> list[Installed]:
    """The control plane of a cluster, or those that a program would install.

    Raises:
        SkipError: Linkerd is not in it.
        NotKnownError: its values can't be read.
    """
    found = [Installed(called(each.body), each.body, each.version) for each in releases(snapshot, CHART)]
    for each in snapshot.of("ConfigMap"):
        if name_of(each) == labels.CONFIG and namespace_of(each) == labels.NAMESPACE:
            body = {**each, "values": _values(each)}
            found.append(Installed(called(each), body, ""))
    if not found:
        raise SkipError("the control plane of Linkerd is not in it")
    return found


def _values(config: Object) -> Any:
    try:
        values = yaml.safe_load(str(at(config, "data", "values") or ""))
    except yaml.YAMLError:
        values = None
    if not isinstance(values, dict):
        raise NotKnownError(f"{called(config)} does not tell the values of the installation")
    return values


def releases(snapshot: Snapshot, chart: str) -> list[ChartRelease]:
    """The releases of one of Linkerd's charts that a program would make."""
    return [each for each in snapshot.releases if each.short_name == chart]


def controllers(snapshot: Snapshot) -> list[Object]:
    """The Deployments of the control plane."""
    return [
        each
        for each in snapshot.of("Deployment")
        if namespace_of(each) == labels.NAMESPACE and label(each, labels.COMPONENT)
    ]


def require_running(snapshot: Snapshot) -> None:
    """Raises `SkipError` offline, and where nothing of Linkerd is in the cluster."""
    snapshot.seen("Deployment")
    if not controllers(snapshot) and not snapshot.of("ConfigMap"):
        raise SkipError("the control plane of Linkerd is not in it")
