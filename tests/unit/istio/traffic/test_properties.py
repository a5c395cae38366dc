"""Whatever the config takes: the CRDs take it too, and requests go where the first route that fits sends them."""

import re
from typing import Any, cast

from hypothesis import HealthCheck, assume, event, given, reject, settings
from pydantic import ValidationError

from meshwright import Egress, TrafficPolicy
from meshwright.config.istio_egress import MeshEgress
from meshwright.istio.traffic.arguments import TrafficPolicyArgs
from meshwright.istio.traffic.egress import EgressArgs
from meshwright.istio.traffic.gateway_api import route_spec
from meshwright.istio.traffic.rules import api_of
from meshwright.istio.traffic.virtual_service import virtual_service_spec
from tests.unit.graphs import with_provider
from tests.unit.istio.traffic.any_policy import ANY, EGRESS, GRPC_REQUESTS, HTTP_REQUESTS, accepted, routing
from tests.unit.render.crds import faults

JUDGED = ("Gateway", "ServiceEntry", "AuthorizationPolicy", "DestinationRule")
FILES = ("gateway-api-1.6.1-standard.yaml", "istio-1.31.yaml")
QUICK = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)
FEW = settings(QUICK, max_examples=30)
Request = dict[str, Any]


@FEW
@given(config=ANY)
def test_what_the_config_takes_the_component_takes_and_the_crds_take(config: dict[str, Any]) -> None:
    args = accepted(config)
    assume(args is not None)
    assert args is not None
    event(str(api_of(args)))
    graph = with_provider(lambda opts: TrafficPolicy("it", args, opts))
    objects = [dict(each.inputs) for each in graph if each.inputs.get("apiVersion", "v1") != "v1"]
    assert [found for body in objects for found in faults(body, FILES)] == []


@FEW
@given(config=EGRESS)
def test_what_the_config_takes_of_egress_the_component_takes_and_the_crds_take(config: dict[str, Any]) -> None:
    try:
        hosts = MeshEgress.model_validate(config).host_arguments()
    except ValidationError:
        reject()
    args = cast("EgressArgs", {**config, "hosts": hosts})
    graph = with_provider(lambda opts: Egress("out", args, opts))
    objects = [dict(each.inputs) for each in graph if each.inputs.get("kind") in JUDGED]
    assert {"ServiceEntry", "AuthorizationPolicy"} <= {each["kind"] for each in objects}
    assert [found for body in objects for found in faults(body, FILES)] == []


@QUICK
@given(config=routing("http"))
def test_either_api_sends_a_request_where_the_first_route_that_fits_does(config: dict[str, Any]) -> None:
    args = accepted(config)
    assume(args is not None)
    assert args is not None
    assert api_of(args) == "HTTPRoute"
    for request in HTTP_REQUESTS:
        assert by_gateway_api(args, request) == as_written(args, request) == by_virtual_service(args, request), request


@QUICK
@given(config=routing("grpc"))
def test_either_api_sends_a_call_where_the_first_route_that_fits_does(config: dict[str, Any]) -> None:
    args = accepted(config)
    assume(args is not None)
    assert args is not None
    for request in GRPC_REQUESTS:
        assert by_gateway_api(args, request) == as_written(args, request) == by_virtual_service(args, request), request


@QUICK
@given(config=routing("http"))
def test_a_virtual_service_keeps_every_order_but_that_of_routes_which_are_never_reached(config: dict[str, Any]) -> None:
    args = accepted({**config, "retries": {"attempts": 1}})
    assume(args is not None)
    assert args is not None
    for request in HTTP_REQUESTS[::7]:
        assert by_virtual_service(args, request) == as_written(args, request), request


def as_written(args: TrafficPolicyArgs, request: Request) -> int:
    """The place of the first route that fits; of none, the one after the last."""
    routes = args.get("routes") or []
    fitting = [
        place
        for place, route in enumerate(routes)
        if "match" not in route or any(_fits(dict(each), request) for each in route["match"])
    ]
    return fitting[0] if fitting else len(routes)


def _fits(match: dict[str, Any], request: Request) -> bool:
    path = request["path"]
    service, _, method = path.strip("/").partition("/")
    prefix = match.get("path_prefix", "/").rstrip("/")
    return (
        match.get("path", path) == path
        and (path == prefix or path.startswith(f"{prefix}/"))
        and match.get("grpc_service", service) == service
        and match.get("grpc_method", method) == method
        and request["method"] in match.get("methods", [request["method"]])
        and all(request["headers"].get(name) == value for name, value in match.get("headers", {}).items())
        and all(request["query"].get(name) == value for name, value in match.get("query", {}).items())
        and all(_is_like(request["headers"].get(name), value) for name, value in match.get("headers_regex", {}).items())
        and all(_is_like(request["query"].get(name), value) for name, value in match.get("query_regex", {}).items())
    )


def _is_like(value: str | None, regex: str) -> bool:
    return value is not None and bool(re.fullmatch(regex, value))


def by_gateway_api(args: TrafficPolicyArgs, request: Request) -> int:
    """The rule of the route that Istio would choose: ``sortHTTPRoutes``, told anew from the objects' fields."""
    rules = route_spec(args)["rules"]
    flat = [(place, match) for place, rule in enumerate(rules) for match in rule.get("matches", [{}])]
    grpc = args.get("protocol") == "grpc"
    flat.sort(key=lambda each: _sorted_by(each[1], grpc=grpc), reverse=True)
    return next(place for place, match in flat if _is_chosen(match, request, grpc=grpc))


def _sorted_by(match: dict[str, Any], *, grpc: bool) -> tuple[int, int, bool, int, int]:
    headers, query = len(match.get("headers", [])), len(match.get("queryParams", []))
    if grpc:
        service, method = (match.get("method", {}).get(key, "") for key in ("service", "method"))
        kind = 3 if service and method else 2 if service else 1 if method else -1
        length = {3: len(f"/{service}/{method}"), 2: len(f"/{service}/"), 1: len(f"/[^/]+/{method}"), -1: 0}[kind]
        return kind, length, False, headers, query
    path = match["path"]
    return {"Exact": 3, "PathPrefix": 2}[path["type"]], len(path["value"]), "method" in match, headers, query


def _is_chosen(match: dict[str, Any], request: Request, *, grpc: bool) -> bool:
    path = request["path"]
    if grpc:
        _, service, method = path.split("/")
        called = match.get("method", {})
        if called.get("service", service) != service or called.get("method", method) != method:
            return False
    else:
        wanted = match["path"]["value"]
        below = path.startswith(wanted.rstrip("/") + "/") and match["path"]["type"] == "PathPrefix"
        if path != wanted and not below:
            return False
        if match.get("method", request["method"]) != request["method"]:
            return False
    values = [("headers", each) for each in match.get("headers", [])]
    values += [("query", each) for each in match.get("queryParams", [])]
    return all(
        _is_like(request[where].get(each["name"]), each["value"])
        if each["type"] == "RegularExpression"
        else request[where].get(each["name"]) == each["value"]
        for where, each in values
    )


def by_virtual_service(args: TrafficPolicyArgs, request: Request) -> int:
    """The rule of the VirtualService that is tried first and fits: by characters, in the order of the list."""
    http = virtual_service_spec(args)["http"]
    return next(place for place, rule in enumerate(http) if any(_fits_here(each, request) for each in rule["match"]))


def _fits_here(match: dict[str, Any], request: Request) -> bool:
    tests = [(request["path"], match["uri"])] if "uri" in match else []
    tests += [(request["method"], match["method"])] if "method" in match else []
    tests += [(request["headers"].get(name), test) for name, test in match.get("headers", {}).items()]
    tests += [(request["query"].get(name), test) for name, test in match.get("queryParams", {}).items()]
    return all(_holds(value, test) for value, test in tests)


def _holds(value: str | None, test: dict[str, str]) -> bool:
    ((kind, wanted),) = test.items()
    if value is None:
        return False
    return {"exact": value == wanted, "prefix": value.startswith(wanted), "regex": _is_like(value, wanted)}[kind]
