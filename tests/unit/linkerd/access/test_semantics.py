"""The declared call graph is exactly what Linkerd lets in, probes included, in every phase."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshwright.linkerd.access.checks import mistakes
from meshwright.linkerd.access.plan import plan
from tests.unit.linkerd.access.inbound import Objects, Pod, Request, answer

NODES, OFFICE = "10.0.0.0/24", "192.0.2.0/24"
CALLERS = ("front/web", "shop/stock", "ops/cron")
PATHS = ("/", "/v1", "/v1/orders", "/v1/orders/7", "/v2", "/healthz", "/v10")
PATTERNS = ("/*", "/v1/*", "/v1", "/v1/orders/*", "/v1/orders", "/v2", "/healthz")
METHODS = ("GET", "POST", "PUT")
GRPC = ("shop.Cart", "shop.Cart/Add", "shop.Stock/Get", "grpc.health.v1.Health")
DEFAULTS = {"audit": "audit", "authenticated": "all-authenticated", "deny": "deny"}
PORTS: list[Any] = [
    {"port": 8080, "probes": ["/healthz"]},
    {"port": 9000, "protocol": "gRPC", "probes": [""]},
    {"port": 5432, "protocol": "opaque"},
]


def some(*of: Any) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(of), unique=True, max_size=2)


def calls() -> st.SearchStrategy[dict[str, Any]]:
    who = st.one_of(
        st.fixed_dictionaries({"caller": st.sampled_from(CALLERS)}, optional={"networks": st.just([OFFICE])}),
        st.just({"networks": [OFFICE]}),
    )
    http = st.fixed_dictionaries({"ports": st.just([8080]), "paths": some(*PATTERNS), "methods": some(*METHODS)})
    rpc = st.fixed_dictionaries({"ports": st.just([9000]), "grpc": some(*GRPC)})
    tcp = st.just({"ports": [5432]})
    return st.builds(lambda one, two: {"service": "cart", **one, **two}, who, st.one_of(http, rpc, tcp))


def requests() -> st.SearchStrategy[Request]:
    caller, address = st.sampled_from(("", *CALLERS)), st.sampled_from(("10.0.0.7", "192.0.2.7", "10.9.0.9"))
    http = st.builds(Request, st.just(8080), caller, address, st.sampled_from(PATHS), st.sampled_from(METHODS))
    methods = ("shop.Cart/Add", "shop.Cart/Drop", "shop.Stock/Get", "grpc.health.v1.Health/Check")
    rpc = st.builds(lambda *one: Request(9000, one[0], one[1], grpc=one[2]), caller, address, st.sampled_from(methods))
    return st.one_of(http, rpc, st.builds(Request, st.just(5432), caller, address))


def declared(call: dict[str, Any], request: Request) -> bool:
    """What a call says, read without any of Linkerd."""
    if request.port not in call["ports"] or call.get("caller", request.caller) != request.caller:
        return False
    if call.get("networks") and not request.address.startswith("192.0.2."):
        return False
    if call.get("methods") and request.method not in call["methods"]:
        return False
    if call.get("grpc"):
        return any(request.grpc == each or request.grpc.startswith(f"{each}/") for each in call["grpc"])
    return not call.get("paths") or any(
        request.path == each.removesuffix("/*") or (each.endswith("/*") and request.path.startswith(each[:-1]))
        for each in call["paths"]
    )


def is_probe(request: Request, known: list[dict[str, Any]]) -> bool:
    if request.port == 8080 and request.path == "/healthz" and request.method == "GET":
        # Without a route, Linkerd's own probe networks hold: everywhere by the chart's default.
        limited = any(each["ports"] == [8080] and (each["paths"] or each["methods"]) for each in known)
        return not limited or request.address == "10.0.0.7"
    limited = any(each["ports"] == [9000] and each["grpc"] for each in known)
    return limited and request.grpc == "grpc.health.v1.Health/Check" and request.address == "10.0.0.7"


@settings(max_examples=300, deadline=None)
@given(st.lists(calls(), max_size=6), requests(), st.sampled_from(tuple(DEFAULTS)))
def test_what_is_declared_is_exactly_what_is_allowed(known: list[Any], request: Request, phase: str) -> None:
    ports = [each for each in PORTS if phase != "deny" or any(each["port"] in call["ports"] for call in known)]
    args: Any = {
        "namespace": "shop",
        "phase": phase,
        "workloads": {"cart": {"ports": ports}},
        "calls": known,
        "probe_networks": [NODES],
    }
    assert list(mistakes(args)) == []
    kinds: dict[str, dict[str, Any]] = {}
    for each in plan(args):
        assert each.name not in kinds.setdefault(each.kind, {}), "two objects of one name"
        kinds[each.kind][each.name] = each.spec
    pod = Pod({"app": "cart"}, DEFAULTS[phase], frozenset({(8080, "/healthz")}))
    wanted = any(declared(call, request) for call in known) or is_probe(request, known)
    beyond = phase == "audit" or (phase == "authenticated" and request.caller != "")
    assert answer(Objects(kinds), pod, request) == (200 if wanted or beyond else 403)


@pytest.mark.parametrize(("phase", "expected"), [("audit", 200), ("authenticated", 403), ("deny", 403)])
def test_without_a_server_the_pods_default_holds(phase: str, expected: int) -> None:
    pod = Pod({"app": "cart"}, DEFAULTS[phase], frozenset({(8080, "/healthz")}))
    assert answer(Objects({}), pod, Request(8080, path="/v1")) == expected
    assert answer(Objects({}), pod, Request(8080, path="/healthz")) == 200


def test_two_authentications_of_one_policy_must_both_hold() -> None:
    """Why a caller and networks stand in one policy only where the call asks for both."""
    args: Any = {
        "namespace": "shop",
        "phase": "deny",
        "workloads": {"db": {"ports": [{"port": 5432, "protocol": "opaque"}]}},
        "calls": [{"service": "db", "caller": "front/web"}, {"service": "db", "networks": [OFFICE]}],
    }
    policies = [each.spec["requiredAuthenticationRefs"] for each in plan(args) if each.kind == "AuthorizationPolicy"]
    kinds = [[ref["kind"] for ref in refs] for refs in policies]
    assert kinds == [["MeshTLSAuthentication"], ["NetworkAuthentication"]]
