"""AuthorizationPolicies and mutual TLS as istiod converts them for ztunnel, and as ztunnel judges them."""

from collections.abc import Iterable, Sequence
from typing import Any

from tests.semantics.calls import Peer
from tests.semantics.envoy import block, text
from tests.semantics.world import Object

_L4_OPERATION = ("ports", "notPorts")
_L4_SOURCE = (
    "ipBlocks", "notIpBlocks", "namespaces", "notNamespaces", "serviceAccounts", "notServiceAccounts", "principals",
    "notPrincipals",
)  # fmt: skip
_L7 = (
    "hosts", "notHosts", "methods", "notMethods", "paths", "notPaths", "remoteIpBlocks", "notRemoteIpBlocks",
    "requestPrincipals", "notRequestPrincipals",
)  # fmt: skip
_WHEN = {
    "source.ip": "ipBlocks", "source.namespace": "namespaces", "source.principal": "principals",
    "destination.ip": "addresses", "destination.port": "ports",
}  # fmt: skip

Match = dict[str, list[str]]
Rule = list[list[Match]]
"""Clauses that must all match; of a clause one match must."""


def judge(policies: Iterable[Object], peer: Peer, port: int, address: str) -> bool:
    """Z src/state.rs, assert_rbac: any DENY that matches; without an ALLOW all is allowed."""
    allows: list[list[Rule]] = []
    denies: list[list[Rule]] = []
    for each in policies:
        converted = _convert(each)
        if converted is not None:
            (allows if converted[0] == "ALLOW" else denies).append(converted[1])
    if any(_matches(rules, peer, port, address) for rules in denies):
        return False
    return not allows or any(_matches(rules, peer, port, address) for rules in allows)


def _convert(policy: Object) -> tuple[str, list[Rule]] | None:
    """I serviceregistry/ambient/authorization.go, convertAuthorizationPolicy: other actions and dry runs aren't sent."""
    spec = policy.get("spec") or {}
    action = spec.get("action") or "ALLOW"
    if action not in ("ALLOW", "DENY") or (policy["metadata"].get("annotations") or {}).get("istio.io/dry-run"):
        return None
    home = policy["metadata"]["namespace"]
    rules = [_rule(action, each, home) for each in spec.get("rules") or []]
    return action, [each for each in rules if each is not None]


def _rule(action: str, rule: Object, home: str) -> Rule | None:
    """The same file, handleRule: an ALLOW rule with HTTP is dropped; a DENY rule loses its HTTP fields."""
    operations = [each.get("operation") or {} for each in rule.get("to") or []]
    sources = [each.get("source") or {} for each in rule.get("from") or []]
    conditions = rule.get("when") or []
    http = any(each.get(key) for each in (*operations, *sources) for key in _L7)
    http |= any(each["key"] not in _WHEN for each in conditions)
    if http and action == "ALLOW":
        return None
    clauses: Rule = []
    if operations:
        clauses.append([_kept(each, _L4_OPERATION) for each in operations])
    if sources:
        clauses.append([_kept(each, _L4_SOURCE, home) for each in sources])
    clauses += [[_when(each)] for each in conditions]
    return clauses


def _kept(said: Object, names: Sequence[str], home: str = "") -> Match:
    """The fields that ztunnel has; all others, trustDomains among them, are gone without a word."""
    kept: Match = {name: [str(value) for value in said[name]] for name in names if said.get(name)}
    for name in ("serviceAccounts", "notServiceAccounts"):
        if name in kept:
            kept[name] = [value if "/" in value else f"{home}/{value}" for value in kept[name]]
    return kept


def _when(condition: Object) -> Match:
    name = _WHEN.get(condition["key"])
    if name is None:
        return {}
    found: Match = {}
    if condition.get("values"):
        found[name] = [str(value) for value in condition["values"]]
    if condition.get("notValues"):
        found["not" + name[0].upper() + name[1:]] = [str(value) for value in condition["notValues"]]
    return found


def _matches(rules: list[Rule], peer: Peer, port: int, address: str) -> bool:
    """Z src/rbac.rs, Authorization::matches: a match without fields is skipped, so a clause of such never matches."""
    return any(
        all(any(match and _match(match, peer, port, address) for match in clause) for clause in rule) for rule in rules
    )


def _match(match: Match, peer: Peer, port: int, address: str) -> bool:
    checks: dict[str, Any] = {
        "ports": lambda value: int(value) == port,
        "addresses": lambda value: block(value, address),
        "ipBlocks": lambda value: block(value, peer.address),
        "principals": lambda value: bool(peer.principal) and text(value, peer.principal),
        "namespaces": lambda value: text(value, peer.namespace),
        "serviceAccounts": lambda value: bool(peer.principal) and value == peer.account,
    }
    for name, check in checks.items():
        not_name = "not" + name[0].upper() + name[1:]
        if match.get(name) and not any(check(value) for value in match[name]):
            return False
        if match.get(not_name) and any(check(value) for value in match[not_name]):
            return False
    return True
