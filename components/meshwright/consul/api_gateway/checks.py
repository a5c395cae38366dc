"""What Consul's gateway controller would refuse, drop without a word, or serve in another way than it is written.

Sources: consul-k8s 2.0.3, ``control-plane/api-gateway`` (``binding/validation.go``, ``common/translation.go`` and
``gatekeeper``); Consul 2.0.3, ``agent/structs/config_entry_routes.go`` and ``agent/consul/gateways``.
"""

import re
from collections import Counter
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, Final

from meshwright.consul.api_gateway.args import ConsulApiGatewayArgs, ListenerArgs, RouteArgs, RuleArgs
from meshwright.consul.api_gateway.hosts import fits, listeners_of
from meshwright.consul.api_gateway.specs import conditions, home
from meshwright.consul.gateways import PRIVILEGED_PORTS
from meshwright.consul.labels import GROUP, TLS_VERSIONS
from meshwright.consul.service_defaults import DEFAULT_PROTOCOL
from meshwright.errors import Code
from meshwright.gateway_api import spelling
from meshwright.gateway_api.arguments import Match
from meshwright.kubernetes.troubles import Path, Trouble

PROTOCOLS: Final = ("http", "https")
OWN_PORTS: Final = {19000: "Envoy's administration", 20000: "proxies", 20200: "metrics", 21000: "health checks"}
FILTERS: Final = ("RequestHeaderModifier", "ResponseHeaderModifier", "URLRewrite", "ExtensionRef")
EXTENSIONS: Final = ("RouteRetryFilter", "RouteTimeoutFilter", "RouteAuthFilter", "RouteExtProc")
_LABEL: Final = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_HOST: Final = rf"{_LABEL}(\.{_LABEL})*"
_PATHS: Final = ("path", "path_prefix", "path_regex")
_MAX_RULES, _MAX_MATCHES = 16, 64


def gateway_troubles(args: ConsulApiGatewayArgs) -> Iterator[Trouble]:
    """All of them; none for arguments of which a gateway may be made."""
    if not re.fullmatch(_LABEL, args["gateway"]):
        remedy = "use lower-case letters, digits and '-'"
        yield Trouble(Code.CONSUL_LISTENER, f'is "{args["gateway"]}", which is no name', remedy, ("gateway",))
    if args["gateway"] in args["services"]:
        message = f'is "{args["gateway"]}", as a service is: its Service and its account would be taken over'
        yield Trouble(Code.CONSUL_IDENTITY, message, "give the gateway a name of its own", ("gateway",))
    yield from _listeners(args)
    yield from _certificates(args)
    routes = args.get("routes") or []
    for name, times in Counter(each["name"] for each in routes).items():
        if times > 1:
            yield Trouble(Code.DUPLICATE_NAME, f'has "{name}" {times} times', "name each route once", ("routes",))
    for index, route in enumerate(routes):
        for trouble in _in_route(route, args):
            yield trouble._replace(at=("routes", index, *trouble.at))
    yield from _clashes(args)


def _listeners(args: ConsulApiGatewayArgs) -> Iterator[Trouble]:
    listeners = args["listeners"]
    if not listeners:
        yield Trouble(Code.CONSUL_LISTENER, "is empty: nobody could call", "add a listener", ("listeners",))
    names: dict[str, int] = {}
    ports: dict[int, int] = {}
    for index, listener in enumerate(listeners):
        for trouble in _in_listener(listener):
            yield trouble._replace(at=("listeners", index, *trouble.at))
        if (first := names.setdefault(listener["name"], index)) != index:
            message = f'is "{listener["name"]}", as is listeners[{first}].name'
            yield Trouble(Code.DUPLICATE_NAME, message, "keep one of the two", ("listeners", index, "name"))
        port, at = int(listener["port"]), ("listeners", index, "port")
        in_pods = port + PRIVILEGED_PORTS if port < 1024 else port
        if (first := ports.setdefault(in_pods, index)) != index:
            message = f"is {port}, which pods listen to for listeners[{first}]: Consul has one listener a port"
            remedy = "write one listener, without a hostname, with all certificates; routes tell hosts apart"
            yield Trouble(Code.CONSUL_LISTENER, message, remedy, at)


def _in_listener(listener: ListenerArgs) -> Iterator[Trouble]:
    port, protocol = int(listener["port"]), listener.get("protocol", "https")
    if not re.fullmatch(_LABEL, listener["name"]):
        remedy = "use lower-case letters, digits and '-'"
        yield Trouble(Code.CONSUL_LISTENER, f'is "{listener["name"]}", which is no name', remedy, ("name",))
    if not 1 <= port <= 65535:
        yield Trouble(Code.CONSUL_LISTENER, f"is {port}", "write 1 to 65535", ("port",))
    elif port in OWN_PORTS:
        message = f"is {port}, which the gateway's pods have for {OWN_PORTS[port]}"
        yield Trouble(Code.CONSUL_LISTENER, message, "choose another", ("port",))
    if (hostname := listener.get("hostname")) and not re.fullmatch(rf"(\*\.)?{_HOST}", hostname):
        remedy = "write shop.example.com or *.example.com"
        yield Trouble(Code.CONSUL_LISTENER, f'is "{hostname}", which is no host', remedy, ("hostname",))
    if protocol not in PROTOCOLS:
        yield Trouble(Code.CONSUL_LISTENER, f'is "{protocol}"', f"one of: {', '.join(PROTOCOLS)}", ("protocol",))
    elif protocol == "https" and not listener.get("certificates"):
        message = "has no certificate, and Consul would serve https in plain text"
        yield Trouble(Code.CONSUL_LISTENER, message, "add certificates, or set protocol: http")
    elif protocol == "http" and (listener.get("certificates") or "tls_min_version" in listener):
        yield Trouble(Code.CONSUL_LISTENER, "is http, and speaks no TLS", "set protocol: https", ("protocol",))
    if (version := listener.get("tls_min_version", "1.2")) not in TLS_VERSIONS:
        remedy = f"one of: {', '.join(TLS_VERSIONS)}"
        yield Trouble(Code.CONSUL_LISTENER, f'is "{version}"', remedy, ("tls_min_version",))


def _certificates(args: ConsulApiGatewayArgs) -> Iterator[Trouble]:
    homes: dict[str, str] = {}
    for index, listener in enumerate(args["listeners"]):
        for place, certificate in enumerate(listener.get("certificates") or ()):
            at: Path = ("listeners", index, "certificates", place)
            name, namespace = certificate["secret"], certificate.get("namespace", home(args))
            if (name, namespace) == (args["gateway"], home(args)):
                message = f'is "{name}", the name of the Secret that Consul makes for the gateway'
                yield Trouble(Code.CONSUL_LISTENER, message, "give the certificate's Secret another", (*at, "secret"))
            if (other := homes.setdefault(name, namespace)) != namespace:
                message = f'is "{name}" in {namespace}, and another in {other}: Consul knows certificates by this name'
                yield Trouble(Code.CONSUL_LISTENER, message, "give one of the two another name", (*at, "secret"))


def _in_route(route: RouteArgs, args: ConsulApiGatewayArgs) -> Iterator[Trouble]:
    made = f"{args['gateway']}-{route['name']}"
    if not re.fullmatch(_LABEL, made) or made in args["services"]:
        message = f"makes the name {made}, which is " + ("a service's" if made in args["services"] else "none")
        yield Trouble(Code.CONSUL_GATEWAY_ROUTE, message, "choose another", ("name",))
    known = [each["name"] for each in args["listeners"]]
    for index, name in enumerate(route.get("listeners") or ()):
        if name not in known:
            remedy = f"one of: {', '.join(known)}"
            yield Trouble(Code.CONSUL_GATEWAY_ROUTE, f'is "{name}", and there is none', remedy, ("listeners", index))
    yield from _hosts(route, args)
    if not 1 <= len(route["rules"]) <= _MAX_RULES:
        message = f"has {len(route['rules'])} entries"
        yield Trouble(Code.CONSUL_GATEWAY_ROUTE, message, f"write 1 to {_MAX_RULES}, or two routes", ("rules",))
    for index, rule in enumerate(route["rules"]):
        for trouble in _in_rule(rule, args):
            yield trouble._replace(at=("rules", index, *trouble.at))


def _hosts(route: RouteArgs, args: ConsulApiGatewayArgs) -> Iterator[Trouble]:
    bound = list(listeners_of(route, args))
    for index, host in enumerate(route.get("hosts") or ()):
        if not re.fullmatch(_HOST, host):
            message = f'is "{host}", and Consul takes no wildcard in a route' if "*" in host else f'is "{host}"'
            remedy = "name the hosts; a listener's hostname may be a wildcard"
            yield Trouble(Code.CONSUL_GATEWAY_ROUTE, message, remedy, ("hosts", index))
        elif not any(fits(host, each.get("hostname", "")) for each in bound):
            message = f'is "{host}", which no listener of the route takes'
            remedy = "add a listener for it, or change a listener's hostname; * stands for one label"
            yield Trouble(Code.CONSUL_GATEWAY_ROUTE, message, remedy, ("hosts", index))


def _in_rule(rule: RuleArgs, args: ConsulApiGatewayArgs) -> Iterator[Trouble]:
    for index, match in enumerate(rule.get("match") or ()):
        for trouble in _in_match(match):
            yield trouble._replace(at=("match", index, *trouble.at))
    if (count := len(conditions(rule))) > _MAX_MATCHES:
        message = f"has {count} matches, a prefix counted twice and each method once"
        yield Trouble(Code.CONSUL_GATEWAY_ROUTE, message, f"write {_MAX_MATCHES} at most", ("match",))
    if not sum(int(each.get("weight", 1)) for each in rule["to"]):
        message = "leads nowhere: every request would fail"
        yield Trouble(Code.CONSUL_GATEWAY_ROUTE, message, "name a service, with a weight", ("to",))
    for index, backend in enumerate(rule["to"]):
        for trouble in _service(backend["service"], args):
            yield trouble._replace(at=("to", index, "service"))
    for index, given in enumerate(rule.get("filters") or ()):
        for trouble in _in_filter(given, rule):
            yield trouble._replace(at=("filters", index, *trouble.at))


def _service(name: str, args: ConsulApiGatewayArgs) -> Iterator[Trouble]:
    service = args["services"].get(name)
    if service is None:
        near = get_close_matches(name, args["services"], n=1)
        remedy = f"did you mean {near[0]}?" if near else "list it among the services of its namespace"
        message = f'is "{name}", and no namespace lists such a service'
        yield Trouble(Code.CONSUL_UNKNOWN_SERVICE, message, remedy)
        return
    protocol = service.get("protocol") or args.get("default_protocol") or DEFAULT_PROTOCOL
    if protocol != "http":
        message = f"is {name}, whose protocol is {protocol}: Consul's HTTP routes lead to services of the protocol http"
        yield Trouble(Code.CONSUL_PROTOCOL, message, f"set the protocol of {name}: http")


def _in_match(match: Match) -> Iterator[Trouble]:
    for key in ("grpc_service", "grpc_method"):
        if key in match:
            message = "is for gRPC, and Consul reads no GRPCRoute"
            yield Trouble(Code.CONSUL_GATEWAY_ROUTE, message, "remove it", (key,))
    paths = [key for key in _PATHS if key in match]
    if len(paths) > 1:
        yield Trouble(Code.CONSUL_GATEWAY_ROUTE, f"stands beside {paths[0]}", "keep one of the two", (paths[1],))
    for key in ("path", "path_prefix"):
        if key in match and not spelling.is_path(match[key]):  # type: ignore[literal-required]
            message = f'is "{match[key]}", which no request has once its path is normalised'  # type: ignore[literal-required]
            remedy = "begin it with /, without //, /./, /../ and %2F"
            yield Trouble(Code.CONSUL_GATEWAY_ROUTE, message, remedy, (key,))
    yield from _regexes(match)
    for index, method in enumerate(match.get("methods") or ()):
        if method not in spelling.METHODS:
            remedy = f"one of: {', '.join(spelling.METHODS)}"
            yield Trouble(Code.CONSUL_GATEWAY_ROUTE, f'is "{method}"', remedy, ("methods", index))


def _regexes(match: Match) -> Iterator[Trouble]:
    regexes: list[tuple[str, Path]] = [(match["path_regex"], ("path_regex",))] if "path_regex" in match else []
    for key in ("headers_regex", "query_regex"):
        regexes += [(regex, (key, name)) for name, regex in (match.get(key) or {}).items()]  # type: ignore[attr-defined]
    for regex, at in regexes:
        if not spelling.is_regex(regex):
            remedy = "leave out lookaround and back-references"
            yield Trouble(Code.CONSUL_GATEWAY_ROUTE, f'is "{regex}", which RE2 does not take', remedy, at)


def _in_filter(given: dict[str, Any], rule: RuleArgs) -> Iterator[Trouble]:
    kind = given.get("type")
    if kind not in FILTERS:
        message = f'is "{kind}", which Consul\'s gateway drops without a word'
        yield Trouble(Code.CONSUL_GATEWAY_ROUTE, message, f"one of: {', '.join(FILTERS)}", ("type",))
    elif kind == "ExtensionRef":
        reference = given.get("extensionRef") or {}
        if reference.get("group") != GROUP or reference.get("kind") not in EXTENSIONS:
            message = f"names a {reference.get('kind')}, which is no filter of Consul's"
            remedy = f"name one of {GROUP}: {', '.join(EXTENSIONS)}"
            yield Trouble(Code.CONSUL_GATEWAY_ROUTE, message, remedy, ("extensionRef",))
    elif kind == "URLRewrite":
        yield from _rewrite(given.get("urlRewrite") or {}, rule)


def _rewrite(rewrite: dict[str, Any], rule: RuleArgs) -> Iterator[Trouble]:
    path = rewrite.get("path") or {}
    if "hostname" in rewrite or path.get("type") != "ReplacePrefixMatch":
        message = "rewrites more than a prefix, which Consul's gateway drops without a word"
        remedy = "write urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /}}"
        yield Trouble(Code.CONSUL_GATEWAY_ROUTE, message, remedy, ("urlRewrite",))
        return
    matched, replacement = conditions(rule), str(path.get("replacePrefixMatch", ""))
    if len(matched) != 1 or matched[0].kind != "prefix":
        message = "replaces a prefix, and the rule matches no prefix, or more than one"
        yield Trouble(Code.CONSUL_GATEWAY_ROUTE, message, "write one match with one path_prefix", ("urlRewrite",))
    elif not replacement.endswith("/"):
        message = f'puts "{replacement}" for {matched[0].path}, and Consul would leave the slash out'
        at = ("urlRewrite", "path", "replacePrefixMatch")
        yield Trouble(Code.CONSUL_GATEWAY_ROUTE, message, "end it with /", at)


def _clashes(args: ConsulApiGatewayArgs) -> Iterator[Trouble]:
    """The same host and the same match at one listener: which rule is taken isn't said anywhere."""
    seen: dict[tuple[str, str, object], tuple[int, int]] = {}
    told = set()
    for index, route in enumerate(args.get("routes") or ()):
        for listener in listeners_of(route, args):
            for host in route.get("hosts") or [""]:
                for place, rule in enumerate(route["rules"]):
                    for condition in conditions(rule):
                        here = (index, place)
                        first = seen.setdefault((listener["name"], host, condition), here)
                        if first != here and here not in told:
                            told.add(here)
                            message = f"takes what routes[{first[0]}].rules[{first[1]}] takes: "
                            message += f"the same requests for {host or 'any host'}"
                            at = ("routes", index, "rules", place)
                            yield Trouble(Code.CONSUL_GATEWAY_ROUTE, message, "tell them apart, or make them one", at)
