"""What traffic rules can't be: asked of the config with file and line, and of a component before it registers anything.

A `Trouble` goes on after the key path of a value, as the config's mistakes do: ``retries.on[0]`` ``is "500-400"``.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from meshwright.errors import Code
from meshwright.gateway_api.arguments import Match
from meshwright.gateway_api.spelling import IDEMPOTENT_METHODS
from meshwright.kubernetes.troubles import Path, Trouble
from meshwright.linkerd.traffic.annotations import GRPC_CONDITIONS, milliseconds
from meshwright.linkerd.traffic.arguments import CircuitBreaker, LinkerdTrafficArgs, Retries, Route, Timeouts
from meshwright.linkerd.traffic.precedence import misplaced
from meshwright.linkerd.traffic.routes import groups, matched, route_objects
from meshwright.linkerd.traffic.since import not_yet

_ISTIO: Final = "Istio ambient has it, at a waypoint (kind: istio-ambient)"
REFUSED: Final[Mapping[str, tuple[str, str]]] = {
    **dict.fromkeys(
        ("fault", "faults", "fault_injection"),
        (
            "asks for delays or errors on purpose, which Linkerd has not",
            f"send a share of the requests to a Service that fails (to:, with weights); {_ISTIO}",
        ),
    ),
    **dict.fromkeys(
        ("mirror", "mirroring", "request_mirror"),
        ("asks for copies of requests: Linkerd drops a route with RequestMirror whole", f"leave it out; {_ISTIO}"),
    ),
    **dict.fromkeys(
        ("ext_authz", "external_authorization"),
        (
            "asks for an external authorizer, which Linkerd has not",
            "authorize by identity (phase: authenticated or deny), or in the application; " + _ISTIO,
        ),
    ),
    **dict.fromkeys(
        ("jwt", "request_authentication"),
        ("asks for tokens of users, which Linkerd doesn't check", f"check them at the ingress gateway; {_ISTIO}"),
    ),
    **dict.fromkeys(
        ("rewrite", "url_rewrite"),
        ("asks for another path: Linkerd drops a route with URLRewrite whole", f"serve both paths; {_ISTIO}"),
    ),
    "connection_pool": (
        "asks for limits on connections, which Linkerd has not",
        f"limit requests at the server (rate_limits); {_ISTIO}",
    ),
    **dict.fromkeys(
        ("session_affinity", "consistent_hash", "load_balancer"),
        (
            "asks for another balancer: Linkerd balances by latency (EWMA) and has no sessions",
            "keep sessions where every pod finds them; Istio with sidecars hashes (consistentHash)",
        ),
    ),
    **dict.fromkeys(
        ("retry_budget", "backoff"),
        ("asks for what only a ServiceProfile or another mesh has", "bound retries by limit and timeout"),
    ),
}
"""Keys that people look for here -> why there is no such thing, and what there is."""
_FREE: Final = frozenset({"headers", "headers_regex", "query", "query_regex"})


def not_in_linkerd(value: object, at: Path = ()) -> Iterator[Trouble]:
    """Keys of `REFUSED`, at any depth."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key in REFUSED:
                yield Trouble(Code.NOT_IN_LINKERD, *REFUSED[key], at=(*at, key))
            elif key not in _FREE:
                yield from not_in_linkerd(item, (*at, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from not_in_linkerd(item, (*at, index))


def contradictions(args: LinkerdTrafficArgs) -> Iterator[Trouble]:
    """What can't work although each value is right in itself."""
    keys = [key for key in ("routes", "retries", "timeouts", "circuit_breaker") if args.get(key)]
    keys += ["load_bias"] if "load_bias" in args else []
    if not keys:
        yield Trouble(Code.LINKERD_ROUTE, "says nothing about the service's traffic", "add routes, or remove it")
    if args.get("service_profile") and keys:
        message = f"asks for {' and '.join(keys)}, and the service has a ServiceProfile: Linkerd ignores all of it then"
        remedy = "delete the ServiceProfile once its routes are written anew, or keep it alone"
        yield Trouble(Code.SERVICE_PROFILE, message, remedy)
    if version := args.get("linkerd_version"):
        yield from not_yet(args, version)
    grpc = args.get("protocol") == "grpc"
    yield from _of_requests(args, (), args, [], grpc=grpc)
    for index, route in enumerate(args.get("routes") or []):
        for trouble in _in_route(route, args, grpc=grpc):
            yield trouble._replace(at=("routes", index, *trouble.at))
    yield from _order(args, grpc=grpc)
    if breaker := args.get("circuit_breaker"):
        for trouble in _in_breaker(breaker):
            yield trouble._replace(at=("circuit_breaker", *trouble.at))


def claims(args: LinkerdTrafficArgs) -> Iterator[tuple[str, str]]:
    """What only one set of rules of a namespace can have: what it is, and its name.

    A Service is annotated for all of its ports at once, and an object's name is its service's, with a number.
    """
    yield "sets the traffic of", args["service"]
    kind = "GRPCRoute" if args.get("protocol") == "grpc" else "HTTPRoute"
    for each in route_objects(args):
        yield f"makes the {kind}", each.name


def _in_route(route: Route, args: LinkerdTrafficArgs, *, grpc: bool) -> Iterator[Trouble]:
    for index, match in enumerate(route.get("match") or []):
        for trouble in _in_match(match, grpc=grpc):
            yield trouble._replace(at=("match", index, *trouble.at))
    backends = route.get("to") or []
    if backends and sum(int(each.get("weight", 1)) for each in backends) == 0:
        message = "has weights that sum to 0: every request would fail"
        yield Trouble(Code.LINKERD_ROUTE, message, "give one of them a weight", ("to",))
    for (service, _), count in Counter((each["service"], each.get("port")) for each in backends).items():
        if count > 1:
            yield Trouble(Code.LINKERD_ROUTE, f"names {service} twice", "add up the two weights", ("to",))
    methods = [set(each.get("methods") or [""]) for each in route.get("match") or [{}]]
    yield from _of_requests(route, (), args, methods, grpc=grpc)


def _in_match(match: Match, *, grpc: bool) -> Iterator[Trouble]:
    paths = [key for key in ("path", "path_prefix", "path_regex") if key in match]
    of_http = [*paths, *(key for key in ("methods", "query", "query_regex") if key in match)]
    of_grpc = [key for key in ("grpc_service", "grpc_method") if key in match]
    if grpc and of_http:
        message, remedy = "is for HTTP, and the protocol is grpc", "match grpc_service, grpc_method or headers"
        yield Trouble(Code.LINKERD_ROUTE, message, remedy, (of_http[0],))
    if not grpc and of_grpc:
        message, remedy = "is for gRPC, and the protocol is http", "set protocol: grpc, or match path or methods"
        yield Trouble(Code.LINKERD_ROUTE, message, remedy, (of_grpc[0],))
    if len(paths) > 1:
        yield Trouble(Code.LINKERD_ROUTE, f"stands beside {paths[0]}", "keep one of the two", (paths[1],))
    if not match:
        yield Trouble(Code.LINKERD_ROUTE, "is empty, and so fits every request", "remove match, or say what must fit")


def _of_requests(
    said: Route | LinkerdTrafficArgs, at: Path, args: LinkerdTrafficArgs, methods: list[set[str]], *, grpc: bool
) -> Iterator[Trouble]:
    """Retries and timeouts of a route or of the service; a route's own replace the service's whole."""
    retries = said.get("retries")
    timeouts = said.get("timeouts") or args.get("timeouts") or {}
    yield from _in_timeouts(timeouts if said.get("timeouts") else {}, (*at, "timeouts"))
    if not retries:
        return
    place = (*at, "retries")
    for index, condition in enumerate(retries["on"]):
        if (condition in GRPC_CONDITIONS) != grpc:
            spoken = "gRPC" if grpc else "HTTP"
            message = f'is "{condition}", which no response of {spoken} is'
            yield Trouble(Code.LINKERD_RETRIES, message, _conditions(grpc=grpc), (*place, "on", index))
    if not retries["on"]:
        message, remedy = "is empty: nothing would be retried that is told here", _conditions(grpc=grpc)
        yield Trouble(Code.LINKERD_RETRIES, message, remedy, (*place, "on"))
    yield from _unsafe(retries, methods, place)
    if timeout := retries.get("timeout"):
        for key in ("request", "response"):
            whole = timeouts.get(key)
            if isinstance(whole, str) and milliseconds(timeout) >= milliseconds(whole):
                message = f"is {timeout}, no shorter than timeouts.{key} ({whole}), after which nothing is retried"
                yield Trouble(Code.LINKERD_RETRIES, message, "make it shorter", (*place, "timeout"))


def _conditions(*, grpc: bool) -> str:
    return f"one of: {', '.join(GRPC_CONDITIONS)}" if grpc else "one of: 5xx, gateway-error, 503, 500-504"


def _unsafe(retries: Retries, methods: list[set[str]], at: Path) -> Iterator[Trouble]:
    safe = bool(methods) and all(each <= IDEMPOTENT_METHODS for each in methods)
    if not safe and not retries.get("idempotent"):
        message = "sends requests again that the application may have worked on, whatever their method"
        remedy = "match methods such as GET and PUT, or say idempotent: true if all of them may be sent twice"
        yield Trouble(Code.LINKERD_RETRIES, message, remedy, at)


def _in_timeouts(timeouts: Timeouts, at: Path) -> Iterator[Trouble]:
    request = timeouts.get("request")
    for key in ("response", "idle"):
        other = timeouts.get(key)
        if request and isinstance(other, str) and milliseconds(other) > milliseconds(request):
            message = f"is {other}, longer than request ({request}), and so never reached"
            yield Trouble(Code.LINKERD_RETRIES, message, f"shorten it, or remove {key}", (*at, key))


def _order(args: LinkerdTrafficArgs, *, grpc: bool) -> Iterator[Trouble]:
    rules = matched(args)
    count = len(args.get("routes") or [])
    for earlier, later in misplaced(rules, groups(args), grpc=grpc):
        other = f"routes[{later}]" if later < count else "the service itself, which takes what fits no route"
        message = f"shares requests with {other}, which Linkerd may prefer: it goes by the length of the path, then "
        message += "headers, query and method, and among equals in two objects by their age"
        remedy = "make its match the longer or narrower one, or give both the same retries and timeouts"
        yield Trouble(Code.LINKERD_ROUTE, message, remedy, ("routes", earlier))


_UNIFIED: Final = ("success_rate", "window", "min_requests", "honor_retry_after")


def _in_breaker(breaker: CircuitBreaker) -> Iterator[Trouble]:
    unified = breaker["mode"] == "unified"
    for key in _UNIFIED:
        if key in breaker and not unified:
            yield Trouble(Code.CIRCUIT_BREAKER, "has no effect with mode: consecutive", "set mode: unified", (key,))
    if int(breaker.get("max_failures", 7)) == 0 and (not unified or breaker.get("success_rate") == 0):
        message, remedy = "is 0: no breaker would run", "write 1 or more, or use success_rate (mode: unified)"
        yield Trouble(Code.CIRCUIT_BREAKER, message, remedy, ("max_failures",))
    least, most = breaker.get("min_penalty", "1s"), breaker.get("max_penalty", "1m")
    if milliseconds(least) > milliseconds(most):
        message = f"is {least}, longer than max_penalty ({most}): Linkerd would drop the whole breaker"
        yield Trouble(Code.CIRCUIT_BREAKER, message, "make it shorter", ("min_penalty",))
    window = breaker.get("window", "10s")
    if unified and milliseconds(window) < 1000:
        message = f"is {window}: it is cut into ten buckets, in which single failures trip the breaker"
        yield Trouble(Code.CIRCUIT_BREAKER, message, "write 1s or more", ("window",))
