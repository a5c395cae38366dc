"""A policy's rules as a VirtualService, with what the Gateway API would have made of their matches."""

from collections.abc import Iterator
from typing import Any

from meshwright.gateway_api.rules import Condition
from meshwright.istio.traffic.arguments import FaultInjection, Mirror, Retries, TrafficPolicyArgs
from meshwright.istio.traffic.rules import Rule, rules_of
from meshwright.istio.traffic.spelling import SAFE_RETRY_ON, SAFE_RETRY_ON_GRPC


def virtual_service_spec(args: TrafficPolicyArgs) -> dict[str, Any]:
    """The ``spec``. Names of hosts are short: they are looked up in the namespace, whatever the cluster's domain."""
    service, port = args["service"], int(args["port"])
    safe = SAFE_RETRY_ON_GRPC if args.get("protocol") == "grpc" else SAFE_RETRY_ON
    http = [_rule(each, f"{service}-{number}", port, safe) for number, each in enumerate(rules_of(args))]
    return {"hosts": [service], "http": http}


def _rule(rule: Rule, name: str, port: int, safe: tuple[str, ...]) -> dict[str, Any]:
    # Each match says the port: without it the rule would be for all ports of the service.
    matches = [{"port": port, **match} for each in rule.conditions for match in _matches(each)]
    route = [
        {"destination": _destination(each.service, each.port)} | ({"weight": each.weight} if len(rule.to) > 1 else {})
        for each in rule.to
    ]
    spec: dict[str, Any] = {"name": name, "match": matches, "route": route}
    if rule.timeout:
        spec["timeout"] = rule.timeout
    if rule.retries:
        spec["retries"] = _retries(rule.retries, safe)
    if rule.fault:
        spec["fault"] = _fault(rule.fault)
    if rule.mirror:
        spec["mirrors"] = [_mirror(rule.mirror, port)]
    return spec


def _matches(condition: Condition) -> Iterator[dict[str, Any]]:
    rest: dict[str, Any] = {}
    if condition.method:
        rest["method"] = {"exact": condition.method}
    if condition.headers:
        rest["headers"] = _values(condition.headers)
    if condition.query:
        rest["queryParams"] = _values(condition.query)
    for uri in _uris(condition):
        yield {**({"uri": uri} if uri else {}), **rest}


def _uris(condition: Condition) -> Iterator[dict[str, str]]:
    """A prefix here is one of characters: the path itself and all below it are what the Gateway API means by one."""
    service, method = condition.grpc_service, condition.grpc_method
    if service or method:
        # As Istio makes them of a GRPCRoute: createGRPCURIMatch in pilot/pkg/config/kube/gateway/conversion.go.
        if not method:
            yield {"prefix": f"/{service}/"}
        else:
            yield {"exact": f"/{service}/{method}"} if service else {"regex": f"/[^/]+/{method}"}
    elif condition.kind == "prefix" and condition.path != "/":
        yield {"exact": condition.path}
        yield {"prefix": f"{condition.path}/"}
    else:
        yield {condition.kind: condition.path} if condition.kind else {}


def _values(values: tuple[tuple[str, bool, str], ...]) -> dict[str, dict[str, str]]:
    return {name: {"regex" if is_regex else "exact": value} for name, is_regex, value in values}


def _destination(service: str, port: int) -> dict[str, Any]:
    return {"host": service, "port": {"number": port}}


def _mirror(mirror: Mirror, port: int) -> dict[str, Any]:
    destination = _destination(mirror["service"], int(mirror.get("port", port)))
    return {"destination": destination, "percentage": {"value": int(mirror.get("percent", 100))}}


def _retries(retries: Retries, safe: tuple[str, ...]) -> dict[str, Any]:
    attempts = int(retries["attempts"])
    if attempts == 0:
        return {"attempts": 0}
    spec: dict[str, Any] = {"attempts": attempts, "retryOn": ",".join(retries.get("retry_on") or safe)}
    if per_try := retries.get("per_try_timeout"):
        spec["perTryTimeout"] = per_try
    if backoff := retries.get("backoff"):
        spec["backoff"] = backoff
    return spec


def _fault(fault: FaultInjection) -> dict[str, Any]:
    spec: dict[str, Any] = {}
    if delay := fault.get("delay"):
        spec["delay"] = {"fixedDelay": delay["duration"], "percentage": {"value": int(delay["percent"])}}
    if abort := fault.get("abort"):
        status: dict[str, Any] = (
            {"httpStatus": int(abort["status"])} if "status" in abort else {"grpcStatus": abort["grpc_status"]}
        )
        spec["abort"] = {**status, "percentage": {"value": int(abort["percent"])}}
    return spec
