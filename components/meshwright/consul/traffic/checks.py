"""What Consul, or its webhook, would refuse of routers, splitters and resolvers, and what would do harm.

Sources: ``agent/structs/config_entry_discoverychain.go`` and ``agent/consul/discoverychain/compile.go`` of Consul.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any, Final, Literal

from meshwright.consul.service_defaults import DEFAULT_PROTOCOL, HTTP_LIKE, PROTOCOLS
from meshwright.consul.traffic.args import ConsulServiceTrafficArgs, MatchArgs, RouteArgs
from meshwright.consul.traffic.resolving import resolver_troubles
from meshwright.errors import Code
from meshwright.gateway_api import spelling
from meshwright.kubernetes.troubles import Path, Trouble

RETRY_CONDITIONS: Final = (
    "5xx",
    "gateway-error",
    "reset",
    "connect-failure",
    "envoy-ratelimited",
    "retriable-4xx",
    "refused-stream",
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
)
"""``isValidRetryCondition``."""
_NOT_SENT: Final = frozenset({"connect-failure", "refused-stream", "envoy-ratelimited"})
"""Conditions under which no application has worked on the request."""
_PATHS: Final = ("path", "path_prefix", "path_regex")
_REGEXES: Final[tuple[Literal["headers_regex", "query_regex"], ...]] = ("headers_regex", "query_regex")
_NAMED: Final[tuple[Literal["headers", "headers_regex", "query", "query_regex"], ...]] = ("headers", "query", *_REGEXES)


def traffic_troubles(args: ConsulServiceTrafficArgs) -> Iterator[Trouble]:
    """All of them; none for arguments of which entries may be made."""
    yield from _protocol(args)
    yield from _splits(args)
    routes = args.get("routes") or []
    for index, route in enumerate(routes):
        for trouble in _in_route(route):
            yield trouble._replace(at=("routes", index, *trouble.at))
        if not route.get("match") and index < len(routes) - 1:
            message = "takes every request, and the routes after it would get none"
            yield Trouble(Code.CONSUL_ROUTE, message, "put it last, or give it a match", ("routes", index))
    yield from resolver_troubles(args)
    for target, at in _named(args):
        yield from _known(target, at, args)


def _protocol(args: ConsulServiceTrafficArgs) -> Iterator[Trouble]:
    protocol = args.get("protocol", DEFAULT_PROTOCOL)
    if protocol not in PROTOCOLS:
        yield Trouble(Code.CONSUL_PROTOCOL, f'is "{protocol}"', f"one of: {', '.join(PROTOCOLS)}", ("protocol",))
        return
    for key in ("routes", "split"):
        if args.get(key) and protocol not in HTTP_LIKE:
            message = f"is for requests, and the protocol of {args['service']} is {protocol}"
            yield Trouble(Code.CONSUL_PROTOCOL, message, "set its protocol: http, http2 or grpc", (key,))


def _splits(args: ConsulServiceTrafficArgs) -> Iterator[Trouble]:
    split = args.get("split")
    if not split:
        return
    for index, each in enumerate(split):
        weight = each["weight"]
        if weight and not 0.01 <= weight <= 100:
            message = f"is {weight:g}"
            yield Trouble(Code.CONSUL_ROUTE, message, "write 0, or 0.01 to 100", ("split", index, "weight"))
    # Consul counts in hundredths of a per cent.
    whole = sum(round(each["weight"] * 100) for each in split)
    if whole != 100 * 100:
        message = f"has weights that sum to {whole / 100:g}"
        yield Trouble(Code.CONSUL_ROUTE, message, "let them sum to 100", ("split",))
    places = [(each.get("service", args["service"]), each.get("subset", "")) for each in split]
    for place, count in Counter(places).items():
        if count > 1:
            message = f"names {' '.join(filter(None, place))} twice"
            yield Trouble(Code.CONSUL_ROUTE, message, "add up the two weights", ("split",))


def _in_route(route: RouteArgs) -> Iterator[Trouble]:
    match = route.get("match") or {}
    for trouble in _in_match(match):
        yield trouble._replace(at=("match", *trouble.at))
    if route.get("prefix_rewrite") and not (match.get("path") or match.get("path_prefix")):
        message = "rewrites what match.path or match.path_prefix fits, and there is neither"
        yield Trouble(Code.CONSUL_ROUTE, message, "add one of them", ("prefix_rewrite",))
    retries = route.get("retries")
    if retries is not None:
        conditions, statuses = retries.get("on") or [], retries.get("statuses") or []
        for index, condition in enumerate(conditions):
            if condition not in RETRY_CONDITIONS:
                remedy = f"one of: {', '.join(RETRY_CONDITIONS)}"
                message = f'is "{condition}", which Consul does not know'
                yield Trouble(Code.CONSUL_ROUTE, message, remedy, ("retries", "on", index))
        if not conditions and not statuses:
            message, remedy = "says not when: nothing would be sent again", "add on, or statuses"
            yield Trouble(Code.CONSUL_ROUTE, message, remedy, ("retries",))
        methods = set(match.get("methods") or [])
        safe = bool(methods) and methods <= spelling.IDEMPOTENT_METHODS
        sent = statuses or not set(conditions) <= _NOT_SENT
        if sent and not safe and not retries.get("idempotent"):
            message = "sends requests again that the application may have worked on, whatever their method"
            remedy = "match methods such as GET and PUT, or say idempotent: true if all of them may be sent twice"
            yield Trouble(Code.CONSUL_ROUTE, message, remedy, ("retries",))


def _in_match(match: MatchArgs) -> Iterator[Trouble]:
    paths = [key for key in _PATHS if key in match]
    if len(paths) > 1:
        yield Trouble(Code.CONSUL_ROUTE, f"stands beside {paths[0]}", "keep one of the two", (paths[1],))
    for key in ("path", "path_prefix"):
        if key in match and not spelling.is_path(match[key]):
            message = f'is "{match[key]}"'
            yield Trouble(Code.CONSUL_ROUTE, message, "begin it with /, without //, /./, /../, %2F, ? or #", (key,))
    for at, regex in _regexes(match):
        if not spelling.is_regex(regex):
            message, remedy = f'is "{regex}", which RE2 does not take', "leave out lookaround and back-references"
            yield Trouble(Code.CONSUL_ROUTE, message, remedy, at)
    for key in _NAMED:
        for name in match.get(key) or ():
            if not re.fullmatch(spelling.HEADER, name, re.ASCII):
                yield Trouble(Code.CONSUL_ROUTE, f'has the name "{name}"', "use letters, digits and -", (key,))
    yield from _methods(match.get("methods") or [])


def _regexes(match: MatchArgs) -> Iterator[tuple[Path, str]]:
    if "path_regex" in match:
        yield ("path_regex",), match["path_regex"]
    for key in _REGEXES:
        for name, regex in (match.get(key) or {}).items():
            yield (key, name), regex


def _methods(methods: list[str]) -> Iterator[Trouble]:
    for index, method in enumerate(methods):
        if method not in spelling.METHODS or method in methods[:index]:
            message = f'is "{method}"' + (" again" if method in methods[:index] else ", which is no method")
            yield Trouble(Code.CONSUL_ROUTE, message, "write each once, in capitals: GET", ("methods", index))


def _named(args: ConsulServiceTrafficArgs) -> Iterator[tuple[Any, Path]]:
    """What is named in this datacenter, and where."""
    for index, route in enumerate(args.get("routes") or ()):
        yield route, ("routes", index)
    for index, share in enumerate(args.get("split") or ()):
        yield share, ("split", index)
    if redirect := args.get("redirect"):
        yield redirect, ("redirect",)
    for subset, failover in (args.get("failover") or {}).items():
        yield failover, ("failover", subset)
        for index, target in enumerate(failover.get("targets") or ()):
            yield target, ("failover", subset, "targets", index)


def _known(target: Any, at: Path, args: ConsulServiceTrafficArgs) -> Iterator[Trouble]:
    """A service that there is, of the same protocol, with such a subset: Consul refuses a chain without."""
    if target.get("peer") or target.get("datacenter"):
        return
    name, known = target.get("service") or args["service"], args.get("services") or {}
    if name == args["service"]:
        subsets = list(args.get("subsets") or {})
    elif name in known:
        subsets = known[name].get("subsets") or []
        protocol, own = known[name].get("protocol", DEFAULT_PROTOCOL), args.get("protocol", DEFAULT_PROTOCOL)
        if protocol != own:
            message = (
                f"is {name}, whose protocol is {protocol}, and {args['service']}'s is {own}: Consul refuses to mix"
            )
            yield Trouble(Code.CONSUL_PROTOCOL, message, "give both the same protocol", (*at, "service"))
    else:
        near = get_close_matches(name, known, n=1)
        message = f'is "{name}", and no service of that name is listed'
        remedy = f"did you mean {near[0]}?" if near else "list it among the services of its namespace"
        yield Trouble(Code.CONSUL_UNKNOWN_SERVICE, message, remedy, (*at, "service"))
        return
    if (subset := target.get("subset")) and subset not in subsets:
        message = f'is "{subset}", and {name} has no such subset'
        remedy = f"one of: {', '.join(subsets)}" if subsets else f"add it to the subsets of {name}"
        yield Trouble(Code.CONSUL_RESOLVER, message, remedy, (*at, "subset"))


def circles(services: Sequence[ConsulServiceTrafficArgs]) -> Iterator[tuple[str, ...]]:
    """Services whose splitters or redirects lead back to themselves, each circle once, from its first service on."""
    leads = {each["service"]: sorted(_whole(each)) for each in services}
    for start in sorted(leads):
        paths: list[tuple[str, ...]] = [(start,)]
        while paths:
            path = paths.pop()
            for following in leads.get(path[-1], []):
                if following == start:
                    yield (*path, start)
                elif following > start and following not in path:
                    paths.append((*path, following))


def _whole(args: ConsulServiceTrafficArgs) -> set[str]:
    """Other services whose own splitter or redirect takes over: Consul stops at a subset."""
    redirect = args.get("redirect")
    following = [each for each in args.get("split") or () if not each.get("subset")]
    names = {each["service"] for each in following if "service" in each}
    if redirect and "service" in redirect and not (redirect.get("peer") or redirect.get("datacenter")):
        names.add(redirect["service"])
    return names - {args["service"]}
