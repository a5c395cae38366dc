"""Which ports of which pods a Server is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshwright.health.objects import at, items, mapping, matches, namespace_of
from meshwright.health.verdicts import SkipError
from meshwright.linkerd.health.mesh import containers

if TYPE_CHECKING:
    from meshwright.health.objects import Object
    from meshwright.health.snapshot import Snapshot


def servers_of_pods(snapshot: Snapshot) -> list[Object]:
    """The Servers that select pods. Raises `SkipError` where there is none."""
    found = [each for each in snapshot.of("Server") if mapping(each, "spec").get("podSelector") is not None]
    if not found:
        raise SkipError("no Server for pods is in it")
    return found


def selects(server: Object, pod: Object) -> bool:
    """Whether a Server is for a pod."""
    same = namespace_of(server) == namespace_of(pod)
    return same and matches(mapping(server, "spec", "podSelector"), mapping(pod, "metadata", "labels"))


def port_in(server: Object, pod: Object) -> int | None:
    """The number of a Server's port in a pod; None where the pod has none of that name."""
    return number(at(server, "spec", "port"), pod)


def number(port: object, pod: Object) -> int | None:
    """The number of a port that is given by number or name; None where the pod has none of that name."""
    if isinstance(port, int) or str(port).isdecimal():
        return int(str(port))
    named = [each for container in containers(pod) for each in items(container, "ports") if at(each, "name") == port]
    return int(at(named[0], "containerPort")) if named else None
