"""From a declared call graph to Linkerd's policy objects that allow exactly these calls.

Where a port's calls are not limited, a Server and a policy for it are all: Linkerd authorises the kubelet's HTTP probes
by itself. Where one is limited, routes part the port's requests, with one for everything else, and probes get a policy
of their own. Each policy names one authentication, as Linkerd ANDs several; only a caller together with networks wants
that. What the phase lets in beyond the calls is the Server's ``accessPolicy``, which proxies follow at once.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from meshwright.linkerd import labels
from meshwright.linkerd.access.args import LinkerdAccessArgs, LinkerdCallArgs, PortArgs
from meshwright.linkerd.access.matches import Grpc, Operation, Path, Target, atoms, grpc, path

POLICY_GROUP = "policy.linkerd.io"
ROUTE_GROUP = "gateway.networking.k8s.io"
HEALTH = "grpc.health.v1.Health/Check"
"""What the kubelet's ``grpc`` probes call."""
ACCESS_POLICY = {"audit": "audit", "authenticated": "all-authenticated", "deny": "deny"}
MATCHES = 64
"""Gateway API: most matches of one rule. Two full rules would be more than a route may have."""


@dataclass(frozen=True, slots=True)
class PlannedObject:
    """An object to be made."""

    api_version: str
    kind: str
    name: str
    spec: dict[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """Whom a call lets in; both must be true where both are given."""

    caller: str = ""
    networks: tuple[str, ...] = ()


def plan(args: LinkerdAccessArgs) -> list[PlannedObject]:
    """All objects, port by port. Only for args without `mistakes`."""
    found: list[PlannedObject] = []
    for name, workload in sorted(args["workloads"].items()):
        selector = workload.get("labels") or {"app": name}
        access = ACCESS_POLICY[workload.get("phase", args["phase"])]
        for port in workload["ports"]:
            calls = [each for each in args["calls"] if each["service"] == name and reaches(each, port)]
            found += _port(f"{name}-{number(port['port'])}", selector, port, access, calls, args)
    found += _metrics(args)
    return found


def reaches(call: LinkerdCallArgs, port: PortArgs) -> bool:
    """Whether a call to the port's workload is to this port."""
    ports = [number(each) for each in call.get("ports") or ()]
    return not ports or number(port["port"]) in ports


def number(port: int | str) -> int | str:
    """A port, where Pulumi may have made a float of it."""
    return port if isinstance(port, str) else int(port)


def operation(call: LinkerdCallArgs) -> Operation | None:
    """What the call is limited to; None where it is not."""
    if functions := call.get("grpc"):
        return Operation(tuple(map(grpc, functions)))
    if call.get("paths") or call.get("methods"):
        targets = tuple(map(path, call.get("paths") or ())) or (Path(),)
        return Operation(targets, frozenset(call.get("methods") or ()))
    return None


def _port(
    name: str,
    selector: dict[str, str],
    port: PortArgs,
    access: str,
    calls: list[LinkerdCallArgs],
    args: LinkerdAccessArgs,
) -> Iterator[PlannedObject]:
    protocol = port.get("protocol", "unknown")
    yield _server(name, {"matchLabels": dict(selector)}, number(port["port"]), protocol, access)
    whole = {_grant(call) for call in calls if operation(call) is None}
    yield from _policies(name, "Server", POLICY_GROUP, whole)
    if limits := [(_grant(call), limit) for call in calls if (limit := operation(call)) is not None]:
        yield from _routes(name, protocol, limits, port.get("probes") or [], args)


def _routes(
    server: str,
    protocol: str,
    limits: list[tuple[Grant, Operation]],
    probes: list[str],
    args: LinkerdAccessArgs,
) -> Iterator[PlannedObject]:
    """Routes by who may use them: each of the port's requests belongs to exactly one."""
    kind, everything = ("GRPCRoute", Grpc()) if protocol == "gRPC" else ("HTTPRoute", Path())
    nodes = Grant(networks=tuple(args.get("probe_networks") or ()))
    probed = [(nodes, each) for each in _probes(kind, probes)]
    allowed = [*limits, *probed]
    users: dict[frozenset[Grant], list[tuple[Target, str]]] = {}
    for target, method in atoms([each for _, each in allowed], everything):
        who = frozenset(grant for grant, limit in allowed if limit.covers(target, method))
        users.setdefault(who, []).append((target, method))
    for who, matched in users.items():
        matches = [target.as_match() | ({"method": method} if method else {}) for target, method in matched]
        name = f"{server}-{_digest(sorted(who))}" if who else f"{server}-rest"
        parent = {"group": POLICY_GROUP, "kind": "Server", "name": server}
        for at in range(0, len(matches), MATCHES):
            each = f"{name}-{at // MATCHES + 1}" if at else name
            spec = {"parentRefs": [parent], "rules": [{"matches": matches[at : at + MATCHES]}]}
            yield PlannedObject(f"{ROUTE_GROUP}/v1", kind, each, spec)
            yield from _policies(each, kind, ROUTE_GROUP, who)


def _probes(kind: str, probes: list[str]) -> Iterator[Operation]:
    if kind == "GRPCRoute":
        return iter([Operation((grpc(HEALTH),))] if probes else [])
    return (Operation((Path(each.partition("?")[0], exact=True),), frozenset({"GET"})) for each in probes)


def _metrics(args: LinkerdAccessArgs) -> Iterator[PlannedObject]:
    """The proxies' own port, whose server asks for a policy as any other (linkerd2-proxy, ``app/admin``)."""
    if scrapers := args.get("scrapers"):
        access = ACCESS_POLICY[args["phase"]]
        yield _server("proxy-metrics", {}, labels.ADMIN_PORT, "HTTP/1", access)
        yield from _policies("proxy-metrics", "Server", POLICY_GROUP, {Grant(each) for each in scrapers})


def _server(name: str, selector: dict[str, Any], port: int | str, protocol: str, access: str) -> PlannedObject:
    spec = {"podSelector": selector, "port": port, "proxyProtocol": protocol, "accessPolicy": access}
    return PlannedObject(f"{POLICY_GROUP}/v1beta3", "Server", name, spec)


def _policies(name: str, kind: str, group: str, grants: Iterable[Grant]) -> Iterator[PlannedObject]:
    """One policy for all callers that are judged by identity alone, and one for each set of networks."""
    ordered = sorted(grants)
    callers = [each.caller for each in ordered if not each.networks]
    if callers:
        yield _identities(name, callers)
        yield _policy(name, name, kind, group, ["MeshTLSAuthentication"], name)
    for each in ordered:
        if each.networks:
            inner = f"{name}-from-{_digest([each])}"
            kinds = ["NetworkAuthentication"]
            spec = {"networks": [{"cidr": cidr} for cidr in each.networks]}
            yield PlannedObject(f"{POLICY_GROUP}/v1alpha1", "NetworkAuthentication", inner, spec)
            if each.caller:
                kinds.append("MeshTLSAuthentication")
                yield _identities(inner, [each.caller])
            yield _policy(inner, name, kind, group, kinds, inner)


def _identities(name: str, callers: list[str]) -> PlannedObject:
    """By reference: the controller knows its trust domain, and writes the identities out."""
    refs = []
    for caller in callers:
        namespace, _, account = caller.partition("/")
        refs.append({"kind": "ServiceAccount", "name": account, "namespace": namespace})
    return PlannedObject(f"{POLICY_GROUP}/v1alpha1", "MeshTLSAuthentication", name, {"identityRefs": refs})


def _policy(
    name: str, target: str, kind: str, group: str, authentications: list[str], authentication: str
) -> PlannedObject:
    refs = [{"group": POLICY_GROUP, "kind": each, "name": authentication} for each in authentications]
    spec = {"targetRef": {"group": group, "kind": kind, "name": target}, "requiredAuthenticationRefs": refs}
    return PlannedObject(f"{POLICY_GROUP}/v1alpha1", "AuthorizationPolicy", name, spec)


def _grant(call: LinkerdCallArgs) -> Grant:
    return Grant(call.get("caller", ""), tuple(sorted(call.get("networks") or ())))


def _digest(grants: list[Grant]) -> str:
    """A short name for who is let in, which stays when others come and go."""
    return hashlib.sha256(repr([(each.caller, each.networks) for each in grants]).encode()).hexdigest()[:8]
