"""Requests for a setup: every caller, every Service and pod, with all values that the objects mention and fresh ones."""

from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any

from tests.semantics.calls import Http, Pods, Request, Token
from tests.semantics.world import ROOT, Object, World, key

FRESH = "/fresh"


def requests(world: World) -> list[Request]:
    """All requests, each once."""
    callers = _callers(world)
    found: dict[Request, None] = {}
    for pods, service in product(callers, sorted(world.services)):
        body = world.services[service]
        for port in body["spec"].get("ports", []):
            for http, token in _contents(world, service.namespace):
                found[Request(pods, service.namespace, service.name, "", port["port"], http, token)] = None
    for pods, target in product(callers, sorted(world.templates)):
        if world.labels(target).get("istio") != "ingressgateway" and pods != target:
            contents = list(_contents(world, target.namespace))
            for port in _pod_ports(world, target):
                for http, token in contents[:: max(1, len(contents) // 12)]:
                    found[Request(pods, target.namespace, "", target.name, port, http, token)] = None
    return list(found)


def _callers(world: World) -> list[Pods]:
    """One for each identity and way of being captured."""
    by_identity = {(world.peer(pods).principal, world.mode(pods)): pods for pods in sorted(world.templates)}
    return list(by_identity.values())


def _pod_ports(world: World, target: Pods) -> list[int]:
    ports = {9999}
    for service in world.services.values():
        if target in world.behind(service):
            ports |= {world.target_port(service, each["port"]) for each in service["spec"]["ports"]}
    ports |= {
        int(port)
        for rule in _rules(_near(world, target.namespace))
        for to in rule.get("to") or []
        for port in to["operation"].get("ports") or []
    }
    return sorted(ports)


def _contents(world: World, namespace: str) -> Iterator[tuple[Http | None, Token | None]]:
    near = _near(world, namespace)
    yield None, None
    methods = sorted({"GET", "TRACE", *_methods(near)})
    paths = sorted({FRESH, *_paths(near)})
    for method, path in product(methods, paths):
        yield Http(method, path), None
    for name, value in sorted(_headers(near)):
        for method, path in product(methods[:2], paths[:3]):
            yield Http(method, path, headers=((name, value),)), None
    for name, value in sorted(_query(near)):
        yield Http("GET", FRESH, query=((name, value),)), None
    tokens = list(_tokens(near))
    for token, path in product(tokens, paths):
        yield Http("GET", path), token


def _near(world: World, namespace: str) -> list[Object]:
    """The objects that say something of a namespace's Services."""
    return [
        each
        for each in world.objects
        if key(each).namespace in (namespace, ROOT) or f".{namespace}.svc" in str(each.get("spec"))
    ]


def _rules(objects: Iterable[Object]) -> list[Object]:
    policies = (each for each in objects if each["kind"] == "AuthorizationPolicy")
    return [rule for each in policies for rule in (each.get("spec") or {}).get("rules") or []]


def _matches(objects: Iterable[Object]) -> list[Object]:
    routes = (each for each in objects if each["kind"] == "VirtualService")
    return [match for each in routes for rule in each["spec"].get("http") or [] for match in rule.get("match") or []]


def _operations(objects: list[Object], *fields: str) -> Iterator[str]:
    for rule in _rules(objects):
        for to in rule.get("to") or []:
            for field in fields:
                yield from to["operation"].get(field) or []


def _methods(objects: list[Object]) -> set[str]:
    found = set(_operations(objects, "methods", "notMethods"))
    return found | {match["method"]["exact"] for match in _matches(objects) if "method" in match}


def _paths(objects: list[Object]) -> set[str]:
    found = {value.replace("*", "x") for value in _operations(objects, "paths", "notPaths")}
    for match in _matches(objects):
        uri = match.get("uri") or {}
        found |= {uri["exact"]} if "exact" in uri else set()
        if (prefix := uri.get("prefix")) not in (None, "/"):
            found |= {prefix, f"{prefix}x", f"{prefix.rstrip('/')}/x", prefix.rstrip("/")}
    return found


def _headers(objects: list[Object]) -> set[tuple[str, str]]:
    found = {(name, _value(said)) for match in _matches(objects) for name, said in (match.get("headers") or {}).items()}
    for rule in _rules(objects):
        for each in rule.get("when") or []:
            if each["key"].startswith("request.headers["):
                name = each["key"].removeprefix("request.headers[").rstrip("]")
                values = [*(each.get("values") or []), *(each.get("notValues") or []), "fresh"]
                found |= {(name, value) for value in values}
    return found


def _query(objects: list[Object]) -> set[tuple[str, str]]:
    return {
        (name, _value(said)) for match in _matches(objects) for name, said in (match.get("queryParams") or {}).items()
    }


def _value(said: dict[str, Any]) -> str:
    return str(said.get("exact") or said.get("prefix") or said.get("regex", "x").replace(".*", ""))


def _tokens(objects: list[Object]) -> Iterator[Token]:
    issuers = [
        rule["issuer"]
        for each in objects
        if each["kind"] == "RequestAuthentication"
        for rule in each["spec"]["jwtRules"]
    ]
    claims = [
        (each["key"].removeprefix("request.auth.claims[").rstrip("]"), value)
        for rule in _rules(objects)
        for each in rule.get("when") or []
        if each["key"].startswith("request.auth.claims[")
        for value in each.get("values") or []
    ]
    if issuers:
        yield Token("https://somebody.else")
    for issuer in dict.fromkeys(issuers):
        yield Token(issuer)
        yield from (Token(issuer, claims=(claim,)) for claim in claims)
