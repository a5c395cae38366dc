"""What a policy says, with its defaults filled in: one list of rules, in the order in which they are tried."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from meshwright.gateway_api import rules as gateway_api
from meshwright.istio.traffic.arguments import FaultInjection, Mirror, Retries, Route, TrafficPolicyArgs

Api = Literal["HTTPRoute", "GRPCRoute", "VirtualService"]
STAGES: Final[Mapping[Api, str]] = {"HTTPRoute": "stable", "GRPCRoute": "stable", "VirtualService": "alpha"}
"""How far Istio is with each API at waypoints: istio.io, ambient, "Migrate policies" and "Use Layer 7 features"."""


@dataclass(frozen=True, slots=True)
class Rule(gateway_api.Rule):
    """A route with its defaults filled in."""

    timeout: str | None = None
    retries: Retries | None = None
    fault: FaultInjection | None = None
    mirror: Mirror | None = None


def rules_of(args: TrafficPolicyArgs) -> tuple[Rule, ...]:
    """The rules, and after them one for what fits none of them; none at all where nothing is asked of a route."""
    routes = list(args.get("routes") or [])
    if not routes and not args.get("timeout") and not args.get("retries"):
        return ()
    rules = gateway_api.completed(routes, args["service"], int(args["port"]))
    routes += [{}] * (len(rules) - len(routes))
    return tuple(_rule(rule, route, args) for rule, route in zip(rules, routes, strict=True))


def api_of(args: TrafficPolicyArgs) -> Api | None:
    """The API that has all that is asked for; None where no route is needed.

    The standard channel of the Gateway API has no retries and no faults, and its GRPCRoute no timeouts.
    """
    rules = rules_of(args)
    if not rules:
        return None
    grpc = args.get("protocol") == "grpc"
    if any(each.retries or each.fault or (grpc and each.timeout) or each.by_regex for each in rules):
        return "VirtualService"
    return "GRPCRoute" if grpc else "HTTPRoute"


def reasons(args: TrafficPolicyArgs) -> list[str]:
    """What it is that only a VirtualService has, as words for a message."""
    rules, grpc = rules_of(args), args.get("protocol") == "grpc"
    asked = {
        "retries": any(each.retries for each in rules),
        "fault": any(each.fault for each in rules),
        "timeout of gRPC": grpc and any(each.timeout for each in rules),
        "path_regex": any(each.by_regex for each in rules),
    }
    return [word for word, is_asked in asked.items() if is_asked]


def destinations(args: TrafficPolicyArgs) -> tuple[str, ...]:
    """The Services that requests end at, in the order of their first mention.

    Settings for connections belong to these: a waypoint has a cluster of its own for each, and one that is for the
    service alone would not reach the Services of its versions.
    """
    rules = rules_of(args)
    named = [target.service for rule in rules for target in rule.to] or [args["service"]]
    return tuple(dict.fromkeys(named))


def _rule(rule: gateway_api.Rule, route: Route, args: TrafficPolicyArgs) -> Rule:
    return Rule(
        conditions=rule.conditions,
        to=rule.to,
        timeout=route.get("timeout") or args.get("timeout"),
        retries=route.get("retries") or args.get("retries"),
        fault=route.get("fault"),
        mirror=route.get("mirror"),
    )
