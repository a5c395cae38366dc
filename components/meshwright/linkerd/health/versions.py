"""Of which version Linkerd's parts are, and what the catalog knows of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from meshwright.catalog import load_catalog
from meshwright.errors import ConfigError
from meshwright.health.objects import annotation, at, called, items, label, mapping
from meshwright.linkerd import labels
from meshwright.linkerd.health.installation import CHART, controllers, releases
from meshwright.linkerd.health.mesh import containers

if TYPE_CHECKING:
    from meshwright.catalog import Release
    from meshwright.health.objects import Object
    from meshwright.health.snapshot import Snapshot

_EDGE: Final = re.compile(r"edge-(\d{2})\.(\d{1,2})\.(\d{1,2})\b", re.ASCII)
_CHART: Final = re.compile(r"20(\d{2})\.(\d{1,2})\.(\d{1,2})", re.ASCII)

Edge = tuple[int, ...]
"""``(26, 8, 3)``."""


def planes(snapshot: Snapshot) -> dict[str, Edge | None]:
    """Each part of the control plane with its edge; None for one that is no edge, or doesn't tell."""
    found = {called(each.body): _numbers(_CHART.fullmatch(each.version)) for each in releases(snapshot, CHART)}
    for each in controllers(snapshot):
        images = [
            str(at(container, "image") or "")
            for container in items(mapping(each, "spec", "template"), "spec", "containers")
            if at(container, "name") != labels.PROXY_CONTAINER
        ]
        told = (*images, label(each, "app.kubernetes.io/version"), annotation(each, labels.CREATED_BY))
        found[called(each)] = next((_numbers(match) for match in map(_EDGE.search, told) if match), None)
    return found


def proxy(pod: Object) -> Edge | None:
    """The edge of a pod's proxy; None for one that is no edge, or doesn't tell."""
    images = [str(at(each, "image") or "") for each in containers(pod) if at(each, "name") == labels.PROXY_CONTAINER]
    told = (annotation(pod, labels.PROXY_VERSION), *images)
    return next((_numbers(match) for match in map(_EDGE.search, told) if match), None)


def line(edge: Edge) -> int:
    """The place of an edge's version among all that the catalog knows; -1 for one that is older."""
    starts = [_numbers(_EDGE.fullmatch(each)) or () for each in load_catalog().linkerd_upgrades.lines.values()]
    return sum(start <= edge for start in starts) - 1


def release(edge: Edge) -> Release | None:
    """What the catalog knows of an edge, or of the version that it belongs to; None for nothing."""
    versions, at_line = list(load_catalog().linkerd_upgrades.lines), line(edge)
    for name in (shown(edge), versions[at_line]) if at_line >= 0 else (shown(edge),):
        try:
            return load_catalog().release("linkerd-edge", name)
        except ConfigError:
            continue
    return None


def shown(edge: Edge) -> str:
    """``edge-26.8.3``."""
    return f"edge-{'.'.join(map(str, edge))}"


def _numbers(match: re.Match[str] | None) -> Edge | None:
    return tuple(map(int, match.groups())) if match else None
