"""Whatever the config takes: requests go where the first route that fits sends them, however old the objects are."""

import re
from typing import Any

from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from meshwright import LinkerdTraffic
from meshwright.config.linkerd_traffic import LinkerdServiceTraffic
from meshwright.linkerd.traffic.arguments import LinkerdTrafficArgs
from meshwright.linkerd.traffic.routes import RouteObject, route_objects
from tests.unit.graphs import with_provider
from tests.unit.istio.traffic.any_policy import GRPC_MATCHES, GRPC_REQUESTS, HTTP_MATCHES, HTTP_REQUESTS
from tests.unit.istio.traffic.test_properties import as_written
from tests.unit.render.crds import faults

FILES = ("gateway-api-1.6.1-standard.yaml",)
QUICK = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)
Request = dict[str, Any]
BACKENDS = st.lists(
    st.fixed_dictionaries(
        {"service": st.sampled_from(["cart", "cart-v1", "cart-v2"])},
        optional={"weight": st.integers(0, 1_000_000), "port": st.integers(1, 65535)},
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda each: each["service"],
)


def routing(protocol: str) -> st.SearchStrategy[dict[str, Any]]:
    """The config of routes, of which many share requests, and some differ in what is said of a whole object."""
    matches = GRPC_MATCHES if protocol == "grpc" else HTTP_MATCHES
    route = st.fixed_dictionaries(
        {"match": st.lists(matches, min_size=1, max_size=2), "to": BACKENDS},
        optional={"timeouts": st.sampled_from([{"request": "1s"}, {"idle": "90s"}])},
    )
    return st.builds(
        lambda routes: {"service": "cart", "port": 80, "protocol": protocol, "routes": routes},
        st.lists(route, min_size=1, max_size=3),
    )


def accepted(config: dict[str, Any]) -> LinkerdTrafficArgs | None:
    try:
        return LinkerdServiceTraffic.model_validate(config).arguments("shop")
    except ValidationError:
        return None


@QUICK
@given(config=routing("http"), ages=st.randoms())
def test_a_request_goes_where_the_first_route_that_fits_sends_it(config: dict[str, Any], ages: Any) -> None:
    judge(config, ages, HTTP_REQUESTS[::3])


@QUICK
@given(config=routing("grpc"), ages=st.randoms())
def test_a_call_goes_where_the_first_route_that_fits_sends_it(config: dict[str, Any], ages: Any) -> None:
    judge(config, ages, GRPC_REQUESTS)


def judge(config: dict[str, Any], ages: Any, requests: list[Request]) -> None:
    args = accepted(config)
    assume(args is not None)
    assert args is not None
    objects = list(route_objects(args))
    event(f"{len(objects)} objects")
    ages.shuffle(objects)
    routes = [*config["routes"], {"to": [{"service": "cart"}]}]
    for request in requests:
        meant = routes[as_written(args, request)]  # type: ignore[arg-type]
        settings_, backends = chosen(objects, request, grpc=config["protocol"] == "grpc")
        assert backends == [wanted(each) for each in meant["to"]], request
        said = {f"timeout.linkerd.io/{key}": value for key, value in meant.get("timeouts", {}).items()}
        assert settings_ == said, request


def wanted(backend: dict[str, Any]) -> dict[str, Any]:
    """A backend as an object has it, with its own weight and port or the default ones."""
    name, port = backend["service"], backend.get("port", 80)
    return {"group": "", "kind": "Service", "name": name, "port": port, "weight": backend.get("weight", 1)}


@settings(QUICK, max_examples=25)
@given(config=routing("http") | routing("grpc"))
def test_what_the_config_takes_the_component_takes_and_the_crds_take(config: dict[str, Any]) -> None:
    args = accepted(config)
    assume(args is not None)
    graph = with_provider(lambda opts: LinkerdTraffic("it", args, opts))  # type: ignore[arg-type]
    objects = [dict(each.inputs) for each in graph if each.inputs.get("kind") in ("HTTPRoute", "GRPCRoute")]
    assert objects
    assert [found for body in objects for found in faults(body, FILES)] == []


def chosen(objects: list[RouteObject], request: Request, *, grpc: bool) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """What Linkerd's proxy takes: ``find`` in linkerd2-proxy, ``linkerd/http/route/src/lib.rs``, told anew."""
    best: tuple[tuple[int, ...], RouteObject, dict[str, Any]] | None = None
    for each in objects:
        for rule in each.spec["rules"]:
            found = [rank for match in rule.get("matches") or [{}] if (rank := ranked(match, request, grpc=grpc))]
            # The first of equals stays.
            if found and (best is None or max(found) > best[0]):
                best = max(found), each, rule
    assert best is not None
    return best[1].annotations, best[2]["backendRefs"]


def ranked(match: dict[str, Any], request: Request, *, grpc: bool) -> tuple[int, ...] | None:
    """How well a match fits, ``RequestMatch`` and ``RouteMatch``; None where it doesn't."""
    lists = (("headers", match.get("headers", [])), ("query", match.get("queryParams", [])))
    if not all(fits(each, request[where]) for where, values in lists for each in values):
        return None
    headers, query = (len(values) for _, values in lists)
    if grpc:
        _, service, method = request["path"].split("/")
        called = match.get("method", {})
        if called.get("service", service) != service or called.get("method", method) != method:
            return None
        return len(called.get("service", "")), len(called.get("method", "")), headers
    if match.get("method", request["method"]) != request["method"]:
        return None
    length = matched_length(match.get("path", {"type": "PathPrefix", "value": "/"}), request["path"])
    return None if length is None else (length, headers, query, "method" in match)


def matched_length(path: dict[str, str], asked: str) -> int | None:
    value = path["value"]
    if path["type"] == "Exact":
        return len(value) if value == asked else None
    assert path["type"] == "PathPrefix"
    if value == "/":
        return 1
    prefix, rest = value.rstrip("/"), asked.rstrip("/")
    return len(prefix) if rest == prefix or rest.startswith(prefix + "/") else None


def fits(wanted_value: dict[str, str], sent: dict[str, str]) -> bool:
    value = sent.get(wanted_value["name"])
    if value is None:
        return False
    if wanted_value["type"] == "RegularExpression":
        return bool(re.fullmatch(wanted_value["value"], value))
    return value == wanted_value["value"]
