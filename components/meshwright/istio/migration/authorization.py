"""AuthorizationPolicies: by selector what ztunnel can judge, at the waypoint what needs HTTP, and no way past that.

At a waypoint a policy sees the client; behind it ztunnel sees the waypoint. So a Service with a waypoint has each of
its policies twice: attached to the Service, for who calls it by its name, and by selector, for who calls its pods. The
latter let the waypoint pass, which has judged already. Where HTTP is judged, all others are refused by
`require-waypoint`, which has a selector: with targetRefs the waypoint itself would judge its clients by it.

Sources: istiod's ``ambient/authorization.go`` and ``model/policyattachment.go``; ztunnel's ``src/rbac.rs``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from meshwright.istio.migration import rules
from meshwright.istio.migration.needs import Needs, enforced, reachable
from meshwright.istio.migration.objects import Manifest, identity, new, with_spec
from meshwright.istio.migration.report import L4, POLICIES, WAYPOINTS, Difference, Findings, Topic, Verdict
from meshwright.istio.migration.setup import Service, Setup, Workload, is_attached, selector_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meshwright.istio.migration.changes import Change, Changes
    from meshwright.istio.migration.objects import Body

SECURITY: Final = "security.istio.io/v1"
POLICY: Final = "AuthorizationPolicy"
WAYPOINT: Final = "waypoint"
"""Name of every waypoint that is made, and so of its ServiceAccount."""


@dataclass(frozen=True, slots=True)
class Context:
    """What the translation of every policy goes by."""

    setup: Setup
    needs: Needs
    findings: Findings
    changes: Changes
    order: Sequence[str]
    """The namespaces that move, in their order."""
    originals: Sequence[Manifest] = ()
    """The objects as they were given, before mesh-wide policies were said by namespace."""
    taken: dict[tuple[str, str, str], str] = field(default_factory=dict)
    """The names that are taken: by kind, namespace and name, the cause of each."""

    def free_name(self, kind: str, namespace: str, name: str, cause: str) -> str:
        """The name, or one like it where an object has it that was given or is made for another cause.

        Two policies of one name would be one, and the other lost.
        """
        if not self.taken:
            self.taken.update({(each.kind, each.namespace, each.name): "" for each in self.setup.objects})
        if self.taken.setdefault((kind, namespace, name), cause) == cause:
            return name
        return f"{name}-{hashlib.sha256(cause.encode()).hexdigest()[:8]}"

    def waypoint(self, namespace: str) -> str:
        """The principal of a namespace's waypoint."""
        return self.setup.principal(namespace, WAYPOINT)

    def behind(self, namespace: str) -> list[str]:
        """The namespaces whose callers still have sidecars when a namespace moves: itself, and all that come later."""
        later = self.order[self.order.index(namespace) :]
        return sorted({*later, *self.kept})

    @property
    def kept(self) -> list[str]:
        """The namespaces that keep sidecars for good."""
        return [name for name in self.setup.sidecars if name not in self.setup.moving]

    def services(self, policy: Manifest) -> list[Service]:
        """The Services with a waypoint that a policy is about, in any part."""
        found = [
            service
            for workload in self.setup.selected(policy, self.setup.moving)
            for service in reachable(self.setup, workload)
            if self.needs.has(service)
        ]
        return list({each.key: each for each in found}.values())


def translate(policies: Sequence[Manifest], context: Context) -> None:
    """Translate all AuthorizationPolicies, and guard the Services whose waypoints enforce HTTP."""
    for policy in policies:
        _translate(policy, context)
    for service in context.setup.services:
        if context.needs.has(service):
            _let_waypoint_pass(service, enforced(policies), context)
        if context.needs.is_guarded(service):
            _require_waypoint(service, enforced(policies), context)


def _translate(policy: Manifest, context: Context) -> None:
    say = context.findings.say
    if is_attached(policy):
        say(policy.identity, Verdict.MOVES, "it is attached by targetRefs already", POLICIES)
        return
    if rules.is_dry_run(policy):
        reason = "a dry run enforces nothing; a waypoint logs it when it is attached, ztunnel only with a flag"
        say(policy.identity, Verdict.DECISION, reason, L4)
        return
    services = context.services(policy)
    if not services and not rules.needs_waypoint(policy):
        say(policy.identity, Verdict.MOVES, "ztunnel enforces all of it", L4)
        return
    members = context.setup.selected(policy, context.setup.moving)
    if not members:
        idle(policy, context)
        return
    say(policy.identity, Verdict.TRANSLATED, _how(policy, services), POLICIES)
    _report_what_differs(policy, services, context)
    for service in services:
        _attach(policy, service, context)
    _without_service(policy, members, context)
    _for_gateways(policy, context)
    namespace = members[0].namespace if policy.namespace == context.setup.root else policy.namespace
    _bridge(policy, services, context)
    _keep_the_rest(policy, services, context, namespace)


def idle(policy: Manifest, context: Context) -> None:
    """Say what becomes of a policy that ztunnel can't enforce, and that is about no pod that moves."""
    gateways = [each for each in context.setup.gateways if selector_of(policy).items() <= each.labels.items()]
    if policy.namespace in context.setup.moving and not gateways:
        reason = "it selects no pod that is here, and by selector ztunnel couldn't judge one: attach it, or remove it"
        context.findings.say(policy.identity, Verdict.DECISION, reason, POLICIES)
    else:
        context.findings.say(policy.identity, Verdict.MOVES, "no pod that moves to ambient is selected by it", L4)


def _how(policy: Manifest, services: Sequence[Service]) -> str:
    where = ", ".join(each.name for each in services) or "no Service"
    if not rules.needs_waypoint(policy):
        return f"the waypoint enforces it for {where}, and ztunnel for calls to the pods themselves"
    fields = [each for rule in rules.rules_of(policy) for each in rules.http_fields(rule)]
    what = rules.action(policy) if rules.action(policy) in ("AUDIT", "CUSTOM") else ", ".join(dict.fromkeys(fields))
    return f"{what} needs a waypoint: it is attached to {where}"


def _attach(policy: Manifest, service: Service, context: Context) -> None:
    """The policy at a Service's waypoint, where it sees the clients."""
    said = [rules.at_service(rule, service) for rule in rules.rules_of(policy)]
    kept = [rule for rule in said if rule is not None]
    if rules.action(policy) != "ALLOW" and not kept:
        return
    rest = {key: value for key, value in policy.spec.items() if key not in ("selector", "rules")}
    target = {"group": "", "kind": "Service", "name": service.name}
    spec = {**rest, "targetRefs": [target], **({"rules": kept} if kept else {})}
    cause = f"{policy.identity} at {service.name}"
    name = context.free_name(POLICY, service.namespace, f"{policy.name}-{service.name}", cause)
    body = new(SECURITY, POLICY, service.namespace, name, spec)
    context.findings.becomes(policy.identity, context.changes.prepare.put(body))


def _bridge(policy: Manifest, services: Sequence[Service], context: Context) -> None:
    """While sidecars enforce the policy: not on the waypoint, which enforces it on its clients."""
    if services and rules.action(policy) != "ALLOW":
        waypoints = sorted({context.waypoint(each.namespace) for each in services})
        changed = [rules.apart_from(rule, waypoints) for rule in rules.rules_of(policy)]
        context.changes.prepare.put(with_spec(policy.body, {**policy.spec, "rules": changed}))


def _keep_the_rest(policy: Manifest, services: Sequence[Service], context: Context, namespace: str) -> None:
    """What ztunnel enforces of a policy, from the moment that its pods are replaced."""
    switch = context.changes.while_moving(namespace)
    if not rules.needs_waypoint(policy):
        return  # the bridge stays
    kept = [rule for rule in rules.rules_of(policy) if not rules.http_fields(rule)]
    match rules.action(policy):
        case "ALLOW":
            rest = {key: value for key, value in policy.spec.items() if key != "rules"}
            # Without rules it allows nothing, as it did whatever no rule of it matched.
            spec = {**rest, **({"rules": kept} if kept else {})}
            context.findings.becomes(policy.identity, switch.put(with_spec(policy.body, spec)))
            _allow_sidecars(policy, services, context, switch)
        case "DENY" if kept:
            apart = [rules.apart_from(rule, [context.waypoint(namespace)]) for rule in kept]
            body = with_spec(policy.body, {**policy.spec, "rules": apart})
            context.findings.becomes(policy.identity, switch.put(body))
        case _:
            switch.remove(policy.identity)


def _allow_sidecars(policy: Manifest, services: Sequence[Service], context: Context, switch: Change) -> None:
    """Callers that still have sidecars go past the waypoint: they stay allowed, by all of a rule but its HTTP.

    Only at Services with a waypoint: where none stands, HTTP would never be judged again.
    """
    hulls = [rules.hull(rule) for rule in rules.rules_of(policy) if rules.http_fields(rule)]
    for service in services:
        selector = {"matchLabels": {**service.selector, **selector_of(policy)}}
        cause = f"{policy.identity} for sidecars at {service.name}"
        name = context.free_name(POLICY, policy.namespace, f"{policy.name}-{service.name}-sidecars", cause)
        callers_then = context.behind(service.namespace), context.kept
        for callers, change in zip(callers_then, (switch, context.changes.finish), strict=True):
            spec = {"action": "ALLOW", "selector": selector, "rules": [rules.only_from(one, callers) for one in hulls]}
            body = new(SECURITY, POLICY, policy.namespace, name, spec)
            if callers:
                change.put(body)
            else:
                change.remove(identity(body))


def _without_service(policy: Manifest, members: Sequence[Workload], context: Context) -> None:
    """Pods that no waypoint can stand before: what HTTP should decide is denied."""
    for workload in members:
        if not rules.needs_waypoint(policy) or reachable(context.setup, workload):
            continue
        reason = f"{workload.name} has no Service with an address: a waypoint for workloads, or no HTTP rule for it"
        context.findings.say(policy.identity, Verdict.DECISION, reason, WAYPOINTS)
        text = (
            f"{policy.name} can't judge HTTP at {workload.name}: what a rule on HTTP matches is denied, or not judged"
        )
        effects = {"ALLOW": "denied", "DENY": "denied"}
        effect = effects.get(rules.action(policy), "allowed")
        difference = Difference(Topic.NO_SERVICE, workload.namespace, workload.name, effect, text)
        context.findings.differs(policy.identity, difference)
        if rules.action(policy) == "DENY":
            hulls = [rules.hull(rule) for rule in rules.rules_of(policy) if rules.http_fields(rule)]
            spec = {"action": "DENY", "selector": {"matchLabels": dict(workload.labels)}, "rules": hulls}
            cause = f"{policy.identity} at the pods of {workload.name}"
            name = context.free_name(POLICY, workload.namespace, f"{policy.name}-{workload.name}", cause)
            body = new(SECURITY, POLICY, workload.namespace, name, spec)
            context.findings.becomes(policy.identity, context.changes.while_moving(workload.namespace).put(body))


def _for_gateways(policy: Manifest, context: Context) -> None:
    """A gateway stays Envoy with its policies by selector: it gets a copy of one that changes."""
    for gateway in context.setup.gateways:
        if gateway.namespace == policy.namespace and selector_of(policy).items() <= gateway.labels.items():
            spec = {**policy.spec, "selector": {"matchLabels": dict(gateway.labels)}}
            cause = f"{policy.identity} at the gateway {gateway.name}"
            name = context.free_name(POLICY, policy.namespace, f"{policy.name}-{gateway.name}", cause)
            body = new(SECURITY, POLICY, policy.namespace, name, spec)
            context.findings.becomes(policy.identity, context.changes.prepare.put(body))


def _let_waypoint_pass(service: Service, policies: Sequence[Manifest], context: Context) -> None:
    """Behind a waypoint nobody else's identity is seen: where something is allowed, it has to be too."""
    about = [each for each in policies if service in context.services(each)]
    if any(rules.action(each) == "ALLOW" for each in about):
        rule = {"from": [{"source": {"principals": [context.waypoint(service.namespace)]}}]}
        spec = {"action": "ALLOW", "selector": {"matchLabels": dict(service.selector)}, "rules": [rule]}
        name = context.free_name(POLICY, service.namespace, f"allow-waypoint-{service.name}", f"allow {service.name}")
        context.changes.prepare.put(new(SECURITY, POLICY, service.namespace, name, spec))


def _require_waypoint(service: Service, policies: Sequence[Manifest], context: Context) -> None:
    """Refuse what goes past the waypoint, but for callers that still have sidecars and can't use it."""
    about = [each for each in policies if service in context.services(each)]
    open_ports = sorted(_open_ports(service, about, context))
    if open_ports:
        text = (
            f"port {', '.join(map(str, open_ports))} of {service.name}'s pods has no Service: HTTP isn't judged there"
        )
        for policy in about:
            if rules.action(policy) == "ALLOW" and rules.needs_waypoint(policy):
                difference = Difference(Topic.POD_ADDRESS, service.namespace, service.name, "allowed", text)
                context.findings.differs(policy.identity, difference)
    selector = {"matchLabels": dict(service.selector)}
    name = context.free_name(POLICY, service.namespace, f"require-waypoint-{service.name}", f"require {service.name}")
    for callers, change in (
        (context.behind(service.namespace), context.changes.while_moving(service.namespace)),
        (context.kept, context.changes.finish),
    ):
        allowed = [context.waypoint(service.namespace), *(f"{context.setup.trust_domain}/ns/{ns}/*" for ns in callers)]
        rule: Body = {"from": [{"source": {"notPrincipals": allowed}}]}
        if open_ports:
            rule["to"] = [{"operation": {"notPorts": [str(port) for port in open_ports]}}]
        spec = {"action": "DENY", "selector": selector, "rules": [rule]}
        change.put(new(SECURITY, POLICY, service.namespace, name, spec))


def _open_ports(service: Service, about: Sequence[Manifest], context: Context) -> set[int]:
    """Ports of the pods that no Service has, and that a rule without HTTP allows, such as one for metrics."""
    named = {
        port
        for policy in about
        if rules.action(policy) == "ALLOW"
        for rule in rules.rules_of(policy)
        if not rules.http_fields(rule)
        for port in rules.ports_of(rule)
    }
    served = {
        port.target
        for workload in service.workloads
        for each in context.setup.services_of(workload)
        for port in each.ports
    }
    return named - served


def _report_what_differs(policy: Manifest, services: Sequence[Service], context: Context) -> None:
    differs, on_http = context.findings.differs, rules.needs_waypoint(policy)
    for service in services:
        where = service.namespace, service.name
        if on_http:
            for difference in guarded(service):
                differs(policy.identity, difference)
        wanted = selector_of(policy)
        if any(not wanted.items() <= each.labels.items() for each in service.workloads):
            text = f"{policy.name} is for some pods of {service.name}: at the waypoint it holds for all of them"
            context.findings.say(policy.identity, Verdict.DECISION, text, POLICIES)
            for effect in ("denied", "allowed"):
                differs(policy.identity, Difference(Topic.PART_OF_SERVICE, *where, effect, text))
        lost = [key for rule in rules.rules_of(policy) for key in rules.lost_conditions(rule)]
        if lost:
            text = f"{', '.join(dict.fromkeys(lost))} of {policy.name} says something else at the waypoint"
            context.findings.say(policy.identity, Verdict.DECISION, text, POLICIES)
            for effect in ("denied", "allowed"):
                differs(policy.identity, Difference(Topic.AUDIT, *where, effect, text))


def guarded(service: Service) -> tuple[Difference, ...]:
    """In what a Service that requires its waypoint differs from one with sidecars."""
    where, name = (service.namespace, service.name), service.name
    return (
        Difference(Topic.POD_ADDRESS, *where, "denied", f"calls to the pods of {name} past its waypoint are denied"),
        Difference(Topic.OUTSIDE, *where, "denied", f"callers of {name} without mutual TLS are denied"),
        Difference(
            Topic.STILL_SIDECAR,
            *where,
            "allowed",
            f"until the exceptions end, namespaces that move with it or later reach {name} without its rules on HTTP",
        ),
    )
