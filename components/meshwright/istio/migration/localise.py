"""Policies of the root namespace that ztunnel can't enforce become policies of each namespace.

A mesh-wide policy on HTTP can't change at once: some namespaces still have sidecars when others don't.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshwright.istio.migration import rules
from meshwright.istio.migration.objects import Identity, Manifest, new
from meshwright.istio.migration.report import POLICIES, Difference, Topic, Verdict
from meshwright.istio.migration.setup import Setup, is_attached, selector_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.istio.migration.changes import Changes
    from meshwright.istio.migration.objects import Body
    from meshwright.istio.migration.report import Findings

_KINDS = ("AuthorizationPolicy", "RequestAuthentication", "WasmPlugin")


def localise(setup: Setup, findings: Findings, changes: Changes) -> Setup:
    """The setup with those policies said for each namespace, and the change that makes it so."""
    objects = []
    for each in setup.objects:
        copies = list(_copies(each, setup)) if _is_mesh_wide(each, setup) else []
        if not copies:
            objects.append(each)
            continue
        changes.localise.remove(each.identity)
        for copy in copies:
            made = Manifest(copy, each.place)
            findings.follow(made.identity, each.identity)
            findings.becomes(each.identity, changes.localise.put(copy))
            objects.append(made)
        reason = "it is for the whole mesh, whose namespaces move one by one: each gets a policy of its own"
        findings.say(each.identity, Verdict.DECISION, f"{reason}; a new namespace needs one too", POLICIES)
        text = f"{each.name} holds for the namespaces that are there today, and for no new one"
        findings.differs(each.identity, Difference(Topic.EVERYWHERE, setup.root, "", "allowed", text))
    return Setup(tuple(objects), setup.root, setup.trust_domain, setup.keep)


def _is_mesh_wide(each: Manifest, setup: Setup) -> bool:
    if each.kind not in _KINDS or each.namespace != setup.root or is_attached(each):
        return False
    if each.kind == "AuthorizationPolicy" and (rules.is_dry_run(each) or not rules.needs_waypoint(each)):
        return False
    return bool(setup.selected(each, setup.moving))


def _copies(policy: Manifest, setup: Setup) -> Iterator[Body]:
    taken = {each.identity for each in setup.objects}
    for namespace in setup.sidecars:
        if setup.selected(policy, [namespace]):
            yield _copy(policy, namespace, policy.name, policy.spec, taken)
    for gateway in setup.gateways:
        if selector_of(policy).items() <= gateway.labels.items():
            spec = {**policy.spec, "selector": {"matchLabels": dict(gateway.labels)}}
            yield _copy(policy, gateway.namespace, f"{policy.name}-{gateway.name}", spec, taken)


def _copy(policy: Manifest, namespace: str, name: str, spec: Body, taken: set[Identity]) -> Body:
    copy = new(policy.body["apiVersion"], policy.kind, namespace, name, spec)
    if Manifest(copy).identity in taken:
        copy = new(policy.body["apiVersion"], policy.kind, namespace, f"mesh-{name}", spec)
    return copy
