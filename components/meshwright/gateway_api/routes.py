"""Rules as an HTTPRoute or GRPCRoute of the Gateway API's standard channel, attached to a Service."""

from collections.abc import Iterable
from typing import Any

from meshwright.gateway_api.rules import Condition, Rule, Target

_PATHS = {"exact": "Exact", "prefix": "PathPrefix", "regex": "RegularExpression"}


def route_spec(service: str, port: int, rules: Iterable[Rule], *, grpc: bool) -> dict[str, Any]:
    """The ``spec`` of the route."""
    parent = {"group": "", "kind": "Service", "name": service, "port": port}
    return {"parentRefs": [parent], "rules": [rule_spec(each, grpc=grpc) for each in rules]}


def reference(target: Target) -> dict[str, Any]:
    """A port of a Service as a backend."""
    return {"group": "", "kind": "Service", "name": target.service, "port": target.port}


def rule_spec(rule: Rule, *, grpc: bool) -> dict[str, Any]:
    """One of the ``rules`` of a route."""
    matches = [(_grpc_match if grpc else _http_match)(each) for each in rule.conditions]
    spec: dict[str, Any] = {}
    if any(matches):
        spec["matches"] = matches
    spec["backendRefs"] = [reference(each) | {"weight": each.weight} for each in rule.to]
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
