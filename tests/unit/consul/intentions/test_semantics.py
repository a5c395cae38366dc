"""What the intentions of a call graph let through is the graph, and nothing else, whatever Consul's default is."""

import re
from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshwright.consul.intentions.checks import covers, intention_troubles
from meshwright.consul.intentions.compile import entries
from tests.unit.consul.intentions.rbac import Request, admits, decides

SERVICES = ("a", "b", "c")
PATHS = ("/", "/v1", "/v1/items", "/v10", "/healthz", "/v1/admin")
JWT = {name: {"issuer": name, "jwks": '{"keys": [{"kty": "EC"}]}'} for name in ("x", "y")}
HTTP = st.fixed_dictionaries(
    {},
    optional={
        "methods": st.lists(st.sampled_from(["GET", "POST"]), min_size=1, max_size=2, unique=True),
        "headers": st.just({"x-tenant": "one"}),
    },
)
PATH = st.one_of(
    st.just({}),
    st.builds(lambda path: {"path_exact": path}, st.sampled_from(PATHS)),
    st.builds(lambda path: {"path_prefix": path}, st.sampled_from(PATHS)),
    st.just({"path_regex": "/v[0-9]+"}),
)
TOKENS = st.one_of(st.just({}), st.builds(lambda name: {"tokens": [{"provider": name}]}, st.sampled_from(["x", "y"])))


def allowed(tokens: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(lambda *parts: {key: value for part in parts for key, value in part.items()}, HTTP, PATH, tokens)


def line(tokens: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    names = st.sampled_from(["*", "*", *SERVICES])
    peers = st.sampled_from([{}, {}, {}, {"peer": "p"}])
    said = st.fixed_dictionaries(
        {"source": names, "to": names}, optional={"allow": st.lists(allowed(tokens), min_size=1, max_size=3)}
    )
    return st.builds(lambda one, peer: {**one, **peer}, said, peers)


def graph(candidates: list[dict[str, Any]]) -> list[Any]:
    """Those of the lines that may stand together, each added to the ones before it."""
    lines: list[Any] = []
    for each in candidates:
        args: Any = {
            "intentions": [*lines, each],
            "services": {name: {"protocol": "http"} for name in SERVICES},
            "jwt": JWT,
        }
        if not list(intention_troubles(args)):
            lines.append(each)
    return lines


REQUEST = st.builds(
    Request,
    source=st.sampled_from([*SERVICES, "stranger"]),
    peer=st.sampled_from(["", "p"]),
    to=st.sampled_from([*SERVICES, "elsewhere"]),
    method=st.sampled_from(["GET", "POST", "PROPFIND"]),
    path=st.sampled_from([*PATHS, "*"]),
    headers=st.sampled_from([{}, {"x-tenant": "one"}, {"x-tenant": "two"}]),
    tokens=st.sets(st.sampled_from(["x", "y"])).map(frozenset),
)


def declared(lines: list[Any], request: Request) -> bool:
    """What the graph says: some line lets it through, by the first of its permissions that fits."""
    return any(
        each["source"] in (request.source, "*")
        and each["to"] in (request.to, "*")
        and each.get("peer", "") == request.peer
        and ("allow" not in each or _decided(each["allow"], request))
        for each in lines
    )


def _decided(allow: list[dict[str, Any]], request: Request) -> bool:
    first = next((each for each in allow if _asked(each, request)), None)
    if first is None:
        return False
    return not first.get("tokens") or any(each["provider"] in request.tokens for each in first["tokens"])


def _asked(said: Mapping[str, Any], request: Request) -> bool:
    return (
        request.method in said.get("methods", [request.method])
        and all(request.headers.get(name) == value for name, value in said.get("headers", {}).items())
        and request.path == said.get("path_exact", request.path)
        and request.path.startswith(said.get("path_prefix", ""))
        and bool(re.fullmatch(said.get("path_regex", ".*"), request.path))
    )


@settings(max_examples=200, deadline=None)
@given(st.lists(line(TOKENS), min_size=2, max_size=8), st.lists(REQUEST, min_size=8, max_size=8))
def test_with_default_deny_the_proxies_admit_the_graph_and_nothing_else(
    candidates: list[dict[str, Any]], requests: list[Request]
) -> None:
    lines = graph(candidates)
    specs = [spec for _, spec in entries(lines)]
    for request in requests:
        if request.path == "*" and any("tokens" in each for one in lines for each in one.get("allow", [])):
            continue  # a permission that asks for a token alone is written with the prefix /
        assert admits(specs, request, default="deny") == declared(lines, request), request


@settings(max_examples=150, deadline=None)
@given(st.lists(line(st.just({})), min_size=2, max_size=8), st.lists(REQUEST, min_size=8, max_size=8))
def test_a_default_of_allow_changes_nothing(candidates: list[dict[str, Any]], requests: list[Request]) -> None:
    lines = graph(candidates)
    specs = [spec for _, spec in entries(lines)]
    peers = {"", *(each.get("peer", "") for each in lines)}
    for request in requests:
        if request.peer in peers:
            assert admits(specs, request, default="allow") == declared(lines, request), request


@settings(max_examples=150, deadline=None)
@given(st.lists(line(TOKENS), min_size=2, max_size=8), st.sampled_from(["allow", "deny"]))
def test_consuls_api_decides_as_its_proxies_do(candidates: list[dict[str, Any]], default: str) -> None:
    lines = graph(candidates)
    specs = [spec for _, spec in entries(lines)]
    peers = {"", *(each.get("peer", "") for each in lines)}
    for source, to, peer in product([*SERVICES, "stranger"], [*SERVICES, "elsewhere"], peers):
        request = Request(source, peer, to)
        fitting = [each for each in lines if declared([{**each, "allow": [{}]}], request)]
        whole = any("allow" not in each for each in fitting)
        expected = "allow" if whole else "layer7" if fitting else "deny"
        assert decides(specs, request, default=default) == expected, request


@settings(max_examples=150, deadline=None)
@given(allowed(TOKENS), allowed(TOKENS), REQUEST)
def test_what_covers_another_fits_all_that_it_fits(
    one: dict[str, Any], other: dict[str, Any], request: Request
) -> None:
    if covers(one, other) and _asked(other, request):  # type: ignore[arg-type]
        assert _asked(one, request) or (request.path == "*" and one.get("path_prefix") == "/")


def test_consul_itself_lets_proxies_and_api_decide_differently() -> None:
    """Why nothing is left to precedence: the line for `*` is the more exact one by Consul's rules, and proxies add up."""
    naive = [
        {"destination": {"name": "b"}, "sources": [{"name": "*", "permissions": [_permission("/healthz")]}]},
        {"destination": {"name": "*"}, "sources": [{"name": "a", "action": "allow"}]},
    ]
    request = Request("a", to="b", path="/admin")
    assert decides(naive, request, default="deny") == "layer7"
    assert admits(naive, request, default="deny")


def test_consul_itself_hides_what_everybody_may_do_from_those_who_may_do_more() -> None:
    naive = [
        {
            "destination": {"name": "b"},
            "sources": [
                {"name": "*", "permissions": [_permission("/healthz")]},
                {"name": "a", "permissions": [_permission("/v1")]},
            ],
        }
    ]
    assert not admits(naive, Request("a", to="b", path="/healthz"), default="deny")
    ours: list[Any] = [
        {"source": "*", "to": "b", "allow": [{"path_exact": "/healthz"}]},
        {"source": "a", "to": "b", "allow": [{"path_exact": "/v1"}]},
    ]
    assert admits([spec for _, spec in entries(ours)], Request("a", to="b", path="/healthz"), default="deny")


def _permission(path: str) -> dict[str, Any]:
    return {"action": "allow", "http": {"pathExact": path}}


@pytest.mark.parametrize("default", ["allow", "deny"])
def test_no_line_lets_nothing_through(default: str) -> None:
    ((to, spec),) = entries([])
    assert (to, spec["sources"]) == ("*", [{"name": "*", "action": "deny"}])
    assert not admits([spec], Request("a", to="b"), default=default)
