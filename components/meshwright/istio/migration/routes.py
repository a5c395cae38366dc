"""A VirtualService as an HTTPRoute at the Service, with a Service for each version.

An HTTPRoute whose parent is a Service is followed by sidecars and by the Service's waypoint alike, so it can take the
VirtualService's place before anything moves. It stands in the Service's namespace: elsewhere it would hold for callers
of that namespace alone, and a waypoint wouldn't read it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from meshwright.istio.migration.matches import CannotSayError, keeps_order, match
from meshwright.istio.migration.needs import MESH, parents, routed
from meshwright.istio.migration.objects import Manifest, identity, listed, mapped, new, with_spec
from meshwright.istio.migration.report import L7, Difference, Topic, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from meshwright.istio.migration.authorization import Context
    from meshwright.istio.migration.objects import Body
    from meshwright.istio.migration.setup import Service

_SAID: Final = frozenset({"name", "match", "route", "redirect", "rewrite", "timeout", "headers", "mirror"})
_MOST_RULES: Final = 16
_MOST_MATCHES: Final = 64
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_MIXED: Final = "it stays a VirtualService, which waypoints follow as alpha; don't add an HTTPRoute for the same host"


def translate(virtual_services: Sequence[Manifest], context: Context) -> None:
    """Translate all VirtualServices."""
    hosts: dict[tuple[str, str], list[Manifest]] = {}
    for each in virtual_services:
        for service in routed(context.setup, each):
            hosts.setdefault(service.key, []).append(each)
    for each in context.setup.of("HTTPRoute", "GRPCRoute"):
        for service in parents(context.setup, each):
            hosts.setdefault(service.key, []).append(each)
            reason = "sidecars follow it, and so does the waypoint"
            context.findings.say(each.identity, Verdict.MOVES, reason, L7)
    for each in virtual_services:
        services = routed(context.setup, each)
        if services:
            _translate(each, services, context, alone=all(len(hosts[one.key]) == 1 for one in services))
        else:
            _leave(each, context)


def _leave(each: Manifest, context: Context) -> None:
    """One that no waypoint has to do with."""
    gateways = listed(each.spec.get("gateways")) or [MESH]
    say = context.findings.say
    if MESH not in gateways:
        subsets = _subsets_behind_waypoints(each, context)
        if not subsets:
            say(each.identity, Verdict.MOVES, "it is for gateways, which stay Envoy and go on reading it", L7)
            return
        text = f"a gateway chooses {', '.join(subsets)}, and then the waypoint chooses anew"
        say(each.identity, Verdict.DECISION, f"{text}: say it by an HTTPRoute at the Service", L7)
        return
    found = [context.setup.service(str(host), each.namespace) for host in listed(each.spec.get("hosts"))]
    kept = [one for one in found if one and one.namespace in context.kept]
    for one in kept:
        text = f"{one.namespace} keeps its sidecars: callers in ambient aren't routed by {each.name}"
        say(each.identity, Verdict.DECISION, text, L7)
        context.findings.differs(each.identity, Difference(Topic.KEPT, one.namespace, one.name, "routed", text))
    if not kept:
        what = "its hosts are no Service of a namespace that moves, or it routes no HTTP"
        text = f"{what}: ambient routes it at a waypoint alone"
        say(each.identity, Verdict.DECISION, text, L7)
        for one in (one for one in found if one):
            difference = Difference(Topic.NOT_ROUTED, one.namespace, one.name, "routed", text)
            context.findings.differs(each.identity, difference)


def _subsets_behind_waypoints(each: Manifest, context: Context) -> list[str]:
    destinations = [mapped(one.get("destination")) for rule in _rules(each) for one in listed(rule.get("route"))]
    named = [(one, context.setup.service(str(one.get("host")), each.namespace)) for one in destinations]
    behind = [one for one, to in named if one.get("subset") and to and context.needs.has(to)]
    return [f"{one['host']}/{one['subset']}" for one in behind]


def _rules(each: Manifest) -> list[Body]:
    return [mapped(rule) for rule in listed(each.spec.get("http"))]


def _translate(each: Manifest, services: Sequence[Service], context: Context, *, alone: bool) -> None:
    say = context.findings.say
    _report_what_differs(each, services, context)
    try:
        if not alone:
            raise CannotSayError("rules for a host that another route is for too")
        _check(each, context)
        made = [body for service in services for body in _routes(each, service, context)]
    except CannotSayError as error:
        say(each.identity, Verdict.DECISION, f"an HTTPRoute can't say {error}: {_MIXED}", L7)
        return
    for prefix in _prefixes(each):
        text = f"{each.name}: the prefix {prefix} matches whole segments of a path"
        for service in services:
            difference = Difference(Topic.PREFIX, service.namespace, service.name, "routed", text)
            context.findings.differs(each.identity, difference)
    names = ", ".join(service.name for service in services)
    say(each.identity, Verdict.TRANSLATED, f"an HTTPRoute at {names} says the same", L7)
    for body in made:
        change = context.changes.prepare if body["kind"] == "Service" else context.changes.route
        context.findings.becomes(each.identity, change.put(body))
    gateways = [one for one in listed(each.spec.get("gateways")) if one != MESH]
    if gateways:
        say(each.identity, Verdict.TRANSLATED, "what it says to gateways stays", L7)
        context.changes.route.put(with_spec(each.body, {**each.spec, "gateways": gateways}))
    else:
        context.changes.route.remove(each.identity)


def _check(each: Manifest, context: Context) -> None:
    """Raise `CannotSayError` for what holds for the VirtualService as a whole."""
    others = [host for host in listed(each.spec.get("hosts")) if not context.setup.service(str(host), each.namespace)]
    if others:
        raise CannotSayError(f"rules for {', '.join(map(str, others))}, which is no Service here")
    if each.spec.get("tcp") or each.spec.get("tls"):
        raise CannotSayError("rules for TCP or TLS")
    if listed(each.spec.get("exportTo")) not in ([], ["*"]):
        raise CannotSayError("rules for the callers of some namespaces")
    if len(_rules(each)) > _MOST_RULES:
        raise CannotSayError(f"more than {_MOST_RULES} rules")
    if any(len(listed(rule.get("match"))) > _MOST_MATCHES for rule in _rules(each)):
        raise CannotSayError(f"more than {_MOST_MATCHES} matches in a rule")


def _report_what_differs(each: Manifest, services: Sequence[Service], context: Context) -> None:
    for service in services:
        if each.namespace != service.namespace:
            text = f"{each.name} stands in {each.namespace}: a waypoint reads only what is in {service.namespace}"
            difference = Difference(Topic.NOT_ROUTED, service.namespace, service.name, "routed", text)
            context.findings.differs(each.identity, difference)
            continue
        found = [one for rule in _rules(each) for one in _of_matches(rule, each)]
        found += [one for rule in _rules(each) for one in _of_targets(rule, each, service, context)]
        if listed(each.spec.get("exportTo")) not in ([], ["*"]):
            text = f"{each.name} is for some callers: at the waypoint it holds for all of {service.name}"
            found.append((Topic.EVERYWHERE, "routed", text))
        if any(rule.get("redirect") or rule.get("directResponse") for rule in _rules(each)) or _leaves_out(each):
            text = f"redirects and answers of {each.name} come after {service.name}'s policies: not to who is denied"
            found.append((Topic.ANSWER, "denied", text))
        if context.needs.takes_ingress(service):
            text = f"{each.name} holds at the waypoint for what gateways send to {service.name} too"
            found.append((Topic.INGRESS, "routed", text))
        for topic, effect, text in found:
            difference = Difference(topic, service.namespace, service.name, effect, text)
            context.findings.differs(each.identity, difference)


def _leaves_out(each: Manifest) -> bool:
    """Whether some requests match none of its rules, and get 404."""
    return all(listed(rule.get("match")) for rule in _rules(each))


def _of_matches(rule: Body, each: Manifest) -> Iterator[tuple[Topic, str, str]]:
    for one in listed(rule.get("match")):
        if one.get("sourceLabels") or one.get("sourceNamespace") or one.get("gateways"):
            text = f"{each.name} routes by who calls, which a waypoint doesn't: that match is lost"
            yield Topic.NOT_ROUTED, "routed", text


def _prefixes(each: Manifest) -> list[str]:
    matches = [mapped(one) for rule in _rules(each) for one in listed(rule.get("match"))]
    prefixes = [mapped(one.get("uri")).get("prefix") for one in matches]
    return [str(prefix) for prefix in dict.fromkeys(prefixes) if prefix not in (None, "/")]


def _of_targets(rule: Body, each: Manifest, service: Service, context: Context) -> Iterator[tuple[Topic, str, str]]:
    for one in _destinations(rule):
        target = context.setup.service(str(one.get("host")), each.namespace)
        if not target or not set(target.workloads) <= set(service.workloads):
            text = f"{each.name} routes to {one.get('host')}, whose policies see the waypoint as the caller"
            context.findings.say(each.identity, Verdict.DECISION, text, L7)
            yield from ((Topic.ELSEWHERE, effect, text) for effect in ("allowed", "denied"))


def _destinations(rule: Body) -> list[Body]:
    routes = [*listed(rule.get("route")), *([{"destination": rule["mirror"]}] if rule.get("mirror") else [])]
    return [mapped(one.get("destination")) for one in routes]


def _routes(each: Manifest, service: Service, context: Context) -> list[Body]:
    """An HTTPRoute for each HTTP port of a Service, and the Services of its versions. Raises `CannotSayError`."""
    versions: dict[str, Body] = {}
    ports = [port.number for port in service.ports if port.http]
    made = []
    for port in ports:
        rules = [_rule(rule, port, each, context, versions) for rule in _until_all(_rules(each))]
        done = [(listed(one["matches"]), {key: one[key] for key in one if key != "matches"}) for one in rules]
        if not keeps_order(done):
            raise CannotSayError("in which order these rules are tried")
        many = len(ports) > 1
        parent: Body = {"group": "", "kind": "Service", "name": service.name, **({"port": port} if many else {})}
        name = each.name if each.namespace == service.namespace else f"{each.namespace}-{each.name}"
        name += f"-{service.name}" * (len(listed(each.spec.get("hosts"))) > 1) + f"-{port}" * many
        name = context.free_name("HTTPRoute", service.namespace, name, f"{each.identity} at {service.name}:{port}")
        spec = {"parentRefs": [parent], "rules": rules}
        made.append(new("gateway.networking.k8s.io/v1", "HTTPRoute", service.namespace, name, spec))
    if not made:
        raise CannotSayError(f"how to route {service.name}, which has no HTTP port")
    return [*versions.values(), *made]


def _until_all(rules: list[Body]) -> list[Body]:
    """The rules up to the first that matches everything: no later one is ever tried."""
    for index, rule in enumerate(rules):
        if not listed(rule.get("match")):
            return rules[: index + 1]
    return rules


def _rule(rule: Body, port: int, each: Manifest, context: Context, versions: dict[str, Body]) -> Body:
    other = sorted(key for key, value in rule.items() if key not in _SAID and value)
    if other:
        raise CannotSayError(", ".join(other))
    made: Body = {"matches": [match(mapped(one)) for one in listed(rule.get("match"))] or [match({})]}
    filters = [*_headers(mapped(rule.get("headers"))), *_rewrite(rule, made["matches"]), *_redirect(rule)]
    if mirror := mapped(rule.get("mirror")):
        reference = _reference(mirror, port, each, context, versions)
        filters.append({"type": "RequestMirror", "requestMirror": {"backendRef": reference}})
    if filters:
        made["filters"] = filters
    backends = []
    for one in listed(rule.get("route")):
        if one.get("headers"):
            raise CannotSayError("headers of one destination")
        reference = _reference(mapped(one.get("destination")), port, each, context, versions)
        backends.append({**reference, **({"weight": one["weight"]} if one.get("weight") is not None else {})})
    if len(backends) == 1:
        backends[0].pop("weight", None)  # one destination gets all, whatever its weight says
    if backends:
        made["backendRefs"] = backends
    if timeout := rule.get("timeout"):
        made["timeouts"] = {"request": timeout}
    return made


def _headers(headers: Body) -> list[Body]:
    made = []
    for side, name in (("request", "RequestHeaderModifier"), ("response", "ResponseHeaderModifier")):
        said = mapped(headers.get(side))
        if said:
            content: Body = {
                key: [{"name": header, "value": value} for header, value in sorted(said[key].items())]
                for key in ("set", "add")
                if said.get(key)
            }
            content |= {"remove": said["remove"]} if said.get("remove") else {}
            made.append({"type": name, name[0].lower() + name[1:]: content})
    return made


def _rewrite(rule: Body, matches: list[Body]) -> list[Body]:
    rewrite = mapped(rule.get("rewrite"))
    if not rewrite:
        return []
    content: Body = {"hostname": rewrite["authority"]} if rewrite.get("authority") else {}
    if uri := rewrite.get("uri"):
        kinds = {one["path"]["type"] for one in matches}
        if kinds == {"PathPrefix"} and len(matches) == 1:
            content["path"] = {"type": "ReplacePrefixMatch", "replacePrefixMatch": uri}
        elif kinds == {"Exact"}:
            content["path"] = {"type": "ReplaceFullPath", "replaceFullPath": uri}
        else:
            raise CannotSayError("a rewrite of several kinds of paths")
    if rewrite.get("uriRegexRewrite"):
        raise CannotSayError("a rewrite by a regular expression")
    return [{"type": "URLRewrite", "urlRewrite": content}]


def _redirect(rule: Body) -> list[Body]:
    redirect = mapped(rule.get("redirect"))
    if not redirect:
        return []
    code = redirect.get("redirectCode", 301)
    if code not in _REDIRECTS or redirect.get("derivePort"):
        raise CannotSayError(f"the redirect {code}")
    content: Body = {"statusCode": code}
    for key, name in (("authority", "hostname"), ("scheme", "scheme"), ("port", "port")):
        content |= {name: redirect[key]} if redirect.get(key) else {}
    if uri := redirect.get("uri"):
        content["path"] = {"type": "ReplaceFullPath", "replaceFullPath": uri}
    return [{"type": "RequestRedirect", "requestRedirect": content}]


def _reference(
    destination: Body, port: int, each: Manifest, context: Context, versions: dict[str, Body]
) -> dict[str, Any]:
    """A backendRef; for a subset it is to a Service of its own. Raises `CannotSayError`."""
    service = context.setup.service(str(destination.get("host")), each.namespace)
    if service is None:
        raise CannotSayError(f"the destination {destination.get('host')}, which is no Service here")
    number = mapped(destination.get("port")).get("number")
    if number is None:
        number = service.ports[0].number if len(service.ports) == 1 else port
    name = service.name
    if subset := destination.get("subset"):
        body = version(service, str(subset), context)
        name = body["metadata"]["name"]
        versions[name] = body
    homes = {one.namespace for one in routed(context.setup, each)}
    if homes != {service.namespace}:
        raise CannotSayError(f"a destination in another namespace, {service.namespace}, without a ReferenceGrant")
    return {"group": "", "kind": "Service", "name": name, "port": number}


def version(service: Service, subset: str, context: Context) -> Body:
    """The Service of one version of a Service. Raises `CannotSayError` where no DestinationRule says its pods."""
    for rule in context.setup.of("DestinationRule"):
        if context.setup.service(str(rule.spec.get("host")), rule.namespace) != service:
            continue
        for each in listed(rule.spec.get("subsets")):
            if each.get("name") == subset:
                return _version(service, subset, {**service.selector, **mapped(each.get("labels"))}, context)
    raise CannotSayError(f"the subset {subset} of {service.name}, which no DestinationRule defines")


def _version(service: Service, subset: str, selector: dict[str, str], context: Context) -> Body:
    ports = [dict(each) for each in listed(service.manifest.spec.get("ports"))]
    for each in ports:
        each.pop("nodePort", None)
    body = new("v1", "Service", service.namespace, f"{service.name}-{subset}", {"ports": ports, "selector": selector})
    there = [each for each in context.setup.of("Service") if each.identity == identity(body)]
    cause = "" if there else f"{service.name}/{subset}"
    free = context.free_name("Service", service.namespace, body["metadata"]["name"], cause) == body["metadata"]["name"]
    if not free or any(mapped(each.spec.get("selector")) != selector for each in there):
        raise CannotSayError(f"the Service {service.name}-{subset}, whose name is taken")
    return there[0].body if there else body
