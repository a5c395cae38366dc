"""RequestAuthentication, WasmPlugin and Telemetry: at a waypoint they are attached to the Service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshwright.istio.migration.authorization import Context, guarded, idle
from meshwright.istio.migration.needs import reachable
from meshwright.istio.migration.objects import Manifest, new
from meshwright.istio.migration.report import L7, POLICIES, WAYPOINTS, Difference, Topic, Verdict
from meshwright.istio.migration.setup import is_attached, selector_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meshwright.istio.migration.setup import Service

KINDS = ("RequestAuthentication", "WasmPlugin")


def attach(policies: Iterable[Manifest], context: Context) -> None:
    """Attach each to the Services whose pods it selects."""
    for policy in policies:
        say = context.findings.say
        members = context.setup.selected(policy, context.setup.moving)
        if is_attached(policy):
            say(policy.identity, Verdict.MOVES, "it is attached by targetRefs already", POLICIES)
            continue
        if not members:
            idle(policy, context)
            continue
        services = context.services(policy)
        names = ", ".join(each.name for each in services) or "no Service"
        say(policy.identity, Verdict.TRANSLATED, f"by selector a waypoint ignores it: attached to {names}", POLICIES)
        for service in services:
            rest = {key: value for key, value in policy.spec.items() if key != "selector"}
            spec = {**rest, "targetRefs": [{"group": "", "kind": "Service", "name": service.name}]}
            name = _name(policy, service.name, context)
            body = new(policy.body["apiVersion"], policy.kind, service.namespace, name, spec)
            context.findings.becomes(policy.identity, context.changes.prepare.put(body))
            _report_what_differs(policy, service, context)
        for workload in members:
            if not reachable(context.setup, workload):
                text = f"{workload.name} has no Service with an address: {policy.name} is gone from it"
                say(policy.identity, Verdict.DECISION, text, WAYPOINTS)
                where = Difference(Topic.NO_SERVICE, workload.namespace, workload.name, "allowed", text)
                context.findings.differs(policy.identity, where)
        _for_gateways(policy, context)
        context.changes.while_moving(policy.namespace).remove(policy.identity)


def _report_what_differs(policy: Manifest, service: Service, context: Context) -> None:
    if policy.kind == "RequestAuthentication":
        for difference in guarded(service):
            context.findings.differs(policy.identity, difference)
    else:
        text = f"what goes past the waypoint of {service.name} goes without {policy.name}"
        for topic in (Topic.POD_ADDRESS, Topic.OUTSIDE, Topic.STILL_SIDECAR):
            difference = Difference(topic, service.namespace, service.name, "routed", text)
            context.findings.differs(policy.identity, difference)
    wanted = selector_of(policy)
    if any(not wanted.items() <= each.labels.items() for each in service.workloads):
        text = f"{policy.name} is for some pods of {service.name}: at the waypoint it holds for all of them"
        context.findings.say(policy.identity, Verdict.DECISION, text, POLICIES)
        for effect in ("denied", "allowed") if policy.kind == "RequestAuthentication" else ("routed",):
            where = Difference(Topic.PART_OF_SERVICE, service.namespace, service.name, effect, text)
            context.findings.differs(policy.identity, where)


def _for_gateways(policy: Manifest, context: Context) -> None:
    for gateway in context.setup.gateways:
        if gateway.namespace == policy.namespace and selector_of(policy).items() <= gateway.labels.items():
            spec = {**policy.spec, "selector": {"matchLabels": dict(gateway.labels)}}
            name = _name(policy, gateway.name, context)
            body = new(policy.body["apiVersion"], policy.kind, policy.namespace, name, spec)
            context.findings.becomes(policy.identity, context.changes.prepare.put(body))


def _name(policy: Manifest, where: str, context: Context) -> str:
    cause = f"{policy.identity} at {where}"
    return context.free_name(policy.kind, policy.namespace, f"{policy.name}-{where}", cause)


def telemetry(policies: Iterable[Manifest], context: Context) -> None:
    """Attach what is said of some pods; what is said of a namespace or the mesh holds for its waypoints too."""
    for policy in policies:
        say = context.findings.say
        if is_attached(policy) or not selector_of(policy):
            say(policy.identity, Verdict.MOVES, "it holds for waypoints; ztunnel logs and counts on its own", L7)
            continue
        services = context.services(policy)
        if not services:
            reason = "its pods have no waypoint, and ztunnel reads no Telemetry: a waypoint, or without it"
            say(policy.identity, Verdict.DECISION, reason, L7)
            continue
        names = ", ".join(each.name for each in services)
        say(policy.identity, Verdict.TRANSLATED, f"by selector a waypoint ignores it: attached to {names}", L7)
        for service in services:
            rest = {key: value for key, value in policy.spec.items() if key != "selector"}
            spec = {**rest, "targetRefs": [{"group": "", "kind": "Service", "name": service.name}]}
            name = _name(policy, service.name, context)
            body = new(policy.body["apiVersion"], policy.kind, service.namespace, name, spec)
            context.findings.becomes(policy.identity, context.changes.prepare.put(body))
        context.changes.while_moving(policy.namespace).remove(policy.identity)
