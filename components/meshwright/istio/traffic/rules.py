"""What a policy says, with its defaults filled in: one list of rules, in the order in which they are tried."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from meshwright.istio.traffic.arguments import Backend, FaultInjection, Match, Mirror, Retries, Route, TrafficPolicyArgs

Api = Literal["HTTPRoute", "GRPCRoute", "VirtualService"]
STAGES: Final[Mapping[Api, str]] = {"HTTPRoute": "stable", "GRPCRoute": "stable", "VirtualService": "alpha"}
"""How far Istio is with each API at waypoints: istio.io, ambient, "Migrate policies" and "Use Layer 7 features"."""


@dataclass(frozen=True, slots=True)
class Target:
    """A port of a Service, and its share."""

    service: str
    port: int
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Condition:
    """One way in which a request can fit: a match with at most one path and at most one method."""

    kind: Literal["", "exact", "prefix", "regex"] = ""
    """Of the path."""
    path: str = ""
    method: str = ""
    headers: tuple[tuple[str, bool, str], ...] = ()
    """Name in lower case, whether the value is a regular expression, value; by name."""
    query: tuple[tuple[str, bool, str], ...] = ()
    grpc_service: str = ""
    grpc_method: str = ""

    @property
    def takes_all(self) -> bool:
        """Whether every request fits."""
        return self in (Condition(), Condition("prefix", "/"))


@dataclass(frozen=True, slots=True)
class Rule:
    """A route with its defaults filled in."""

    conditions: tuple[Condition, ...]
    to: tuple[Target, ...]
    timeout: str | None = None
    retries: Retries | None = None
    fault: FaultInjection | None = None
    mirror: Mirror | None = None


def rules_of(args: TrafficPolicyArgs) -> tuple[Rule, ...]:
    """The rules, and after them one for what fits none of them; none at all where nothing is asked of a route."""
    routes = list(args.get("routes") or [])
    if not routes and not args.get("timeout") and not args.get("retries"):
        return ()
    rules = [_rule(route, args) for route in routes]
    if not rules or not any(each.takes_all for each in rules[-1].conditions):
        rules.append(_rule({}, args))
    return tuple(rules)


def api_of(args: TrafficPolicyArgs) -> Api | None:
    """The API that has all that is asked for; None where no route is needed.

    The standard channel of the Gateway API has no retries and no faults, and its GRPCRoute no timeouts.
    """
    rules = rules_of(args)
    if not rules:
        return None
    grpc = args.get("protocol") == "grpc"
    if any(each.retries or each.fault or (grpc and each.timeout) or _by_regex(each) for each in rules):
        return "VirtualService"
    return "GRPCRoute" if grpc else "HTTPRoute"


def reasons(args: TrafficPolicyArgs) -> list[str]:
    """What it is that only a VirtualService has, as words for a message."""
    rules, grpc = rules_of(args), args.get("protocol") == "grpc"
    asked = {
        "retries": any(each.retries for each in rules),
        "fault": any(each.fault for each in rules),
        "timeout of gRPC": grpc and any(each.timeout for each in rules),
        "path_regex": any(map(_by_regex, rules)),
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


def _rule(route: Route | Mapping[str, Any], args: TrafficPolicyArgs) -> Rule:
    matches: Iterable[Match] = route.get("match") or [{}]
    backends: Iterable[Backend] = route.get("to") or [{"service": args["service"]}]
    return Rule(
        conditions=tuple(each for match in matches for each in _conditions(match)),
        to=tuple(
            Target(each["service"], int(each.get("port", args["port"])), int(each.get("weight", 1)))
            for each in backends
        ),
        timeout=route.get("timeout") or args.get("timeout"),
        retries=route.get("retries") or args.get("retries"),
        fault=route.get("fault"),
        mirror=route.get("mirror"),
    )


def _conditions(match: Match) -> Iterator[Condition]:
    kind, path = _path(match)
    for method in match.get("methods") or [""]:
        yield Condition(
            kind=kind,
            path=path,
            method=method,
            headers=_values(match.get("headers"), match.get("headers_regex"), lower=True),
            query=_values(match.get("query"), match.get("query_regex"), lower=False),
            grpc_service=match.get("grpc_service", ""),
            grpc_method=match.get("grpc_method", ""),
        )


def _path(match: Match) -> tuple[Literal["", "exact", "prefix", "regex"], str]:
    if exact := match.get("path"):
        return "exact", exact
    if prefix := match.get("path_prefix"):
        return "prefix", prefix.rstrip("/") or "/"
    if regex := match.get("path_regex"):
        return "regex", regex
    return "", ""


def _values(
    exact: Mapping[str, str] | None, regex: Mapping[str, str] | None, *, lower: bool
) -> tuple[tuple[str, bool, str], ...]:
    both = [(False, exact or {}), (True, regex or {})]
    return tuple(
        sorted(
            (name.lower() if lower else name, is_regex, value)
            for is_regex, values in both
            for name, value in values.items()
        )
    )


def _by_regex(rule: Rule) -> bool:
    return any(each.kind == "regex" for each in rule.conditions)
