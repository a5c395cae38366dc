"""Who is in the mesh: namespaces by their annotation, pods by their proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meshwright.health.objects import annotation, at, items, label, mapping, name_of, namespace_of
from meshwright.linkerd import labels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.health.objects import Object
    from meshwright.health.snapshot import Snapshot

WORKLOADS: Final = ("Deployment", "StatefulSet", "DaemonSet")
ON: Final = ("enabled", "ingress")
"""Values of the annotation ``linkerd.io/inject`` that ask for a proxy."""
_ENDED: Final = ("Succeeded", "Failed")
_OWN: Final = (labels.NAMESPACE, labels.CNI_NAMESPACE)


def namespaces(snapshot: Snapshot) -> dict[str, Object]:
    """All namespaces by name."""
    return {name_of(each): each for each in snapshot.of("Namespace")}


def containers(pod: Object) -> list[Object]:
    """All containers of a pod, those that only start it as well: a native sidecar is one of them."""
    return items(pod, "spec", "initContainers") + items(pod, "spec", "containers")


def has_proxy(pod: Object) -> bool:
    """Whether it has a proxy."""
    return any(at(each, "name") == labels.PROXY_CONTAINER for each in containers(pod))


def running_pods(snapshot: Snapshot) -> tuple[Object, ...]:
    """The pods of a cluster that run on a node and haven't ended. Raises `SkipError` offline."""
    return tuple(
        each
        for each in snapshot.seen("Pod")
        if at(each, "status", "phase") not in _ENDED
        and at(each, "spec", "nodeName")
        and not at(each, "metadata", "deletionTimestamp")
    )


def proxies(snapshot: Snapshot) -> tuple[Object, ...]:
    """The running pods that have a proxy. Raises `SkipError` offline."""
    return tuple(each for each in running_pods(snapshot) if has_proxy(each))


def pods(snapshot: Snapshot) -> Iterator[Object]:
    """The pods of a cluster; offline, those that the program's workloads would have, named after their workload."""
    if snapshot.live:
        yield from running_pods(snapshot)
        return
    for kind in WORKLOADS:
        for each in snapshot.of(kind):
            yield from_template(each, "spec", "template")


def from_template(workload: Object, *path: str) -> Object:
    """A pod that a workload would have, named after it."""
    template = mapping(workload, *path)
    about = {**mapping(template, "metadata"), "name": name_of(workload), "namespace": namespace_of(workload)}
    return {"kind": workload["kind"], "metadata": about, "spec": mapping(template, "spec")}


def is_wanted(pod: Object, homes: dict[str, Object]) -> bool:
    """Whether the injector gives a pod a proxy: its own annotation wins over its namespace's.

    Pods on the host's network never get one, and the control plane's have theirs from the chart.
    """
    home = homes.get(namespace_of(pod), {})
    asked = annotation(pod, labels.INJECT) or (annotation(home, labels.INJECT) if home else "")
    return asked in ON and at(pod, "spec", "hostNetwork") is not True and namespace_of(pod) not in _OWN


def is_left_alone(namespace: Object) -> bool:
    """Whether Linkerd's webhooks don't look at a namespace."""
    return label(namespace, labels.ADMISSION_WEBHOOKS) == "disabled"
