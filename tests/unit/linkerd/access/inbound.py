"""A model of Linkerd's inbound policy: what a proxy does with a request, by the objects of one namespace.

From ``policy-controller/k8s/index/src/inbound/index.rs`` (which Server a port has, its authorizations, its routes, when
probes are authorised by default) and linkerd2-proxy ``app/inbound/src/policy/http.rs`` and ``proxy/http/route`` (the most
specific route first, then its authorizations with the Server's).
"""

from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

Spec = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """A request that reaches a pod; `caller` is the mesh identity, "" for plaintext."""

    port: int
    caller: str = ""
    address: str = "10.9.0.9"
    path: str = "/"
    method: str = "GET"
    grpc: str = ""


@dataclass(frozen=True)
class Objects:
    """The namespace's objects: kind -> name -> spec, as the policy controller indexes them."""

    kinds: dict[str, dict[str, Spec]]

    def of(self, kind: str) -> dict[str, Spec]:
        return self.kinds.get(kind, {})


@dataclass(frozen=True)
class Pod:
    """What the controller reads of a pod."""

    labels: dict[str, str]
    default_policy: str
    probes: frozenset[tuple[int, str]] = frozenset()


def answer(objects: Objects, pod: Pod, request: Request) -> int:
    """200, 403 or 404."""
    servers = [(name, spec) for name, spec in sorted(objects.of("Server").items()) if _selects(spec, pod, request.port)]
    if not servers:
        return _by_default(pod, request, _default(pod.default_policy, request))
    name, spec = servers[0]
    allowed = _default(spec["accessPolicy"], request) or _authorized(objects, "Server", name, request)
    kind = "GRPCRoute" if spec["proxyProtocol"] == "gRPC" else "HTTPRoute"
    attached = {
        route: each["rules"]
        for route, each in objects.of(kind).items()
        if any(ref["kind"] == "Server" and ref["name"] == name for ref in each["parentRefs"])
    }
    if not attached:
        return _by_default(pod, request, allowed) if kind == "HTTPRoute" else 200 if allowed else 403
    found = [
        (rank, route)
        for route, rules in attached.items()
        for rule in rules
        for match in rule["matches"]
        if (rank := _rank(match, request)) is not None
    ]
    if not found:
        return 404
    _, route = max(found, key=lambda one: one[0])
    return 200 if allowed or _authorized(objects, kind, route, request) else 403


def _by_default(pod: Pod, request: Request, allowed: bool) -> int:
    """The probe route that Linkerd makes where no route is attached."""
    probe = request.method == "GET" and (request.port, request.path) in pod.probes
    return 200 if allowed or probe else 403


def _selects(server: Spec, pod: Pod, port: int) -> bool:
    wanted = server["podSelector"].get("matchLabels", {})
    return bool(server["port"] == port and wanted.items() <= pod.labels.items())


def _default(policy: str, request: Request) -> bool:
    return policy == "audit" or (policy == "all-authenticated" and request.caller != "")


def _authorized(objects: Objects, kind: str, name: str, request: Request) -> bool:
    return any(
        all(_authenticated(objects, ref, request) for ref in spec["requiredAuthenticationRefs"])
        for spec in objects.of("AuthorizationPolicy").values()
        if (spec["targetRef"]["kind"], spec["targetRef"]["name"]) == (kind, name)
    )


def _authenticated(objects: Objects, ref: Spec, request: Request) -> bool:
    spec = objects.of(ref["kind"])[ref["name"]]
    if ref["kind"] == "MeshTLSAuthentication":
        return request.caller in {f"{each['namespace']}/{each['name']}" for each in spec["identityRefs"]}
    return any(ip_address(request.address) in ip_network(each["cidr"]) for each in spec["networks"])


def _rank(match: Spec, request: Request) -> tuple[int, ...] | None:
    """How specific a match is; None where it does not match."""
    if request.grpc:
        service, _, method = request.grpc.partition("/")
        wanted = match.get("method", {})
        if wanted.get("service", service) != service or wanted.get("method", method) != method:
            return None
        return (len(wanted.get("service", "")), len(wanted.get("method", "")))
    if match.get("method", request.method) != request.method:
        return None
    kind, value = match["path"]["type"], match["path"]["value"]
    if kind == "Exact":
        return (1, len(value), "method" in match) if request.path == value else None
    below = request.path == value or request.path.startswith(value.rstrip("/") + "/")
    return (0, len(value), "method" in match) if below else None
