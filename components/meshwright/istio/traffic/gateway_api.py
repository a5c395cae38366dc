"""A policy's rules as an HTTPRoute or GRPCRoute of the Gateway API's standard channel, attached to the Service."""

from typing import Any

from meshwright.istio.traffic.arguments import Mirror, TrafficPolicyArgs
from meshwright.istio.traffic.rules import Condition, Rule, Target, rules_of

_PATHS = {"exact": "Exact", "prefix": "PathPrefix", "regex": "RegularExpression"}


def route_spec(args: TrafficPolicyArgs) -> dict[str, Any]:
    """The ``spec`` of the route."""
    grpc, port = args.get("protocol") == "grpc", int(args["port"])
    parent = {"group": "", "kind": "Service", "name": args["service"], "port": port}
    return {"parentRefs": [parent], "rules": [_rule(each, port, grpc=grpc) for each in rules_of(args)]}


def _rule(rule: Rule, port: int, *, grpc: bool) -> dict[str, Any]:
    matches = [(_grpc_match if grpc else _http_match)(each) for each in rule.conditions]
    spec: dict[str, Any] = {}
    if any(matches):
        spec["matches"] = matches
    spec["backendRefs"] = [_reference(each) | {"weight": each.weight} for each in rule.to]
    if rule.mirror:
        spec["filters"] = [_mirror(rule.mirror, port)]
    if rule.timeout:
        spec["timeouts"] = {"request": rule.timeout}
    return spec


def _http_match(condition: Condition) -> dict[str, Any]:
    path = {"type": _PATHS[condition.kind or "prefix"], "value": condition.path or "/"}
    match: dict[str, Any] = {"path": path}
    if condition.method:
        match["method"] = condition.method
    if condition.headers:
        match["headers"] = _values(condition.headers)
    if condition.query:
        match["queryParams"] = _values(condition.query)
    return match


def _grpc_match(condition: Condition) -> dict[str, Any]:
    match: dict[str, Any] = {}
    called = {"service": condition.grpc_service, "method": condition.grpc_method}
    if any(called.values()):
        match["method"] = {"type": "Exact"} | {key: value for key, value in called.items() if value}
    if condition.headers:
        match["headers"] = _values(condition.headers)
    return match


def _values(values: tuple[tuple[str, bool, str], ...]) -> list[dict[str, str]]:
    return [
        {"name": name, "type": "RegularExpression" if is_regex else "Exact", "value": value}
        for name, is_regex, value in values
    ]


def _reference(target: Target) -> dict[str, Any]:
    return {"group": "", "kind": "Service", "name": target.service, "port": target.port}


def _mirror(mirror: Mirror, port: int) -> dict[str, Any]:
    target = Target(mirror["service"], int(mirror.get("port", port)))
    request_mirror = {"backendRef": _reference(target), "percent": int(mirror.get("percent", 100))}
    return {"type": "RequestMirror", "requestMirror": request_mirror}
