"""VirtualServices and HTTPRoutes: where a proxy sends a request, and what it changes in it."""

import json
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

from tests.semantics.calls import Http, Peer, Pods
from tests.semantics.world import Object, World, key


class Leg(NamedTuple):
    """A share of the requests: to which pods, at which of their ports."""

    share: Fraction
    pods: Pods | None
    port: int
    changes: tuple[str, ...]


def plain(world: World, service: Object, port: int) -> list[Leg]:
    """All pods of a Service alike."""
    return _spread(Fraction(1), world.behind(service), world.target_port(service, port), ())


def by_sidecar(world: World, service: Object, port: int, http: Http, caller: Peer) -> list[Leg]:
    """I pilot/pkg/networking/core/route/route.go: the oldest VirtualService for a host is the only one; an HTTPRoute at
    a Service is one of them, and younger than what was there before it."""
    for each in _virtual_services(world, service):
        visible = each["spec"].get("exportTo") or ["*"]
        home = each["metadata"]["namespace"]
        if "*" in visible or caller.namespace in visible or ("." in visible and home == caller.namespace):
            rules = [
                (one, rule) for rule in each["spec"]["http"] for one in rule.get("match") or [{}] if _from(one, caller)
            ]
            return _first(world, each, rules, port, http, _matches_virtual, _virtual)
    if routes := _http_routes(world, service, port):
        return _gateway_api(world, routes, port, http)
    return plain(world, service, port)


def by_gateway(world: World, service: Object, port: int, http: Http) -> list[Leg]:
    """I core/gateway.go: VirtualServices that name a gateway; here the request is for the Service's own host."""
    for each in _virtual_services(world, service, mesh=False):
        rules = [(one, rule) for rule in each["spec"]["http"] for one in rule.get("match") or [{}]]
        return _first(world, each, rules, port, http, _matches_virtual, _virtual)
    return plain(world, service, port)


def by_waypoint(world: World, service: Object, port: int, http: Http) -> list[Leg]:
    """I core/listener_waypoint.go, buildWaypointInboundHTTPRouteConfig: what stands in the Service's or the waypoint's
    namespace, one after the other; matches by sourceLabels are dropped."""
    found = [
        each
        for each in _virtual_services(world, service)
        if each["metadata"]["namespace"] == service["metadata"]["namespace"]
    ]
    for each in found:
        rules = [
            (one, rule)
            for rule in each["spec"]["http"]
            for one in rule.get("match") or [{}]
            if not one.get("sourceLabels")
        ]
        for one, rule in rules:
            if _matches_virtual(one, http, port):
                return list(_virtual(world, each, rule, one, port, http))
    if routes := _http_routes(world, service, port):
        return _gateway_api(world, routes, port, http)
    return [_nowhere("404")] if found else plain(world, service, port)


def _first(world: World, each: Object, rules: Any, port: int, http: Http, matches: Any, does: Any) -> list[Leg]:
    for one, rule in rules:
        if matches(one, http, port):
            return list(does(world, each, rule, one, port, http))
    return [_nowhere("404")]


def _gateway_api(world: World, routes: list[Object], port: int, http: Http) -> list[Leg]:
    """I pilot/pkg/config/kube/gateway/conversion.go, sortHTTPRoutes: a stable sort over all of a Service's matches."""
    rules = [
        (one, (each, rule))
        for each in routes
        for rule in each["spec"]["rules"]
        for one in rule.get("matches") or [{"path": {"type": "PathPrefix", "value": "/"}}]
    ]
    rules.sort(key=lambda entry: _precedence(entry[0]), reverse=True)
    for one, (each, rule) in rules:
        if _matches_route(one, http):
            return list(_route(world, each, rule, one, port, http))
    return [_nowhere("404")]


def _precedence(match: Object) -> tuple[int, int, bool, int, int]:
    path = match.get("path") or {"type": "PathPrefix", "value": "/"}
    kind, value = path.get("type", "PathPrefix"), path.get("value", "/")
    if kind == "PathPrefix" and value != "/":
        value = value.removesuffix("/")
    rank = {"Exact": 3, "PathPrefix": 2, "RegularExpression": 1}[kind]
    return rank, len(value), "method" in match, len(match.get("headers", [])), len(match.get("queryParams", []))


def _virtual_services(world: World, service: Object, *, mesh: bool = True) -> list[Object]:
    return [
        each
        for each in world.of("VirtualService")
        if each["spec"].get("http")
        and any((one == "mesh") == mesh for one in each["spec"].get("gateways") or ["mesh"])
        and any(resolve(host, each["metadata"]["namespace"]) == key(service) for host in each["spec"]["hosts"])
    ]


def _http_routes(world: World, service: Object, port: int) -> list[Object]:
    namespace, name = key(service)
    return [
        each
        for each in world.of("HTTPRoute")
        if each["metadata"]["namespace"] == namespace
        and any(
            ref.get("kind") == "Service" and ref["name"] == name and ref.get("port", port) == port
            for ref in each["spec"]["parentRefs"]
        )
    ]


def resolve(host: str, namespace: str) -> Pods | None:
    """The Service that a host names."""
    parts = host.split(".")
    if len(parts) > 2 and parts[2] != "svc":
        return None
    return Pods(parts[1] if len(parts) > 1 else namespace, parts[0])


def _from(match: Object, caller: Peer) -> bool:
    return bool((match.get("sourceLabels") or {}).items() <= dict(caller.labels).items())


def _matches_virtual(match: Object, http: Http, port: int) -> bool:
    headers, query = dict(http.headers), dict(http.query)
    return (
        ("uri" not in match or _text(match["uri"], http.path))
        and ("method" not in match or _text(match["method"], http.method))
        and match.get("port", port) == port
        and all(name in headers and _text(said, headers[name]) for name, said in (match.get("headers") or {}).items())
        and all(name in query and _text(said, query[name]) for name, said in (match.get("queryParams") or {}).items())
    )


def _text(said: Object, value: str) -> bool:
    if "exact" in said:
        return bool(value == said["exact"])
    if "prefix" in said:
        return value.startswith(said["prefix"])
    return "regex" not in said or re.fullmatch(said["regex"], value) is not None


def _matches_route(match: Object, http: Http) -> bool:
    return (
        _path(match.get("path") or {}, http.path)
        and match.get("method", http.method) == http.method
        and _all(match.get("headers") or [], dict(http.headers))
        and _all(match.get("queryParams") or [], dict(http.query))
    )


def _path(said: Object, path: str) -> bool:
    value = said.get("value", "/")
    match said.get("type", "PathPrefix"):
        case "Exact":
            return bool(path == value)
        case "PathPrefix":
            short = value.removesuffix("/")
            return bool(path == short or path.startswith(f"{short}/"))
        case _:
            return re.fullmatch(value, path) is not None


def _all(wanted: list[Object], there: dict[str, str]) -> bool:
    for each in wanted:
        value = there.get(each["name"])
        exact = each.get("type", "Exact") == "Exact"
        if value is None or not (value == each["value"] if exact else re.fullmatch(each["value"], value)):
            return False
    return True


def _virtual(world: World, each: Object, rule: Object, match: Object, port: int, http: Http) -> Iterator[Leg]:
    home = each["metadata"]["namespace"]
    changes = [f"{name} {json.dumps(rule[name], sort_keys=True)}" for name in ("fault", "retries") if rule.get(name)]
    changes += [f"timeout {rule['timeout']}"] if rule.get("timeout") else []
    for side in ("request", "response"):
        for how, said in sorted(((rule.get("headers") or {}).get(side) or {}).items()):
            changes += [f"{side} {how} {name}={value}" for name, value in said.items()]
    if mirror := rule.get("mirror"):
        changes.append(f"mirror to {_pods(world, mirror, home)}")
    if uri := (rule.get("rewrite") or {}).get("uri"):
        prefix = (match.get("uri") or {}).get("prefix")
        changes.append(f"path {uri + http.path[len(prefix) :] if prefix is not None else uri}")
    if redirect := rule.get("redirect"):
        yield _nowhere(f"redirect {redirect.get('redirectCode', 301)} {redirect.get('uri', http.path)}")
        return
    if rule.get("directResponse"):
        yield _nowhere(f"answer {rule['directResponse']['status']}")
        return
    weights = [one.get("weight", 0) for one in rule["route"]]
    if len(weights) == 1:
        weights = [1]
    for one, weight in zip(rule["route"], weights, strict=True):
        if weight:
            found = _pods(world, one["destination"], home)
            target = _port(world, one["destination"], home, port)
            yield from _spread(Fraction(weight, sum(weights)), found, target, tuple(sorted(changes)))


def _port(world: World, destination: Object, home: str, port: int) -> int:
    service = world.services[resolve(destination["host"], home) or Pods("", "")]
    number = (destination.get("port") or {}).get("number")
    ports = service["spec"]["ports"]
    return world.target_port(service, number or (ports[0]["port"] if len(ports) == 1 else port))


def _pods(world: World, destination: Object, home: str) -> list[Pods]:
    found = resolve(destination["host"], home)
    assert found is not None
    pods = world.behind(world.services[found])
    if "subset" not in destination:
        return pods
    for rule in world.of("DestinationRule"):
        if resolve(rule["spec"]["host"], rule["metadata"]["namespace"]) == found:
            for subset in rule["spec"].get("subsets") or []:
                if subset["name"] == destination["subset"]:
                    return [each for each in pods if subset["labels"].items() <= world.labels(each).items()]
    return []


def _route(world: World, each: Object, rule: Object, match: Object, port: int, http: Http) -> Iterator[Leg]:
    home = each["metadata"]["namespace"]
    changes = [f"timeout {rule['timeouts']['request']}"] if rule.get("timeouts") else []
    for one in rule.get("filters") or []:
        match one["type"]:
            case "RequestHeaderModifier" | "ResponseHeaderModifier":
                side = "request" if one["type"].startswith("Request") else "response"
                said = one["requestHeaderModifier" if side == "request" else "responseHeaderModifier"]
                changes += [
                    f"{side} {how} {h['name']}={h['value']}" for how in ("set", "add") for h in said.get(how, [])
                ]
            case "RequestMirror":
                ref = one["requestMirror"]["backendRef"]
                changes.append(f"mirror to {world.behind(world.services[Pods(home, ref['name'])])}")
            case "URLRewrite":
                changes.append(f"path {_rewritten(one['urlRewrite']['path'], match, http.path)}")
            case "RequestRedirect":
                said = one["requestRedirect"]
                path = (said.get("path") or {}).get("replaceFullPath", http.path)
                yield _nowhere(f"redirect {said['statusCode']} {path}")
                return
    refs = rule.get("backendRefs") or []
    weights = [ref.get("weight", 1) for ref in refs]
    for ref, weight in zip(refs, weights, strict=True):
        service = world.services[Pods(home, ref["name"])]
        found, target = world.behind(service), world.target_port(service, ref["port"])
        if weight:
            yield from _spread(Fraction(weight, sum(weights)), found, target, tuple(sorted(changes)))


def _rewritten(said: Object, match: Object, path: str) -> str:
    if said["type"] == "ReplaceFullPath":
        return str(said["replaceFullPath"])
    rest = path[len(match["path"]["value"].removesuffix("/")) :]
    return str(said["replacePrefixMatch"].removesuffix("/") + rest) or "/"


def _spread(share: Fraction, pods: list[Pods], port: int, changes: tuple[str, ...]) -> list[Leg]:
    return [Leg(share / len(pods), each, port, changes) for each in pods] or [_nowhere("503", share)]


def _nowhere(what: str, share: Fraction = Fraction(1)) -> Leg:
    return Leg(share, None, 0, (what,))
