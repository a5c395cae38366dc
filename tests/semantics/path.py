"""A request's way: from the caller's proxy, perhaps through a waypoint, to the proxy before the pods."""

from dataclasses import replace
from fractions import Fraction

from tests.semantics import envoy, mtls, routing, ztunnel
from tests.semantics.calls import End, Outcome, Peer, Pods, Request, Token
from tests.semantics.routing import Leg
from tests.semantics.world import AMBIENT, GATEWAY, OUTSIDE, SIDECAR, Object, World, attached, is_http, key

Ends = dict[End, Fraction]
DENIED = End(False, None, ())
_SERVICE_ADDRESS = "10.96.0.1"


def outcome(world: World, request: Request) -> Outcome:
    """What share of such requests ends where."""
    caller, mode = world.peer(request.caller), world.mode(request.caller)
    if mode == OUTSIDE:
        caller = replace(caller, principal="")
    found: Ends = {}
    if not request.service:
        leg = Leg(Fraction(1), Pods(request.namespace, request.pods), request.port, ())
        _arrive(world, request, caller, mode, leg, request.token, found)
        return found
    service = world.services[Pods(request.namespace, request.service)]
    waypoint = world.waypoint(service)
    # Sidecars never use waypoints (I serviceregistry/ambient; sail docs/common/coexistence.adoc).
    if waypoint and mode == AMBIENT:
        _through(world, request, caller, service, waypoint, found)
    elif waypoint and mode == GATEWAY and _takes_ingress(service):
        _from_gateway(world, request, caller, service, waypoint, found)
    else:
        _straight(world, request, caller, mode, service, found)
    return found


def _straight(world: World, request: Request, caller: Peer, mode: str, service: Object, found: Ends) -> None:
    """Without a waypoint: the caller's own proxy routes, if it has one."""
    http = request.http if is_http(service, request.port) else None
    if mode == SIDECAR and http is not None:
        legs = routing.by_sidecar(world, service, request.port, http, caller)
    elif mode == GATEWAY:
        legs = _by_gateway(world, request, service)
    else:
        legs = routing.plain(world, service, request.port)
    if mode == SIDECAR and _speaks_plain(world, service):
        caller = replace(caller, principal="")
    for leg in legs:
        _arrive(world, request, caller, mode, leg, request.token, found)


def _from_gateway(world: World, request: Request, caller: Peer, service: Object, waypoint: Pods, found: Ends) -> None:
    """A gateway routes, and then the waypoint does."""
    for leg in _by_gateway(world, request, service):
        if leg.pods is None:
            _add(found, End(True, None, leg.changes), leg.share)
            continue
        ends: Ends = {}
        _through(world, _rewritten(request, leg), caller, service, waypoint, ends)
        for end, share in ends.items():
            changes = tuple(sorted({*end.changes, *leg.changes})) if end.allowed else ()
            _add(found, end._replace(changes=changes), share * leg.share)


def _add(found: Ends, end: End, share: Fraction) -> None:
    found[end] = found.get(end, Fraction(0)) + share


def _by_gateway(world: World, request: Request, service: Object) -> list[Leg]:
    if request.http is None or not is_http(service, request.port):
        return routing.plain(world, service, request.port)
    return routing.by_gateway(world, service, request.port, request.http)


def _rewritten(request: Request, leg: Leg) -> Request:
    """The request as a gateway sends it on."""
    paths = [change.removeprefix("path ") for change in leg.changes if change.startswith("path ")]
    return replace(request, http=replace(request.http, path=paths[0])) if paths and request.http else request


def _takes_ingress(service: Object) -> bool:
    return (service["metadata"].get("labels") or {}).get("istio.io/ingress-use-waypoint") == "true"


def _speaks_plain(world: World, service: Object) -> bool:
    """A DestinationRule that turns the sidecars' mutual TLS off."""
    return any(
        routing.resolve(each["spec"]["host"], each["metadata"]["namespace"]) == key(service)
        and ((each["spec"].get("trafficPolicy") or {}).get("tls") or {}).get("mode") == "DISABLE"
        for each in world.of("DestinationRule")
    )


def _through(world: World, request: Request, caller: Peer, service: Object, waypoint: Pods, found: Ends) -> None:
    """I core/listener_waypoint.go: policies of the Service, with the caller's identity; then its routes, with the
    waypoint's own."""
    http = request.http if is_http(service, request.port) else None
    policies = attached(world.of("AuthorizationPolicy"), service, waypoint)
    tokens = attached(world.of("RequestAuthentication"), service, waypoint)
    seen = envoy.Seen(caller, request.port, _SERVICE_ADDRESS, http, request.token)
    allowed, asked = envoy.judge(policies, tokens, seen)
    if not allowed:
        _add(found, DENIED, Fraction(1))
        return
    plugins = attached(world.of("WasmPlugin"), service, waypoint) if http is not None else []
    on_its_way = (*asked, *(f"wasm {each['spec']['url']}" for each in plugins))
    token = request.token if envoy.passes_token_on(tokens) else None
    legs = (
        routing.by_waypoint(world, service, request.port, http)
        if http is not None
        else routing.plain(world, service, request.port)
    )
    peer = Peer(f"cluster.local/ns/{waypoint.namespace}/sa/{waypoint.name}", "10.0.9.9")
    for leg in legs:
        changed = leg._replace(changes=tuple(sorted({*leg.changes, *on_its_way})))
        _arrive(world, request, peer, AMBIENT, changed, token, found)


def _arrive(world: World, request: Request, peer: Peer, mode: str, leg: Leg, token: Token | None, found: Ends) -> None:
    """The proxy before the pods."""
    if leg.pods is None:
        _add(found, End(True, None, leg.changes), leg.share)
        return
    captured, changes, allowed = world.mode(leg.pods), leg.changes, True
    if captured == SIDECAR:
        allowed, more = _at_sidecar(world, request, peer, mode, leg, token)
        changes = tuple(sorted({*changes, *more}))
    elif captured == AMBIENT:
        strict = mtls.mode(world, leg.pods, leg.port) == "STRICT"
        policies = world.about("AuthorizationPolicy", leg.pods)
        address = world.peer(leg.pods).address
        allowed = not (strict and not peer.principal) and ztunnel.judge(policies, peer, leg.port, address)
    _add(found, End(True, leg.pods, changes) if allowed else DENIED, leg.share)


def _at_sidecar(
    world: World, request: Request, peer: Peer, mode: str, leg: Leg, token: Token | None
) -> tuple[bool, tuple[str, ...]]:
    assert leg.pods is not None
    tls = mtls.mode(world, leg.pods, leg.port)
    if tls == "DISABLE":
        if mode == AMBIENT:
            return False, ()  # ztunnel and waypoints speak mutual TLS to whatever is in the mesh
        peer = replace(peer, principal="")
    if tls == "STRICT" and not peer.principal:
        return False, ()
    served = [
        is_http(each, port["port"])
        for each in world.services.values()
        if leg.pods in world.behind(each)
        for port in each["spec"]["ports"]
        if world.target_port(each, port["port"]) == leg.port
    ]
    http = request.http if all(served) else None  # a port that no Service has is found out by its first bytes
    seen = envoy.Seen(peer, leg.port, world.peer(leg.pods).address, http, token)
    policies = world.about("AuthorizationPolicy", leg.pods)
    tokens = world.about("RequestAuthentication", leg.pods)
    plugins = world.about("WasmPlugin", leg.pods) if http is not None else []
    allowed, asked = envoy.judge(policies, tokens, seen)
    return allowed, (*asked, *(f"wasm {each['spec']['url']}" for each in plugins))
