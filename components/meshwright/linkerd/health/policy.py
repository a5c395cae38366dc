"""Servers don't compete for a port, routes leave the kubelet's probes alone, and objects are in versions that last."""

from __future__ import annotations

import re
from itertools import combinations
from typing import TYPE_CHECKING, Final

from meshwright.health.objects import at, called, items, mapping, matches, name_of, namespace_of
from meshwright.health.verdicts import Check, Doubt, Finding, NotKnownError, Severity, SkipError
from meshwright.linkerd import labels
from meshwright.linkerd.health.mesh import containers, pods

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.health.objects import Object
    from meshwright.health.snapshot import Snapshot

_CATEGORY: Final = "policies"
_OPEN: Final = ("all-unauthenticated", "cluster-unauthenticated", "audit")
"""Values of ``accessPolicy`` that let everybody in, probes too."""
_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")
_OLD: Final = {
    "Server": ("policy.linkerd.io/v1alpha1", "policy.linkerd.io/v1beta1"),
    "ServerAuthorization": ("policy.linkerd.io/v1alpha1",),
    "HTTPRoute": ("policy.linkerd.io/v1alpha1", "policy.linkerd.io/v1beta1", "policy.linkerd.io/v1beta2"),
    "ServiceProfile": ("linkerd.io/v1alpha1",),
    "Link": ("multicluster.linkerd.io/v1alpha1", "multicluster.linkerd.io/v1alpha2"),
}
"""Kind -> versions that its CRD serves, and no longer stores (edge-26.8.3)."""


def _apart(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    servers, told = _servers(snapshot), set()
    for pod in pods(snapshot):
        for first, second in combinations([each for each in servers if _selects(each, pod)], 2):
            port, pair = _port(first, pod), (called(first), called(second))
            if port and port == _port(second, pod) and pair not in told:
                told.add(pair)
                yield Finding(called(second), f"selects port {port} of {called(pod)}, as {called(first)} does")


def _probes(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    servers, told = _servers(snapshot), set()
    limited = [(server, routes) for server in servers if (routes := _routes(snapshot, server))]
    if not limited:
        raise SkipError("no HTTPRoute is attached to a Server")
    for server, routes in limited:
        granted = at(server, "spec", "accessPolicy") in _OPEN or _lets_in(snapshot, server, "Server")
        for pod in pods(snapshot):
            for path in sorted(_probed(pod, _port(server, pod))) if _selects(server, pod) else ():
                best = _taken(routes, path)
                if (called(server), path) in told:
                    continue
                told.add((called(server), path))
                where = f"{path}, where {called(pod)} is probed"
                if not best:
                    yield Finding(called(server), f"has routes, none of which matches {where}")
                elif not granted and not any(_lets_in(snapshot, route, "HTTPRoute") for route in best):
                    yield Finding(called(server), f"has a route that lets no kubelet call {where}")


def _servers(snapshot: Snapshot) -> list[Object]:
    found = [each for each in snapshot.of("Server") if mapping(each, "spec").get("podSelector") is not None]
    if not found:
        raise SkipError("no Server for pods is in it")
    return found


def _selects(server: Object, pod: Object) -> bool:
    same = namespace_of(server) == namespace_of(pod)
    return same and matches(mapping(server, "spec", "podSelector"), mapping(pod, "metadata", "labels"))


def _port(server: Object, pod: Object) -> int | None:
    """The number of a Server's port in a pod; None where the pod has none of that name."""
    return _number(at(server, "spec", "port"), pod)


def _number(port: object, pod: Object) -> int | None:
    if isinstance(port, int) or str(port).isdecimal():
        return int(str(port))
    named = [each for container in containers(pod) for each in items(container, "ports") if at(each, "name") == port]
    return int(at(named[0], "containerPort")) if named else None


def _probed(pod: Object, port: int | None) -> set[str]:
    """The paths of a port at which the kubelet probes a pod."""
    found = set()
    for container in containers(pod):
        if at(container, "name") == labels.PROXY_CONTAINER:
            continue
        for probe in _PROBES:
            asked = mapping(container, probe, "httpGet")
            if asked and port and _number(at(asked, "port"), pod) == port:
                found.add(str(at(asked, "path") or "/").partition("?")[0])
    return found


def _routes(snapshot: Snapshot, server: Object) -> list[Object]:
    return [
        each
        for each in snapshot.of("HTTPRoute")
        if namespace_of(each) == namespace_of(server)
        and any(
            at(parent, "kind") == "Server" and at(parent, "name") == name_of(server)
            for parent in items(each, "spec", "parentRefs")
        )
    ]


def _taken(routes: list[Object], path: str) -> list[Object]:
    """The routes that a GET of a path may take: those of which most of the path matches."""
    fits = [(length, route) for route in routes if (length := _fits(route, path)) is not None]
    most = max((length for length, _ in fits), default=0)
    return [route for length, route in fits if length == most]


def _fits(route: Object, path: str) -> int | None:
    """How much of a path a route matches, at most; None where it doesn't match a plain GET of it."""
    found = []
    for rule in items(route, "spec", "rules") or [{}]:
        for match in items(rule, "matches") or [{}]:
            plain = not items(match, "headers") and not items(match, "queryParams")
            if plain and at(match, "method") in (None, "GET"):
                found.append(_length(str(at(match, "path", "type") or "PathPrefix"), at(match, "path", "value"), path))
    return max((each for each in found if each is not None), default=None)


def _length(kind: str, value: object, path: str) -> int | None:
    text = str(value or "/")
    if kind == "Exact":
        return len(path) if path == text else None
    if kind == "RegularExpression":
        try:
            return len(path) if re.fullmatch(text, path) else None
        except re.error:
            raise NotKnownError(f"what a route's expression {text!r} matches") from None
    prefix = text.rstrip("/")
    return len(prefix) if path == prefix or path.startswith(f"{prefix}/") else None


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


def _versions(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    found = [(kind, each) for kind in _OLD for each in snapshot.of(kind)]
    if not found:
        raise SkipError("none of Linkerd's objects is in it")
    for kind, each in found:
        written = {str(at(each, "apiVersion"))} if not snapshot.live else _written(each)
        for version in sorted(written & set(_OLD[kind])):
            yield Finding(called(each), f"is written in {version}, which is on its way out")


def _written(body: Object) -> set[str]:
    """The versions in which an object's fields were written; the server shows it in the one that it is asked for."""
    managed = items(body, "metadata", "managedFields")
    return {str(at(each, "apiVersion")) for each in managed if not at(each, "subresource")}


CHECKS: Final = (
    Check(
        "servers-apart",
        _CATEGORY,
        "no two Servers select one port of one pod",
        Severity.ERROR,
        "keep one Server a port: of several, the oldest holds, and what is attached to the others says nothing",
        _apart,
    ),
    Check(
        "probes-authorised",
        _CATEGORY,
        "where a Server has routes, the kubelet may still probe its pods",
        Severity.ERROR,
        "add a route for the probes' paths, with an AuthorizationPolicy for the NetworkAuthentication of the nodes",
        _probes,
    ),
    Check(
        "api-versions",
        _CATEGORY,
        "Linkerd's objects are written in versions that last",
        Severity.WARNING,
        "write them in the version that the CRD stores",
        _versions,
    ),
)
