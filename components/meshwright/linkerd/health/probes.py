"""Whether the kubelet may still probe pods whose Servers have routes, or are for gRPC.

As long as no HTTPRoute is attached, the policy controller lets the kubelet's HTTP probes pass. A Server for gRPC takes
GRPCRoutes, and no others; for it the controller lets no probe pass (linkerd2 ``policy-controller/k8s/index/src/inbound/
index.rs``: ``http_routes``, ``grpc_routes``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from meshwright.health.objects import at, called, items, mapping, matches, name_of, namespace_of
from meshwright.health.verdicts import Finding, NotKnownError, SkipError
from meshwright.linkerd import labels
from meshwright.linkerd.health.mesh import containers, pods
from meshwright.linkerd.health.servers import number, port_in, selects, servers_of_pods

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.health.objects import Object
    from meshwright.health.snapshot import Snapshot
    from meshwright.health.verdicts import Doubt

_OPEN: Final = ("all-unauthenticated", "cluster-unauthenticated", "audit")
"""Values of ``accessPolicy`` that let everybody in, probes too."""
_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")
_HEALTH: Final = ("grpc.health.v1.Health", "Check")
"""Service and method that a ``grpc`` probe calls."""


def probes_let_in(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    """The probes that a Server's routes, or the lack of them, keep out."""
    servers, told = servers_of_pods(snapshot), set()
    limited = [(each, _routes(snapshot, each)) for each in servers]
    limited = [(server, routes) for server, routes in limited if routes or _is_grpc(server)]
    if not limited:
        raise SkipError("no route is attached to a Server, and none is for gRPC")
    for server, routes in limited:
        granted = at(server, "spec", "accessPolicy") in _OPEN or _lets_in(snapshot, server, "Server")
        for pod in pods(snapshot):
            for path in sorted(_probed(server, pod)) if selects(server, pod) else ():
                if (called(server), path) not in told:
                    told.add((called(server), path))
                    for message in _kept_out(snapshot, routes, path, granted=granted):
                        yield Finding(called(server), f"{message} {path}, where {called(pod)} is probed")


def _kept_out(snapshot: Snapshot, routes: list[Object], path: str, *, granted: bool) -> Iterator[str]:
    best = _taken(routes, path)
    if routes and not best:
        yield "has routes, none of which matches"
    elif not granted and not any(_lets_in(snapshot, each, str(each["kind"])) for each in best):
        yield "has a route that lets no kubelet call" if best else "lets no kubelet call"


def _is_grpc(server: Object) -> bool:
    return bool(at(server, "spec", "proxyProtocol") == "gRPC")


def _probed(server: Object, pod: Object) -> set[str]:
    """The paths of a Server's port at which the kubelet probes a pod, by the protocol that the Server is for."""
    port, found = port_in(server, pod), set()
    for container in containers(pod):
        if at(container, "name") == labels.PROXY_CONTAINER or port is None:
            continue
        for probe in _PROBES:
            http, grpc = mapping(container, probe, "httpGet"), mapping(container, probe, "grpc")
            if _is_grpc(server):
                if grpc and number(at(grpc, "port"), pod) == port:
                    found.add("/".join(("", *_HEALTH)))
            elif http and number(at(http, "port"), pod) == port:
                found.add(str(at(http, "path") or "/").partition("?")[0])
    return found


def _routes(snapshot: Snapshot, server: Object) -> list[Object]:
    return [
        each
        for each in snapshot.of("GRPCRoute" if _is_grpc(server) else "HTTPRoute")
        if namespace_of(each) == namespace_of(server)
        and any(
            at(parent, "kind") == "Server" and at(parent, "name") == name_of(server)
            for parent in items(each, "spec", "parentRefs")
        )
    ]


def _taken(routes: list[Object], path: str) -> list[Object]:
    """The routes that a probe of a path may take: those of which most of the path matches."""
    fits = [(much, route) for route in routes if (much := _fits(route, path)) is not None]
    most = max((much for much, _ in fits), default=())
    return [route for much, route in fits if much == most]


def _fits(route: Object, path: str) -> tuple[int, ...] | None:
    """How much of a path a route matches, at most; None where it doesn't match a plain probe of it."""
    fit = _fits_grpc if route["kind"] == "GRPCRoute" else _fits_http
    found = [
        fit(match, path)
        for rule in items(route, "spec", "rules") or [{}]
        for match in items(rule, "matches") or [{}]
        if not items(match, "headers") and not items(match, "queryParams")
    ]
    return max((each for each in found if each is not None), default=None)


def _fits_http(match: Object, path: str) -> tuple[int, ...] | None:
    if at(match, "method") not in (None, "GET"):
        return None
    length = _length(str(at(match, "path", "type") or "PathPrefix"), at(match, "path", "value"), path)
    return None if length is None else (length,)


def _fits_grpc(match: Object, path: str) -> tuple[int, ...] | None:
    """The lengths of service and method, by which Linkerd ranks (linkerd2-proxy ``http/route/src/grpc/match.rs``)."""
    asked, by_regex = mapping(match, "method"), at(match, "method", "type") == "RegularExpression"
    found = []
    for key, called_by in zip(("service", "method"), _HEALTH, strict=True):
        wanted = str(at(asked, key) or "")
        if wanted and not (_matches(wanted, called_by) if by_regex else wanted == called_by):
            return None
        found.append(len(called_by) if wanted else 0)
    return tuple(found)


def _length(kind: str, value: object, path: str) -> int | None:
    text = str(value or "/")
    if kind == "Exact":
        return len(path) if path == text else None
    if kind == "RegularExpression":
        return len(path) if _matches(text, path) else None
    prefix = text.rstrip("/")
    return len(prefix) if path == prefix or path.startswith(f"{prefix}/") else None


def _matches(expression: str, text: str) -> bool:
    try:
        return bool(re.fullmatch(expression, text))
    except re.error:
        raise NotKnownError(f"what a route's expression {expression!r} matches") from None


def _lets_in(snapshot: Snapshot, body: Object, kind: str) -> bool:
    """Whether a policy lets callers without an identity reach a Server or a route."""
    home, own = namespace_of(body), (kind, name_of(body))
    for policy in snapshot.of("AuthorizationPolicy"):
        target = mapping(policy, "spec", "targetRef")
        aimed = (at(target, "kind"), at(target, "name")) == own
        whole = kind == "Server" and at(target, "kind") == "Namespace"
        asked = {at(each, "kind") for each in items(policy, "spec", "requiredAuthenticationRefs")}
        if namespace_of(policy) == home and (aimed or whole) and asked <= {"NetworkAuthentication"}:
            return True
    if kind != "Server":
        return False
    return any(
        namespace_of(each) == home
        and at(each, "spec", "client", "unauthenticated") is True
        and _is_of(mapping(each, "spec", "server"), body)
        for each in snapshot.of("ServerAuthorization")
    )


def _is_of(chosen: Object, server: Object) -> bool:
    if at(chosen, "name") is not None:
        return bool(at(chosen, "name") == name_of(server))
    return matches(mapping(chosen, "selector"), mapping(server, "metadata", "labels"))
