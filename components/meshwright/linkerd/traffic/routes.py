"""The routes of a service as objects of the Gateway API, which Linkerd reads where their parent is a Service."""

from typing import Any, NamedTuple, cast

from meshwright.gateway_api.routes import route_spec
from meshwright.gateway_api.rules import Rule, completed, rule_of
from meshwright.linkerd.traffic.annotations import of_requests
from meshwright.linkerd.traffic.arguments import LinkerdTrafficArgs, Route


class RouteObject(NamedTuple):
    """One HTTPRoute or GRPCRoute."""

    name: str
    annotations: dict[str, str]
    spec: dict[str, Any]


def matched(args: LinkerdTrafficArgs) -> tuple[Rule, ...]:
    """The rules, and after them one for what fits none: with routes of which none fits, Linkerd answers 404."""
    routes = args.get("routes") or []
    return completed(routes, args["service"], int(args["port"])) if routes else ()


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
    service, port, numbers = args["service"], int(args["port"]), groups(args)
    routes += [cast("Route", {})] * (len(numbers) - len(routes))
    found = []
    for number in dict.fromkeys(numbers):
        own = [route for route, each in zip(routes, numbers, strict=True) if each == number]
        name = service if number == 0 else f"{service}-{number + 1}"
        rules = [rule_of(each, service, port) for each in own]
        spec = route_spec(service, port, rules, grpc=args.get("protocol") == "grpc")
        found.append(RouteObject(name, _settings(own[0], args), spec))
    return tuple(found)


def _settings(route: Route, args: LinkerdTrafficArgs) -> dict[str, str]:
    grpc = args.get("protocol") == "grpc"
    return of_requests(route.get("retries"), route.get("timeouts"), grpc=grpc)
