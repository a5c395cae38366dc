"""What traffic rules can't be: asked of the config with file and line, and of a component before it starts."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from meshwright.errors import Code
from meshwright.gateway_api.arguments import Match
from meshwright.gateway_api.spelling import IDEMPOTENT_METHODS, milliseconds
from meshwright.istio.traffic.arguments import Mirror, Retries, Route, TrafficPolicyArgs
from meshwright.istio.traffic.precedence import misplaced
from meshwright.istio.traffic.rules import Rule, api_of, destinations, rules_of
from meshwright.istio.traffic.spelling import SAFE_RETRY_ON
from meshwright.kubernetes.troubles import Path, Trouble

_LIMIT = (
    "asks for what no API does at a waypoint: Istio limits rates by EnvoyFilter alone, which a waypoint ignores",
    "limit at the ingress gateway or in the application; connection_pool bounds what is under way at a time",
)
_ENVOY = (
    "asks for an EnvoyFilter, which a waypoint ignores without a word",
    "say what it is for in the policy's own keys",
)
_SUBSETS = (
    "asks for a subset, which HTTPRoute does not know",
    "make one Service for each version (versions:), and name that in to:",
)
REFUSED: Final[Mapping[str, tuple[str, str]]] = {
    **dict.fromkeys(("rate_limit", "rate_limits", "local_rate_limit", "global_rate_limit"), _LIMIT),
    **dict.fromkeys(("envoy_filter", "envoy_filters"), _ENVOY),
    **dict.fromkeys(("subset", "subsets"), _SUBSETS),
    **dict.fromkeys(
        ("source_labels", "source_namespace"),
        (
            "asks for the caller's labels or namespace, by which routes at a waypoint can't match",
            "match a header that callers send",
        ),
    ),
}
"""Keys that people look for here -> why there is no such thing, and what there is."""


def not_at_a_waypoint(value: object, at: Path = ()) -> Iterator[Trouble]:
    """Keys of `REFUSED`, at any depth."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key in REFUSED:
                yield Trouble(Code.NOT_AT_A_WAYPOINT, *REFUSED[key], at=(*at, key))
            elif key not in _FREE:
                yield from not_at_a_waypoint(item, (*at, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from not_at_a_waypoint(item, (*at, index))


_FREE: Final = frozenset({"headers", "headers_regex", "query", "query_regex", "selector"})
"""Keys whose mappings have names of the user's."""


def needs_waypoint(args: TrafficPolicyArgs) -> bool:
    """Whether ztunnel alone can't do it."""
    return bool(rules_of(args) or args.get("connection_pool") or args.get("outlier_detection"))


def without_waypoint(asked: str) -> Trouble:
    """L7 is asked for, and there is no waypoint that takes a service's traffic."""
    return Trouble(
        Code.NO_WAYPOINT_FOR_TRAFFIC,
        f"asks for {asked}, and no waypoint takes the service's traffic: ztunnel would ignore it without a word",
        "give the namespace a waypoint with for: service (or all)",
    )


def claims(args: TrafficPolicyArgs) -> Iterator[tuple[str, str]]:
    """What is the policy's alone, as a word and a Service: two policies with the same would undo each other."""
    yield "rules", args["service"]
    for version in args.get("versions") or []:
        yield "pods", version["service"]
    if args.get("connection_pool") or args.get("outlier_detection"):
        for service in destinations(args):
            yield "limits", service
    if args.get("traffic_distribution"):
        for service in destinations(args):
            yield "traffic distribution", service


def contradictions(args: TrafficPolicyArgs) -> Iterator[Trouble]:
    """What can't work although each value is right in itself."""
    if not needs_waypoint(args) and not args.get("traffic_distribution") and not args.get("versions"):
        yield Trouble(Code.EMPTY_TRAFFIC_RULE, "says nothing about the service's traffic", "add routes, or remove it")
    grpc = args.get("protocol") == "grpc"
    yield from _policy_wide(args)
    for index, route in enumerate(args.get("routes") or []):
        for trouble in _in_route(route, args, grpc=grpc):
            yield trouble._replace(at=("routes", index, *trouble.at))
    yield from _unsafe_retries(args)
    yield from _order(args)
    if api_of(args) != "VirtualService":
        yield from _limits(rules_of(args))


def _policy_wide(args: TrafficPolicyArgs) -> Iterator[Trouble]:
    if retries := args.get("retries"):
        yield from _in_retries(retries, args.get("timeout"), ("retries",))
    for key in ("connection_pool", "outlier_detection"):
        if key in args and not args[key]:
            yield Trouble(Code.EMPTY_TRAFFIC_RULE, "is empty", f"say what it limits, or remove {key}", (key,))
    made = Counter(each["service"] for each in args.get("versions") or [])
    for index, version in enumerate(args.get("versions") or []):
        name = version["service"]
        if name == args["service"] or made[name] > 1:
            twice = "the service that the rules are for" if name == args["service"] else "made twice"
            message, remedy = f'is "{name}", which is {twice}', f"name it {args['service']}-v1, -v2"
            yield Trouble(Code.ROUTE_TARGET, message, remedy, ("versions", index, "service"))
        if name[:1].isdigit():
            message, remedy = f'is "{name}", and a Service\'s name begins with a letter', "name it v2-reviews, say"
            yield Trouble(Code.ROUTE_TARGET, message, remedy, ("versions", index, "service"))


def _in_route(route: Route, args: TrafficPolicyArgs, *, grpc: bool) -> Iterator[Trouble]:
    for index, match in enumerate(route.get("match") or []):
        for trouble in _in_match(match, grpc=grpc):
            yield trouble._replace(at=("match", index, *trouble.at))
    backends = route.get("to") or []
    if backends and sum(int(each.get("weight", 1)) for each in backends) == 0:
        message = "has weights that sum to 0: every request would be answered with 500"
        yield Trouble(Code.ROUTE_TARGET, message, "give one of them a weight", ("to",))
    for name, count in Counter((each["service"], each.get("port")) for each in backends).items():
        if count > 1:
            yield Trouble(Code.ROUTE_TARGET, f"names {name[0]} twice", "add up the two weights", ("to",))
    if mirror := route.get("mirror"):
        yield from _in_mirror(mirror, route, args)
    if retries := route.get("retries"):
        yield from _in_retries(retries, route.get("timeout") or args.get("timeout"), ("retries",))
    elif (retries := args.get("retries")) and route.get("timeout"):
        yield from _too_short(retries, route.get("timeout"), ("timeout",))
    if "fault" in route:
        yield from _in_fault(route, grpc=grpc)


def _in_match(match: Match, *, grpc: bool) -> Iterator[Trouble]:
    paths = [key for key in ("path", "path_prefix", "path_regex") if key in match]
    of_http = [*paths, *(key for key in ("methods", "query", "query_regex") if key in match)]
    of_grpc = [key for key in ("grpc_service", "grpc_method") if key in match]
    if grpc and of_http:
        message, remedy = "is for HTTP, and the policy's protocol is grpc", "match grpc_service, grpc_method or headers"
        yield Trouble(Code.ROUTE_MATCH, message, remedy, (of_http[0],))
    if not grpc and of_grpc:
        message, remedy = (
            "is for gRPC, and the policy's protocol is http",
            "set protocol: grpc, or match path or methods",
        )
        yield Trouble(Code.ROUTE_MATCH, message, remedy, (of_grpc[0],))
    if len(paths) > 1:
        yield Trouble(Code.ROUTE_MATCH, f"stands beside {paths[0]}", "keep one of the two", (paths[1],))
    if not match:
        yield Trouble(Code.ROUTE_MATCH, "is empty, and so fits every request", "remove match, or say what must fit")
    headers = [name.lower() for name in (*match.get("headers", ()), *match.get("headers_regex", ()))]
    queries = [*match.get("query", ()), *match.get("query_regex", ())]
    for names, key in ((headers, "headers"), (queries, "query")):
        for name in (name for name, count in Counter(names).items() if count > 1):
            yield Trouble(Code.ROUTE_MATCH, f'has "{name}" twice', f"keep it once in {key} and {key}_regex", (key,))


def _in_mirror(mirror: Mirror, route: Route, args: TrafficPolicyArgs) -> Iterator[Trouble]:
    backends = [each["service"] for each in route.get("to") or []]
    if mirror["service"] == args["service"] or mirror["service"] in backends:
        message = f'is "{mirror["service"]}", which has the request already: it would be handled twice'
        yield Trouble(Code.ROUTE_TARGET, message, "mirror to another Service", ("mirror", "service"))


def _in_retries(retries: Retries, timeout: str | None, at: Path) -> Iterator[Trouble]:
    others = [key for key in ("retry_on", "per_try_timeout", "backoff", "idempotent") if key in retries]
    if int(retries["attempts"]) == 0 and others:
        message = f"is 0, which turns retries off, and {others[0]} says how to retry"
        yield Trouble(Code.EMPTY_TRAFFIC_RULE, message, f"remove {others[0]}, or allow attempts", (*at, "attempts"))
    yield from _too_short(retries, timeout, (*at, "per_try_timeout"))


def _too_short(retries: Retries, timeout: str | None, at: Path) -> Iterator[Trouble]:
    per_try = retries.get("per_try_timeout")
    if per_try and timeout and milliseconds(timeout) < milliseconds(per_try):
        message = f"makes one try ({per_try}) longer than the whole request may take ({timeout})"
        yield Trouble(Code.TIMEOUTS, message, "raise timeout, or lower per_try_timeout", at)


def _in_fault(route: Route, *, grpc: bool) -> Iterator[Trouble]:
    fault = route["fault"]
    if not fault.get("delay") and not fault.get("abort"):
        yield Trouble(Code.EMPTY_TRAFFIC_RULE, "is empty", "add delay or abort, or remove fault", ("fault",))
    abort = fault.get("abort")
    if abort is None:
        return
    if ("status" in abort) == ("grpc_status" in abort):
        message = "has an HTTP and a gRPC status" if "status" in abort else "says no status"
        yield Trouble(Code.EMPTY_TRAFFIC_RULE, message, "give status or grpc_status", ("fault", "abort"))
    elif "grpc_status" in abort and not grpc:
        message, remedy = "is for gRPC, and the policy's protocol is http", "give status, or set protocol: grpc"
        yield Trouble(Code.ROUTE_MATCH, message, remedy, ("fault", "abort", "grpc_status"))


def _unsafe_retries(args: TrafficPolicyArgs) -> Iterator[Trouble]:
    """Retries that may run a request twice, where nobody has said that it may be."""
    routes, found = args.get("routes") or [], dict[Path, str]()
    for index, rule in enumerate(rules_of(args)):
        own = index < len(routes) and bool(routes[index].get("retries"))
        retries = rule.retries or Retries(attempts=0)
        unsafe = [each for each in retries.get("retry_on") or [] if each not in SAFE_RETRY_ON]
        if unsafe and not retries.get("idempotent") and not _is_idempotent(rule):
            found.setdefault(("routes", index, "retries", "retry_on") if own else ("retries", "retry_on"), unsafe[0])
    for at, condition in found.items():
        message = f'names "{condition}", after which the application may have done what was asked: it would do it again'
        remedy = (
            f"keep to {', '.join(SAFE_RETRY_ON)}, match methods that may be repeated (GET, PUT, ...), "
            "or say idempotent: true"
        )
        yield Trouble(Code.UNSAFE_RETRY, message, remedy, at)


def _is_idempotent(rule: Rule) -> bool:
    return all(each.method in IDEMPOTENT_METHODS for each in rule.conditions)


def _order(args: TrafficPolicyArgs) -> Iterator[Trouble]:
    rules, api = rules_of(args), api_of(args)
    for index, rule in enumerate(rules[:-1]):
        if any(each.takes_all for each in rule.conditions):
            message = "takes every request, so that no route after it is ever reached"
            yield Trouble(Code.ROUTE_ORDER, message, "write it last", ("routes", index))
            return
    if api == "VirtualService":
        return
    for earlier, later in misplaced(rules, grpc=args.get("protocol") == "grpc"):
        message = (
            f"shares requests with routes[{later}], which {api} tries first: "
            "it goes by path, then method, then number of headers, not by order"
        )
        yield Trouble(
            Code.ROUTE_ORDER, message, f"write routes[{later}] first, or repeat its path here", ("routes", earlier)
        )


def _limits(rules: tuple[Rule, ...]) -> Iterator[Trouble]:
    """How much a route of the Gateway API holds: ``maxItems`` and the rules in its CRDs, bundle 1.6.1."""
    counts = [len(rule.conditions) for rule in rules]
    conditions = [each for rule in rules for each in rule.conditions]
    for what, found, most in (
        ("rules, with the one for the rest", len(rules), 16),
        ("matches of one rule, each method counted", max(counts, default=0), 64),
        ("matches in all, each method counted", sum(counts), 128),
        ("backends of one rule", max((len(rule.to) for rule in rules), default=0), 16),
        ("headers of one match", max((len(each.headers) for each in conditions), default=0), 16),
        ("query parameters of one match", max((len(each.query) for each in conditions), default=0), 16),
    ):
        if found > most:
            message = f"has {found} {what}, and a route of the Gateway API holds {most}"
            yield Trouble(
                Code.ROUTE_MATCH, message, "write fewer: path_prefix and headers_regex fit many at once", ("routes",)
            )
