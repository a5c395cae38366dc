"""Consul's own parts, and who is in the mesh."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from meshwright.consul import labels
from meshwright.health.objects import annotation, at, called, items, label, mapping, matches, name_of, namespace_of
from meshwright.health.verdicts import Finding, SkipError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.health.objects import Object
    from meshwright.health.snapshot import Snapshot

CHART: Final = "consul"
_ENDED: Final = ("Succeeded", "Failed")
_NEVER: Final = ("kube-system", "kube-public")
"""Namespaces whose pods the injector leaves alone (``control-plane/connect-inject/webhook``)."""


@dataclass(frozen=True, slots=True)
class Installed:
    """An installation that a program would make, with its values."""

    name: str
    body: Object

    def value(self, *path: str, default: Any = None) -> Any:
        """One value. Raises `NotKnownError` where only an update will know it."""
        found = at(self.body, "values", *path)
        return default if found is None else found

    @property
    def has_servers(self) -> bool:
        """Whether the servers are in the cluster."""
        return self.value("server", "enabled", default=True) is not False


def releases(snapshot: Snapshot) -> list[Installed]:
    """The installations of Consul that a program would make."""
    return [Installed(called(each.body), each.body) for each in snapshot.releases if each.short_name == CHART]


def servers(snapshot: Snapshot) -> list[Object]:
    """The StatefulSet of the servers, where they are in the cluster."""
    return _own(snapshot, "StatefulSet", labels.SERVER)


def injectors(snapshot: Snapshot) -> list[Object]:
    """The Deployment of the injector."""
    return _own(snapshot, "Deployment", labels.INJECTOR)


def _own(snapshot: Snapshot, kind: str, name: str) -> list[Object]:
    return [each for each in snapshot.of(kind) if name_of(each) == name and namespace_of(each) == labels.NAMESPACE]


def require_running(snapshot: Snapshot) -> None:
    """Raises `SkipError` offline, and where nothing of Consul is in the cluster."""
    snapshot.seen("Deployment")
    if not servers(snapshot) and not injectors(snapshot):
        raise SkipError("Consul is not in it")


def require_servers(snapshot: Snapshot) -> Object:
    """The servers' StatefulSet. Raises `SkipError` offline, and where they are not in the cluster."""
    require_running(snapshot)
    found = servers(snapshot)
    if not found:
        raise SkipError("the servers are not in this cluster")
    return found[0]


def uses_vault(snapshot: Snapshot) -> bool:
    """Whether Vault keeps the secrets of the Consul that runs."""
    return any(
        annotation(mapping(each, "spec", "template"), labels.VAULT_INJECT) == "true"
        for each in (*servers(snapshot), *injectors(snapshot))
    )


def running_pods(snapshot: Snapshot) -> tuple[Object, ...]:
    """The pods of a cluster that run on a node and haven't ended. Raises `SkipError` offline."""
    return tuple(
        each
        for each in snapshot.seen("Pod")
        if at(each, "status", "phase") not in _ENDED
        and at(each, "spec", "nodeName")
        and not at(each, "metadata", "deletionTimestamp")
    )


def containers(pod: Object) -> list[str]:
    """The names of all containers of a pod, those that only start it as well."""
    bodies = items(pod, "spec", "initContainers") + items(pod, "spec", "containers")
    return [str(at(each, "name") or "") for each in bodies]


def has_proxy(pod: Object) -> bool:
    """Whether it has a proxy; of a pod with several Services each has one, named after it."""
    return any(each.startswith(labels.DATAPLANE_CONTAINER) for each in containers(pod))


def is_meshed(namespace: Object) -> bool:
    """Whether the injector gives the namespace's pods proxies."""
    return label(namespace, labels.MESH_NAMESPACE) == labels.ENABLED and name_of(namespace) not in _NEVER


def meshed(snapshot: Snapshot) -> dict[str, Object]:
    """The namespaces in the mesh, by name."""
    return {name_of(each): each for each in snapshot.of("Namespace") if is_meshed(each)}


def selecting(snapshot: Snapshot, pod: Object) -> list[Object]:
    """The Services whose endpoint a pod is, save those that Consul is told to leave alone."""
    return [
        each
        for each in snapshot.of("Service")
        if namespace_of(each) == namespace_of(pod)
        and mapping(each, "spec", "selector")
        and label(each, labels.SERVICE_IGNORE) != "true"
        and matches({"matchLabels": mapping(each, "spec", "selector")}, mapping(pod, "metadata", "labels"))
    ]


def drains(snapshot: Snapshot, workload: Object) -> Iterator[Finding]:
    """Why the loss, or the drain, of one node is not borne by a workload."""
    replicas = int(at(workload, "spec", "replicas") or 0)
    pods = mapping(workload, "spec", "template", "metadata", "labels")
    budgets = [
        each
        for each in snapshot.of("PodDisruptionBudget")
        if namespace_of(each) == namespace_of(workload) and matches(mapping(each, "spec", "selector"), pods)
    ]
    if not budgets and replicas > 1:
        yield Finding(called(workload), "has no disruption budget: a drain may take all replicas at once")
    for each in budgets:
        if _may_be_away(each, replicas) < 1:
            yield Finding(called(each), f"lets none of {replicas} pods be away: their nodes can't be drained")


def _may_be_away(budget: Object, replicas: int) -> int:
    most, least = at(budget, "spec", "maxUnavailable"), at(budget, "spec", "minAvailable")
    return _pods(most, replicas) if most is not None else replicas - _pods(least or 0, replicas)


def _pods(number: object, of: int) -> int:
    """A number of pods, or a share of them; the disruption controller rounds up."""
    text = str(number)
    return ceil(of * int(text[:-1]) / 100) if text.endswith("%") else int(text)
