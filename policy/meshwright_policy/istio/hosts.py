"""Hosts of routes as the Services that they mean."""

from collections.abc import Iterator
from typing import Any

from meshwright_policy.istio.mesh import Key
from meshwright_policy.record import Subject
from meshwright_policy.values import UNKNOWN, at, elements

_SUFFIX = ("svc", "svc.cluster.local")


def service_key(host: Any, namespace: Any) -> Key | None:
    """The Service of a host: ``cart``, ``cart.shop``, or with ``.svc`` and the cluster's domain; ``None`` otherwise."""
    if not isinstance(host, str) or not host or "*" in host:
        return None
    name, _, rest = host.partition(".")
    if not rest:
        return namespace, name
    there, _, suffix = rest.partition(".")
    return (there, name) if suffix in _SUFFIX or (not suffix and there not in ("com", "org", "net", "io")) else None


def backends(subject: Subject, namespace: Any) -> Iterator[Any]:
    """The Services that a route or VirtualService sends to; an unknown one is unknown."""
    is_route = _is_route(subject)
    protocols = ("rules",) if is_route else ("http", "tls", "tcp")
    rules = (rule for protocol in protocols for rule in elements(at(subject.properties, "spec", protocol)))
    for rule in rules:
        for backend in elements(at(rule, "backendRefs" if is_route else "route")):
            yield _backend(backend, namespace) if is_route else _destination(backend, namespace)


def mirrors(subject: Subject, namespace: Any) -> Iterator[Any]:
    """The Services to which a route or VirtualService sends copies of requests; an unknown one is unknown."""
    if not _is_route(subject):
        for http in elements(at(subject.properties, "spec", "http")):
            copies = elements(at(http, "mirrors"))
            single = at(http, "mirror")
            copies += [{"destination": single}] if single else []
            yield from (_destination(copy, namespace) for copy in copies)
        return
    for rule in elements(at(subject.properties, "spec", "rules")):
        for part in (rule, *elements(at(rule, "backendRefs"))):
            for each in elements(at(part, "filters")):
                if UNKNOWN in (each, at(each, "type")):
                    yield UNKNOWN
                elif at(each, "type") == "RequestMirror":
                    yield _backend(at(each, "requestMirror", "backendRef"), namespace)


def _is_route(subject: Subject) -> bool:
    return "gateway.networking.k8s.io" in subject.type


def _backend(backend: Any, namespace: Any) -> Any:
    kind, there, name = (at(backend, key) for key in ("kind", "namespace", "name"))
    if UNKNOWN in (kind, there, name):
        return UNKNOWN
    return (there or namespace, name) if kind in (None, "Service") and isinstance(name, str) else None


def _destination(route: Any, namespace: Any) -> Any:
    host = at(route, "destination", "host")
    return UNKNOWN if host is UNKNOWN else service_key(host, namespace)


def parents(subject: Subject, kind: str) -> Iterator[tuple[Any, Any]]:
    """Namespace (``None`` for its own) and name of a route's parents of a kind; unknown parts are unknown."""
    for parent in elements(at(subject.properties, "spec", "parentRefs")):
        named = at(parent, "kind")
        if parent is UNKNOWN or named is UNKNOWN:
            yield UNKNOWN, UNKNOWN
        elif (named or "Gateway") == kind:
            yield at(parent, "namespace"), at(parent, "name")
