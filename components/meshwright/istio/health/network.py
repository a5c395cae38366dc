"""No network policy stands in the way of HBONE, or of the kubelet's probes."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from meshwright.health.objects import at, called, mapping, namespace_of
from meshwright.health.verdicts import Check, Doubt, Finding, Severity, SkipError
from meshwright.istio import labels
from meshwright.istio.health.mesh import containers, is_wanted, pods, require_enrolled, waypoints
from meshwright.istio.health.network_rules import EGRESS, INGRESS, concerns_mesh, policies

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.health.objects import Object
    from meshwright.health.snapshot import Snapshot
    from meshwright.istio.health.network_rules import Policy, Rule

_CATEGORY: Final = "network"
_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")
_OVER_THE_NETWORK: Final = ("httpGet", "tcpSocket", "grpc")
_WORDS: Final = {INGRESS: "lets traffic in", EGRESS: "lets traffic out"}


def _hbone(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    enrolled = require_enrolled(snapshot)
    blocked: dict[tuple[str, str], list[str]] = defaultdict(list)
    for alike, chosen in _restricted(snapshot, enrolled):
        for direction in (INGRESS, EGRESS):
            rules = [(policy, rule) for policy in chosen for rule in policy.rules.get(direction, ())]
            carriers = [rule for _, rule in rules if rule.lets(labels.HBONE_PORT)]
            for policy, rule in rules:
                if rule in carriers or any(carrier.covers(rule) for carrier in carriers):
                    continue
                if concerns_mesh(rule, policy, snapshot, enrolled):
                    blocked[policy.name, direction] += map(called, alike)
    for (name, direction), hit in sorted(blocked.items()):
        others = len(set(hit)) - 1
        some = hit[0] + (f" and {others} more" if others else "")
        yield Finding(name, f"{_WORDS[direction]} on its ports, but not on {labels.HBONE_PORT}, for {some}")


def _probes(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    enrolled = require_enrolled(snapshot)
    for alike, chosen in _restricted(snapshot, enrolled):
        restricting = [policy for policy in chosen if INGRESS in policy.rules]
        rules = [rule for policy in restricting for rule in policy.rules[INGRESS]]
        names = ", ".join(policy.name for policy in restricting)
        for pod in alike if restricting else ():
            if is_wanted(pod, enrolled) and _is_probed(pod) and not _lets_probes(pod, rules):
                address = labels.PROBE_ADDRESSES[0]
                yield Finding(called(pod), f"has probes that come from {address}, and {names} bars them")


def _restricted(snapshot: Snapshot, enrolled: frozenset[str]) -> Iterator[tuple[list[Object], list[Policy]]]:
    """The pods in the mesh that policies select, those of the same labels together, with those policies."""
    known = policies(snapshot)
    if not known:
        raise SkipError("there is no NetworkPolicy")
    by_namespace, groups = defaultdict(list), defaultdict(list)
    for policy in known:
        by_namespace[policy.namespace].append(policy)
    for pod in _in_mesh(snapshot, enrolled, known):
        key = (namespace_of(pod), tuple(sorted(mapping(pod, "metadata", "labels").items())))
        groups[key].append(pod)
    for (namespace, _), alike in groups.items():
        near = [*by_namespace.get(namespace, ()), *by_namespace.get("", ())]
        if chosen := [policy for policy in near if policy.selects(alike[0])]:
            yield alike, chosen


def _in_mesh(snapshot: Snapshot, enrolled: frozenset[str], known: list[Policy]) -> Iterator[Object]:
    """The pods that speak HBONE; offline also those that each policy speaks of, whose workloads may be elsewhere."""
    names = {name for _, name in waypoints(snapshot)}
    for pod in pods(snapshot):
        if is_wanted(pod, enrolled) or mapping(pod, "metadata", "labels").get(labels.GATEWAY_NAME) in names:
            yield pod
    if not snapshot.live:
        for policy in known:
            if policy.namespace in enrolled:
                about = {"name": "selected", "namespace": policy.namespace}
                chosen = mapping(policy.selector, "matchLabels")
                yield {"kind": "pods", "metadata": {**about, "labels": chosen}, "spec": {}}


def _is_probed(pod: Object) -> bool:
    return any(
        at(container, probe, how) is not None
        for container in containers(pod)
        for probe in _PROBES
        for how in _OVER_THE_NETWORK
    )


def _lets_probes(pod: Object, rules: list[Rule]) -> bool:
    ports = {
        port
        for container in containers(pod)
        for probe in _PROBES
        for how in _OVER_THE_NETWORK
        if isinstance(port := at(container, probe, how, "port"), int)
    }
    open_to_kubelet = [rule for rule in rules if rule.lets_address(labels.PROBE_ADDRESSES[0])]
    return all(any(rule.lets(port) for rule in open_to_kubelet) for port in ports) and bool(open_to_kubelet)


CHECKS: Final = (
    Check(
        "policies-allow-hbone",
        _CATEGORY,
        f"whom a network policy lets through to a pod of the mesh may use port {labels.HBONE_PORT}",
        Severity.ERROR,
        f"add TCP {labels.HBONE_PORT} to the ports of that rule",
        _hbone,
    ),
    Check(
        "policies-allow-probes",
        _CATEGORY,
        "no network policy bars the kubelet's probes of a captured pod",
        Severity.WARNING,
        f"let {labels.PROBE_ADDRESSES[0]}/32 and {labels.PROBE_ADDRESSES[1]}/128 in, unless your CNI exempts them",
        _probes,
    ),
)
