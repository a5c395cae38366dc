"""A policy's rules as an HTTPRoute or GRPCRoute of the Gateway API's standard channel, attached to the Service."""

from typing import Any

from meshwright.gateway_api import routes
from meshwright.gateway_api.rules import Target
from meshwright.istio.traffic.arguments import Mirror, TrafficPolicyArgs
from meshwright.istio.traffic.rules import rules_of


def route_spec(args: TrafficPolicyArgs) -> dict[str, Any]:
    """The ``spec`` of the route."""
    grpc, port, rules = args.get("protocol") == "grpc", int(args["port"]), rules_of(args)
    spec = routes.route_spec(args["service"], port, rules, grpc=grpc)
    for written, rule in zip(spec["rules"], rules, strict=True):
        if rule.mirror:
            written["filters"] = [_mirror(rule.mirror, port)]
        if rule.timeout:
            written["timeouts"] = {"request": rule.timeout}
    return spec


def _mirror(mirror: Mirror, port: int) -> dict[str, Any]:
    target = Target(mirror["service"], int(mirror.get("port", port)))
    request_mirror = {"backendRef": routes.reference(target), "percent": int(mirror.get("percent", 100))}
    return {"type": "RequestMirror", "requestMirror": request_mirror}
