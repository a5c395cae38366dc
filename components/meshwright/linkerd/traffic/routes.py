"""The routes of a service as objects of the Gateway API, which Linkerd reads where their parent is a Service."""

from typing import Any, NamedTuple, cast

from meshwright.istio.traffic.arguments import TrafficPolicyArgs
from meshwright.istio.traffic.gateway_api import route_spec
from meshwright.istio.traffic.rules import Rule, rules_of
from meshwright.linkerd.traffic.annotations import of_requests
from meshwright.linkerd.traffic.arguments import LinkerdTrafficArgs, Route


class RouteObject(NamedTuple):
    """One HTTPRoute or GRPCRoute."""

    name: str
    annotations: dict[str, str]
    spec: dict[str, Any]


def matched(args: LinkerdTrafficArgs) -> tuple[Rule, ...]:
    """The rules, and after them one for what fits none: with routes of which none fits, Linkerd answers 404."""
    return rules_of(_bare(args, args.get("routes") or []))


def groups(args: LinkerdTrafficArgs) -> tuple[int, ...]:
    """For each rule of `matched`, the object that holds it.

    Retries and timeouts are annotations, which hold for a whole object: rules that differ in them stand apart.
    """
    settings = [_settings(each, args) for each in args.get("routes") or []]
    settings += [{}] * (len(matched(args)) - len(settings))
    known = list({str(each): None for each in settings})
    return tuple(known.index(str(each)) for each in settings)


def route_objects(args: LinkerdTrafficArgs) -> tuple[RouteObject, ...]:
    """The objects; none where the service has no routes."""
    routes: list[Route] = list(args.get("routes") or [])
    numbers = groups(args)
    routes += [cast("Route", {})] * (len(numbers) - len(routes))
    found = []
    for number in dict.fromkeys(numbers):
        own = [route for route, each in zip(routes, numbers, strict=True) if each == number]
        name = args["service"] if number == 0 else f"{args['service']}-{number + 1}"
        rules = route_spec(_bare(args, own))["rules"][: len(own)]
        parent = {"group": "", "kind": "Service", "name": args["service"], "port": int(args["port"])}
        spec = {"parentRefs": [parent], "rules": rules}
        found.append(RouteObject(name, _settings(own[0], args), spec))
    return tuple(found)


def _settings(route: Route, args: LinkerdTrafficArgs) -> dict[str, str]:
    grpc = args.get("protocol") == "grpc"
    return of_requests(route.get("retries"), route.get("timeouts"), grpc=grpc)


def _bare(args: LinkerdTrafficArgs, routes: list[Route]) -> TrafficPolicyArgs:
    """What is the same for every mesh that reads the Gateway API: what a request is like, and where it goes."""
    return {
        "namespace": args["namespace"],
        "service": args["service"],
        "port": args["port"],
        "protocol": args.get("protocol", "http"),
        "routes": [{key: route[key] for key in ("match", "to") if key in route} for route in routes],  # type: ignore[misc]
    }
