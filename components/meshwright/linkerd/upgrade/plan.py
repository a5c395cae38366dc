"""The plan of an upgrade of Linkerd's edge channel, from the catalog alone.

Sources: linkerd.io tasks/upgrade (order; the control plane may lead the data plane by one version),
tasks/gateway-api-ownership-migration, reference/k8s-versions, and the catalog's notes on each edge.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from meshwright.catalog.linkerd_upgrades import LinkerdUpgradeFacts
from meshwright.errors import Code, ConfigError, Problem

PARTS = ("crds", "control-plane", "extensions", "data-plane")
"""In the order in which they are upgraded."""
_DEFAULT_OFF = "edge-25.9.4"
"""The first edge whose installGatewayAPI is false by default."""
_DO = {
    "crds": "upgrade linkerd-crds",
    "control-plane": "upgrade linkerd-control-plane, and look at `linkerd check`",
    "extensions": "upgrade linkerd2-cni, linkerd-viz and linkerd-multicluster",
    "data-plane": "restart meshed workloads, namespace by namespace, and look at `linkerd check --proxy`",
}


@dataclass(frozen=True, slots=True)
class Change:
    """Something that an edge breaks."""

    edge: str
    name: str
    what: str
    do: str
    source: str


@dataclass(frozen=True, slots=True)
class Step:
    """One part, and what changes with it."""

    part: str
    do: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Hop:
    """The way from one edge to the next, at most one version up: all of it, before the next hop."""

    start: str
    target: str
    chart_version: str
    steps: tuple[Step, ...]


def plan_upgrade(
    start: str,
    target: str,
    facts: LinkerdUpgradeFacts,
    gateway_api: str = "",
    values: Mapping[str, object] | None = None,
) -> tuple[Hop, ...]:
    """The hops that lead from one edge to another.

    Args:
        start: What runs, ``edge-25.4.4``, or a version, ``2.18``, for the edge with which it began.
        target: Where to.
        facts: Lines and breaking edges.
        gateway_api: Who owns the Gateway API's CRDs: ``linkerd`` (the chart linkerd-crds installed them), or anything
            else for somebody else.
        values: Of linkerd-crds, for the first hop. Default: none, the chart's own.

    Raises:
        ConfigError: MW-E213 for what is no edge, is older than what is known, or not newer; MW-E214 where Helm would
            delete the Gateway API's CRDs with every route in the cluster.
    """
    before, after = _edge(start, facts), _edge(target, facts)
    if _key(after) <= _key(before):
        raise _refused(f"{after} is not newer than {before}", "name a newer edge")
    stations = [*_between(before, after, facts), after]
    if gateway_api == "linkerd":
        _refuse_deletion(before, stations[0], values or {}, facts)
    hops, at = [], before
    for station in stations:
        hops.append(Hop(at, station, _chart_version(station), tuple(_steps(at, station, facts))))
        at = station
    return tuple(hops)


def deletes_gateway_api(start: str, target: str, values: Mapping[str, object], facts: LinkerdUpgradeFacts) -> bool:
    """Whether an upgrade of linkerd-crds deletes the Gateway API's CRDs that the release installed before.

    Args:
        start: The edge that runs.
        target: The edge to go to.
        values: The values of linkerd-crds with it.
        facts: Lines and breaking edges.
    """
    kept = _key(facts.gateway_api_kept_from)
    default = _key(target) < _key(_DEFAULT_OFF)
    return _key(start) < kept and not values.get("installGatewayAPI", default)


def _refuse_deletion(start: str, target: str, values: Mapping[str, object], facts: LinkerdUpgradeFacts) -> None:
    """The first hop has to mark the CRDs before a chart leaves them out; later ones start from edges that did."""
    if deletes_gateway_api(start, target, values, facts):
        message = f"{start} to {target} deletes the Gateway API's CRDs, which linkerd-crds installed, and every route"
        remedy = f"go to {facts.lines['2.18']} first, with installGatewayAPI left alone: it keeps them from then on"
        raise ConfigError(Problem(Code.GATEWAY_API_DELETED, message, remedy))


def _edge(text: str, facts: LinkerdUpgradeFacts) -> str:
    edge = facts.lines.get(text, text)
    if not re.fullmatch(r"edge-\d{2}\.\d{1,2}\.\d{1,2}", edge, re.ASCII):
        known = ", ".join(facts.lines)
        raise _refused(f'"{text[:40]}" is no edge release', f"name an edge, edge-26.8.3, or a version: {known}")
    if _key(edge) < _key(next(iter(facts.lines.values()))):
        raise _refused(f"{edge} is older than what the catalog knows", "upgrade to 2.16 by Linkerd's own notes first")
    return edge


def _refused(message: str, remedy: str) -> ConfigError:
    return ConfigError(Problem(Code.LINKERD_UPGRADE, message, remedy))


def _key(edge: str) -> tuple[int, ...]:
    return tuple(int(part) for part in edge.removeprefix("edge-").split("."))


def _between(start: str, target: str, facts: LinkerdUpgradeFacts) -> Iterator[str]:
    """The first edges of the versions on the way: a control plane leads its proxies by one version and no more."""
    edges = list(facts.lines.values())
    first, last = (_line(each, edges) for each in (start, target))
    yield from (edge for edge in edges[first + 1 : last] if _key(edge) < _key(target))


def _line(edge: str, edges: list[str]) -> int:
    return max(index for index, each in enumerate(edges) if _key(each) <= _key(edge))


def _chart_version(edge: str) -> str:
    year, month, number = _key(edge)
    return f"20{year}.{month}.{number}"


def _steps(start: str, target: str, facts: LinkerdUpgradeFacts) -> Iterator[Step]:
    crossed = {edge: what for edge, what in facts.breaking.items() if _key(start) < _key(edge) <= _key(target)}
    for part in PARTS:
        changes = tuple(
            Change(edge, name, each.what, each.do, each.source)
            for edge, named in crossed.items()
            for name, each in named.items()
            if part in each.parts
        )
        yield Step(part, _DO[part], changes)
