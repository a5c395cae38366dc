"""NetworkPolicies of Kubernetes and Cilium in one form: whom they select, and what they let through."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from meshwright.health.objects import at, called, items, mapping, matches, name_of, namespace_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from meshwright.health.objects import Object
    from meshwright.health.snapshot import Snapshot

INGRESS, EGRESS = "Ingress", "Egress"
_PEERS: Final = {INGRESS: "from", EGRESS: "to"}
_OF_CILIUM: Final = "k8s:io.kubernetes.pod.namespace"
_NAMESPACE: Final = _OF_CILIUM.removeprefix("k8s:")
_OUTSIDE: Final = ("CIDR", "CIDRSet", "FQDNs", "Groups", "Nodes")
_IN_THE_CLUSTER: Final = ("all", "cluster")
"""Cilium's entities that pods of the mesh are among; the others are the world, nodes and the API server."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What one rule lets through."""

    ports: tuple[tuple[int, int], ...] | None
    """Ranges of TCP ports; None for all. Named ports and other protocols don't count: they are never HBONE's."""
    only_other: bool
    """Whether it names ports, but no TCP port at all, or only that of DNS."""
    peers: tuple[str, ...]
    """Whom it lets through, each in a form that can be compared; empty for everybody."""
    blocks: tuple[str, ...]
    """Those of its peers that are address ranges."""
    outside: int
    """How many of its peers are no pods: address ranges, names, nodes, or the world."""
    namespaces: tuple[Mapping[str, Any], ...]
    """Those that are chosen by namespace, as label selectors; empty where the policy's own namespace is meant."""

    def lets(self, port: int) -> bool:
        """Whether it lets TCP traffic to a port through, for its peers."""
        return self.ports is None or any(first <= port <= last for first, last in self.ports)

    def covers(self, other: Rule) -> bool:
        """Whether it lets all peers of another rule through."""
        return not self.peers or (bool(other.peers) and set(other.peers) <= set(self.peers))

    def lets_address(self, address: str) -> bool:
        """Whether it lets an address through, whatever the port."""
        wanted = ipaddress.ip_address(address)
        nets = (ipaddress.ip_network(each, strict=False) for each in self.blocks)
        return not self.peers or any(wanted in net for net in nets)


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy."""

    name: str
    """As a person names it."""
    namespace: str
    """Empty for all."""
    selector: Mapping[str, Any]
    rules: Mapping[str, tuple[Rule, ...]]
    """Direction -> rules, for the directions that it restricts."""

    def selects(self, pod: Object) -> bool:
        """Whether it restricts a pod."""
        is_there = self.namespace in ("", namespace_of(pod))
        about = {_NAMESPACE: namespace_of(pod), **mapping(pod, "metadata", "labels")}
        return is_there and matches(self.selector, about)


def policies(snapshot: Snapshot) -> list[Policy]:
    """All policies that were seen."""
    found = [_kubernetes(each) for each in snapshot.of("NetworkPolicy")]
    for kind in ("CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy"):
        for each in snapshot.of(kind):
            specs = [mapping(each, "spec"), *items(each, "specs")]
            found += [_cilium(each, spec) for spec in specs if "endpointSelector" in spec]
    return found


def _kubernetes(body: Object) -> Policy:
    spec = mapping(body, "spec")
    types = items(spec, "policyTypes") or [INGRESS, *([EGRESS] if items(spec, "egress") else [])]
    rules = {kind: tuple(_kubernetes_rule(each, kind) for each in items(spec, kind.lower())) for kind in types}
    return Policy(called(body), namespace_of(body), mapping(spec, "podSelector"), rules)


def _kubernetes_rule(rule: Object, kind: str) -> Rule:
    peers, ports = items(rule, _PEERS[kind]), items(rule, "ports")
    ranges = [
        (int(at(each, "port")), int(at(each, "endPort") or at(each, "port")))
        for each in ports
        if (at(each, "protocol") or "TCP") == "TCP" and isinstance(at(each, "port"), int)
    ]
    if any((at(each, "protocol") or "TCP") == "TCP" and at(each, "port") is None for each in ports):
        ports = []
    blocks = tuple(str(at(each, "ipBlock", "cidr")) for each in peers if at(each, "ipBlock"))
    return Rule(
        ports=tuple(ranges) if ports else None,
        only_other=bool(ports) and _is_dns(ports),
        peers=tuple(json.dumps(each, sort_keys=True, default=str) for each in peers),
        blocks=blocks,
        outside=len(blocks),
        namespaces=tuple(mapping(each, "namespaceSelector") for each in peers if "namespaceSelector" in each),
    )


def _cilium(body: Object, spec: Object) -> Policy:
    is_local = body["kind"] == "CiliumNetworkPolicy"
    rules = {
        kind: tuple(_cilium_rule(each, kind, body) for each in items(spec, kind.lower()))
        for kind in _PEERS
        if kind.lower() in spec
    }
    return Policy(called(body), namespace_of(body) if is_local else "", _without_source(spec), rules)


def _without_source(spec: Object) -> Mapping[str, Any]:
    """Cilium writes ``k8s:app`` or ``any:app`` for the label ``app``."""
    selector = mapping(spec, "endpointSelector")
    plain = {_plain(str(key)): value for key, value in mapping(selector, "matchLabels").items()}
    asked = [{**each, "key": _plain(str(at(each, "key")))} for each in items(selector, "matchExpressions")]
    return {"matchLabels": plain, "matchExpressions": asked}


def _plain(key: str) -> str:
    return key.partition(":")[2] or key


def _cilium_rule(rule: Object, kind: str, body: Object) -> Rule:
    side = _PEERS[kind]
    peers = [(key, each) for key in rule if key.startswith(side) and key != "toPorts" for each in items(rule, key)]
    ports = [port for each in items(rule, "toPorts") for port in items(each, "ports")]
    ranges = [
        (int(at(each, "port")), int(at(each, "endPort") or at(each, "port")))
        for each in ports
        if at(each, "protocol") in (None, "ANY", "TCP") and str(at(each, "port")).isdigit()
    ]
    blocks = [str(each) for key, each in peers if key == f"{side}CIDR"]
    blocks += [str(at(each, "cidr")) for key, each in peers if key == f"{side}CIDRSet" and at(each, "cidr")]
    return Rule(
        ports=tuple(ranges) if ports else None,
        only_other=bool(ports) and _is_dns(ports),
        peers=tuple(json.dumps(each, sort_keys=True, default=str) for each in peers),
        blocks=tuple(blocks),
        outside=sum(_is_outside(key.removeprefix(side), each) for key, each in peers),
        namespaces=tuple(_cilium_namespaces(peers, side)),
    )


def _cilium_namespaces(peers: list[tuple[str, Any]], side: str) -> Iterator[Mapping[str, Any]]:
    for key, each in peers:
        if key == f"{side}Endpoints" and (name := mapping(each, "matchLabels").get(_OF_CILIUM)):
            yield {"matchLabels": {"kubernetes.io/metadata.name": name}}


def _is_outside(kind: str, peer: Any) -> bool:
    return kind in _OUTSIDE or (kind == "Entities" and peer not in _IN_THE_CLUSTER)


def _is_dns(ports: list[Any]) -> bool:
    return all(str(at(each, "port")) == "53" or (at(each, "protocol") or "TCP") not in ("TCP", "ANY") for each in ports)


def concerns_mesh(rule: Rule, policy: Policy, snapshot: Snapshot, enrolled: frozenset[str]) -> bool:
    """Whether somebody whom a rule lets through may be in the mesh, and so may speak HBONE."""
    if rule.only_other:
        return False
    if not rule.peers:
        return True
    if rule.outside == len(rule.peers):
        return False
    if len(rule.namespaces) < len(rule.peers) - rule.outside:
        return policy.namespace in ("", *enrolled)
    return any(
        matches(selector, {"kubernetes.io/metadata.name": name_of(each), **mapping(each, "metadata", "labels")})
        for selector in rule.namespaces
        for each in snapshot.of("Namespace")
        if name_of(each) in enrolled
    )
