"""From a declared call graph to the policies that allow exactly these calls.

What ztunnel sees decides where a call is allowed:

* No waypoint in the path: ztunnel sees the caller, so that a selector policy on the service's pods judges it.
* A waypoint in the path: the waypoint sees the caller and judges it by a policy on the Service; ztunnel sees the
  waypoint, and must let that in. Nothing but the declared services is opened for it.
* A caller that goes past the waypoint (a sidecar; a scraper that addresses pods): ztunnel sees the caller.

The kubelet's probes need no rule: istio-cni takes traffic from the probe addresses past ztunnel (``cni/pkg/iptables``).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

from meshwright.errors import Code, Problem
from meshwright.istio.security import rules
from meshwright.istio.security.identity import DEFAULT_TRUST_DOMAIN
from meshwright.istio.security.layer import DryRunArgs
from meshwright.istio.security.rules import OperationArgs, RuleArgs
from meshwright.istio.security.waypoints import (
    FrontWaypointArgs,
    gateway_targets,
    gateways,
    identities,
    is_in_the_path,
    service_targets,
)
from meshwright.kubernetes.service_accounts import is_identity

ANY_SERVICE = "*"


class CallArgs(TypedDict):
    """A call that is allowed."""

    caller: str
    """Who calls, as ``namespace/service-account``."""
    service: str
    """The service that is called; ``*`` for every pod of the namespace, where no waypoint is in the path."""
    ports: NotRequired[list[int]]
    """Ports: of the Service where a waypoint is in the path, of the pods where none is. Default: all."""
    methods: NotRequired[list[str]]
    """HTTP methods; they need a waypoint in the path. Default: all."""
    paths: NotRequired[list[str]]
    """HTTP paths; they need a waypoint in the path. Default: all."""


class NamespaceAccessArgs(TypedDict):
    """Arguments of `NamespaceAccess`."""

    namespace: str
    """The namespace whose workloads are called."""
    calls: list[CallArgs]
    """All calls that are allowed; an empty list allows none."""
    workloads: NotRequired[dict[str, dict[str, str]]]
    """Service -> the labels of its pods. Default for a service: ``{"app": <service>}``."""
    waypoint: NotRequired[FrontWaypointArgs]
    """The waypoint that calls go through. Default: none."""
    past_waypoint: NotRequired[list[str]]
    """Callers that don't go through it, as ``namespace/service-account``: sidecars, and who addresses pods."""
    shared_waypoint: NotRequired[bool]
    """Namespaces without default deny use the waypoint too, so that what nobody declared is not closed at the waypoint
    itself. Default: false."""
    trust_domain: NotRequired[str]
    """The mesh's. Default: ``cluster.local``."""
    dry_run: NotRequired[DryRunArgs]
    """Log what would be denied, and deny nothing. Default: enforce."""


@dataclass(frozen=True, slots=True)
class PlannedPolicy:
    """An AuthorizationPolicy to be made."""

    name: str
    spec: dict[str, Any]


def plan(args: NamespaceAccessArgs) -> list[PlannedPolicy]:
    """The policies, in the order in which they are made: what denies comes last. Only for args without `mistakes`."""
    return [*_allowed(args), *_denied(args)]


def mistakes(args: NamespaceAccessArgs) -> Iterator[Problem]:
    """Calls that no layer could allow as they are declared."""
    front, past = args.get("waypoint"), set(args.get("past_waypoint") or ())
    for caller in sorted(past):
        if not is_identity(caller):
            yield _no_identity(f"past_waypoint names {caller!r}")
    for index, call in enumerate(args["calls"]):
        place, service, caller = f"calls[{index}]", call["service"], call["caller"]
        if not is_identity(caller):
            yield _no_identity(f"{place} is from {caller!r}")
            continue
        yield from rules.mistakes([_rule([caller], _operation(call))])
        through = is_in_the_path(front, service) and caller not in past
        if service == ANY_SERVICE and front is not None and caller not in past:
            yield Problem(
                Code.WAYPOINT_IDENTITY,
                f"{place} is to every pod, and {caller} comes through the waypoint",
                f"name the services that it calls, or list {caller} among those that go past the waypoint",
            )
        elif not through and (fields := [key for key in ("methods", "paths") if call.get(key)]):
            why = f"{caller} goes past the waypoint" if caller in past else "no waypoint is in the path"
            yield Problem(
                Code.L7_WITHOUT_WAYPOINT,
                f"{place} is limited by {' and '.join(fields)}, and {why}: ztunnel can't enforce that",
                f"leave {' and '.join(fields)} out, or let a waypoint for services stand in front of {service}",
            )


def _allowed(args: NamespaceAccessArgs) -> Iterator[PlannedPolicy]:
    front, past = args.get("waypoint"), set(args.get("past_waypoint") or ())
    domain = args.get("trust_domain", DEFAULT_TRUST_DOMAIN)
    for service in sorted({call["service"] for call in args["calls"]}):
        calls = [call for call in args["calls"] if call["service"] == service]
        in_path = is_in_the_path(front, service)
        through = [call for call in calls if in_path and call["caller"] not in past]
        pods = _pods(service, args.get("workloads") or {})
        if front is not None and through:
            targets = {"targetRefs": service_targets([service])}
            yield PlannedPolicy(f"callers-of-{service}", _allow(targets, _rules(through, domain)))
            only_waypoint = [rules.as_istio(_rule(identities(front, args["namespace"]), {}), domain)]
            yield PlannedPolicy(f"waypoint-to-{service}", _allow(pods, only_waypoint))
        if direct := [call for call in calls if call not in through]:
            name = "direct" if service == ANY_SERVICE else f"direct-to-{service}"
            yield PlannedPolicy(name, _allow(pods, _rules(direct, domain)))


def _denied(args: NamespaceAccessArgs) -> Iterator[PlannedPolicy]:
    front = args.get("waypoint")
    own = front is not None and front.get("namespace", args["namespace"]) == args["namespace"]
    if front is not None and own and not args.get("shared_waypoint", False):
        # A Service that nobody declared may select the pods of one that is: the waypoint would let its callers in.
        yield PlannedPolicy("default-deny-waypoint", _allow({"targetRefs": gateway_targets(gateways(front))}, []))
    yield PlannedPolicy("default-deny", _allow({}, []))


def _allow(where: Mapping[str, Any], made: list[dict[str, Any]]) -> dict[str, Any]:
    return {"action": "ALLOW", **where, **({"rules": made} if made else {})}


def _rules(calls: Iterable[CallArgs], domain: str) -> list[dict[str, Any]]:
    """One rule for each thing that is called, with all of its callers."""
    callers: dict[str, tuple[OperationArgs, list[str]]] = {}
    for call in calls:
        operation = _operation(call)
        callers.setdefault(repr(operation), (operation, []))[1].append(call["caller"])
    return [rules.as_istio(_rule(sorted(set(names)), operation), domain) for operation, names in callers.values()]


def _rule(callers: list[str], operation: OperationArgs) -> RuleArgs:
    rule: RuleArgs = {"sources": [{"service_accounts": callers}]}
    if operation:
        rule["operations"] = [operation]
    return rule


def _operation(call: CallArgs) -> OperationArgs:
    operation: OperationArgs = {}
    if ports := call.get("ports"):
        operation["ports"] = sorted(int(port) for port in ports)
    if methods := call.get("methods"):
        operation["methods"] = list(methods)
    if paths := call.get("paths"):
        operation["paths"] = list(paths)
    return operation


def _pods(service: str, workloads: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    if service == ANY_SERVICE:
        return {}
    return {"selector": {"matchLabels": dict(workloads.get(service) or {"app": service})}}


def _no_identity(what: str) -> Problem:
    return Problem(Code.UNKNOWN_CALLER, f"{what}, which is no identity", "write it as namespace/service-account")
