"""DestinationRules: the traffic policy stays, at the waypoint; subsets become Services, each with a rule of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshwright.istio.migration.matches import CannotSayError
from meshwright.istio.migration.objects import Identity, Manifest, identity, listed, mapped, new, with_spec
from meshwright.istio.migration.report import L7, Difference, Topic, Verdict
from meshwright.istio.migration.routes import version

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meshwright.istio.migration.authorization import Context
    from meshwright.istio.migration.setup import Service

_PLAIN = ("DISABLE", "SIMPLE", "MUTUAL")


def translate(rules: Iterable[Manifest], context: Context) -> None:
    """Translate all DestinationRules."""
    for each in rules:
        service = context.setup.service(str(each.spec.get("host")), each.namespace)
        if service is None or service.namespace not in context.setup.moving:
            reason = "its host is no Service of a namespace that moves: at a waypoint alone it has an effect"
            context.findings.say(each.identity, Verdict.DECISION, reason, L7)
            if service is not None and service.namespace in context.kept:
                text = f"{service.namespace} keeps its sidecars: callers in ambient take no notice of {each.name}"
                for effect in ("allowed", "denied", "routed"):
                    difference = Difference(Topic.KEPT, service.namespace, service.name, effect, text)
                    context.findings.differs(each.identity, difference)
            continue
        _translate(each, service, context)


def _translate(each: Manifest, service: Service, context: Context) -> None:
    say = context.findings.say
    policy, subsets = mapped(each.spec.get("trafficPolicy")), [mapped(one) for one in listed(each.spec.get("subsets"))]
    modes = [mapped(mapped(one.get("trafficPolicy")).get("tls")).get("mode") for one in (each.spec, *subsets)]
    if any(mode in _PLAIN for mode in modes):
        text = f"{each.name} turns mutual TLS off or replaces it; ambient knows nothing but mutual TLS"
        say(each.identity, Verdict.DECISION, f"{text}: remove tls", L7)
        for effect in ("allowed", "denied"):
            where = Difference(Topic.MTLS, service.namespace, service.name, effect, text)
            context.findings.differs(each.identity, where)
        return
    if each.namespace != service.namespace:
        text = f"{each.name} stands in {each.namespace}: a waypoint reads only what is in {service.namespace}"
        say(each.identity, Verdict.DECISION, text, L7)
        return
    if not policy and not subsets:
        say(each.identity, Verdict.MOVES, "it says nothing that ambient would do otherwise", L7)
    elif not subsets:
        say(each.identity, Verdict.MOVES, "its traffic policy holds at the waypoint of its Service", L7)
    elif users := _readers(service, each, context):
        names = ", ".join(f"{one.kind} {one.name}" for one in users)
        say(each.identity, Verdict.MOVES, f"its subsets are used by {names}, which stays", L7)
    else:
        _split(each, service, policy, context)


def _readers(service: Service, rule: Manifest, context: Context) -> list[Identity]:
    """The VirtualServices that go on naming its subsets."""
    named = {one.get("name") for one in listed(rule.spec.get("subsets"))}
    gone = set(context.changes.route.delete)
    found = []
    for each in context.setup.of("VirtualService"):
        body = context.changes.route.apply.get(each.identity, each.body)
        destinations = [
            mapped(one.get("destination"))
            for kind in ("http", "tcp", "tls")
            for said in listed(mapped(body.get("spec")).get(kind))
            for one in (*listed(said.get("route")), {"destination": said.get("mirror")})
        ]
        hosts = {
            one.get("subset")
            for one in destinations
            if one.get("host") and context.setup.service(str(one["host"]), each.namespace) == service
        }
        if each.identity not in gone and hosts & named:
            found.append(each.identity)
    return found


def _split(each: Manifest, service: Service, policy: dict[str, object], context: Context) -> None:
    """A rule for the Service itself, and one for each version that has a policy."""
    say, becomes, route = context.findings.say, context.findings.becomes, context.changes.route
    rest = {key: value for key, value in each.spec.items() if key not in ("subsets", "host")}
    say(each.identity, Verdict.TRANSLATED, "an HTTPRoute knows no subsets: each is a Service, with its policy", L7)
    for subset in listed(each.spec.get("subsets")):
        own = {**policy, **mapped(subset.get("trafficPolicy"))}
        if not own:
            continue
        try:
            body = version(service, str(subset["name"]), context)
        except CannotSayError as error:
            say(each.identity, Verdict.DECISION, f"{error}", L7)
            continue
        context.changes.prepare.put(body)
        host = f"{body['metadata']['name']}.{service.namespace}.svc.cluster.local"
        spec = {**rest, "host": host, "trafficPolicy": own}
        name = f"{each.name}-{subset['name']}"
        becomes(each.identity, route.put(new(each.body["apiVersion"], each.kind, each.namespace, name, spec)))
    if policy:
        kept = {key: value for key, value in each.spec.items() if key != "subsets"}
        becomes(each.identity, route.put(with_spec(each.body, kept)))
    else:
        route.remove(identity(each.body))
