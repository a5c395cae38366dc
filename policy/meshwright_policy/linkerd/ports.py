"""Ports that bypass the proxy or its protocol detection, and settings that a ServiceProfile switches off."""

from collections.abc import Iterator, Mapping
from typing import Any

from meshwright.linkerd import labels
from meshwright_policy.linkerd.fragments import deployment, namespace, obj
from meshwright_policy.linkerd.objects import (
    KUBERNETES_NAMESPACE,
    LINKERD_NAMESPACE,
    PROFILE,
    ROUTE,
    SERVICE,
    WORKLOAD,
    annotation,
    kind_of,
    name_of,
    namespace_of,
)
from meshwright_policy.record import (
    Answer,
    Config,
    Example,
    Level,
    NotApplicableError,
    Rule,
    Severity,
    Subject,
    Undecided,
    Violation,
)
from meshwright_policy.stack import Stack
from meshwright_policy.values import UNKNOWN, at, elements

_SKIPS = (labels.SKIP_INBOUND, labels.SKIP_OUTBOUND)
_REASON = "meshwright.dev/skip-ports-reason"
_PROTOCOLS = "https://linkerd.io/2/features/protocol-detection/"
_ANNOTATED = (
    labels.RETRY_HTTP,
    labels.RETRY_GRPC,
    labels.TIMEOUT_REQUEST,
    labels.TIMEOUT_RESPONSE,
    labels.TIMEOUT_IDLE,
    labels.FAILURE_ACCRUAL,
)


def _ports(text: Any) -> set[str]:
    return {part.strip() for part in text.split(",")} if isinstance(text, str) else set()


def _skips(subject: Subject, _: Config) -> Iterator[Answer]:
    if LINKERD_NAMESPACE in subject.urn:
        raise NotApplicableError("LinkerdNamespace asks for the reason itself")
    given = {key: annotation(subject, key) for key in _SKIPS}
    if not any(given.values()):
        raise NotApplicableError("it skips no port")
    reason = annotation(subject, _REASON)
    for key, ports in given.items():
        if ports is UNKNOWN or reason is UNKNOWN:
            yield Undecided("which ports it skips, or why, is known only at the update")
        elif _ports(ports) - set(map(str, labels.SKIP_DEFAULTS)) and not reason:
            what = f"the {kind_of(subject)} {name_of(subject)} skips ports ({key.rpartition('/')[2]})"
            yield Violation(f"{what} without a reason: they have no mTLS and no policy")


def _opaque(subject: Subject, _: Config) -> Iterator[Answer]:
    given = annotation(subject, labels.OPAQUE_PORTS)
    if given is None:
        raise NotApplicableError("it says nothing about opaque ports")
    if given is UNKNOWN:
        yield Undecided("its opaque ports are known only at the update")
    elif missing := [port for port in labels.OPAQUE_DEFAULTS if str(port) not in _ports(given)]:
        what = f"the {kind_of(subject)} {name_of(subject)} replaces Linkerd's opaque ports"
        yield Violation(f"{what}, and drops {', '.join(map(str, missing))}")


def _of_services(stack: Stack) -> Mapping[tuple[Any, Any], Subject]:
    return {(namespace_of(one), name_of(one)): one for one in stack.of(*SERVICE)}


def _parents(route: Subject, kind: str = "Service") -> Iterator[tuple[Any, Any, Any]]:
    """Namespace, name and port of the parents of a kind."""
    for reference in elements(at(route.properties, "spec", "parentRefs")):
        if at(reference, "kind") == kind:
            where = at(reference, "namespace") or namespace_of(route)
            yield where, at(reference, "name"), at(reference, "port")


def _targets(route: Subject) -> Iterator[tuple[Any, Any, Any]]:
    yield from _parents(route)
    for rule in elements(at(route.properties, "spec", "rules")):
        for backend in elements(at(rule, "backendRefs")):
            if at(backend, "kind") in (None, "Service"):
                where = at(backend, "namespace") or namespace_of(route)
                yield where, at(backend, "name"), at(backend, "port")


def _defined(stack: Stack, _: Config) -> Iterator[Answer]:
    services = stack.derived(_of_services)
    for route in stack.of(*ROUTE):
        for where, name, port in _targets(route):
            found = services.get((where, name)) if isinstance(name, str) and isinstance(where, str) else None
            if found is None or port is None:
                continue
            given = [at(each, "port") for each in elements(at(found.properties, "spec", "ports"))]
            if UNKNOWN in (port, *given):
                yield Undecided("a port of the route or of its Service is known only at the update", route)
            elif port not in given:
                what = f"the {kind_of(route)} {name_of(route)} names a port that the Service {name_of(found)} hasn't"
                yield Violation(f"{what}: Linkerd refuses calls to it", route, (found,))


def _profiles(stack: Stack, _: Config) -> Iterator[Answer]:
    for profile in stack.of(*PROFILE):
        service, where = ([*str(at(profile.properties, "metadata", "name")).split("."), ""])[:2]
        if at(profile.properties, "metadata", "name") is UNKNOWN:
            yield Undecided("which Service the profile is for is known only at the update", profile)
            continue
        for carrier in _carriers(stack, where, service):
            if any(annotation(carrier, key) for key in _ANNOTATED):
                what = f"the {kind_of(carrier)} {name_of(carrier)} has retries, timeouts or circuit breaking"
                yield Violation(f"{what}, which the Service's profile switches off", profile, (carrier,))


def _carriers(stack: Stack, where: str, service: str) -> Iterator[Subject]:
    """The Service, and the routes that are attached to it."""
    if found := stack.derived(_of_services).get((where, service)):
        yield found
    for route in stack.of(*ROUTE):
        if any(parent[:2] == (where, service) for parent in _parents(route)):
            yield route


_DEFAULTS = ",".join(map(str, labels.OPAQUE_DEFAULTS))
_CART = obj("core/v1:Service", "cart", "{ports: [{port: 80}]}")
_RETRIES = obj("core/v1:Service", "cart", "{ports: [{port: 80}]}", annotations=f"{labels.RETRY_HTTP}: 5xx")
_PROFILE = obj("linkerd.io/v1alpha2:ServiceProfile", "cart.shop.svc.cluster.local", "{routes: []}")


def _route(port: int) -> str:
    spec = f"{{parentRefs: [{{kind: Service, name: cart, port: {port}}}], rules: []}}"
    return obj("gateway.networking.k8s.io/v1:HTTPRoute", "cart-route", spec)


SKIPS = Rule(
    id="MW-LNK-017",
    slug="skipped-ports-have-a-reason",
    title="Whoever lets ports bypass the proxy says why",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=(*KUBERNETES_NAMESPACE, *WORKLOAD),
    why="A skipped port bypasses the proxy: it has no mTLS, no policy and no metrics. Most of them ought to be opaque.",
    remedy=f"use {labels.OPAQUE_PORTS}, which keeps mTLS, or annotate {_REASON}",
    notes="Linkerd's own defaults, 4567 and 4568, need no reason. LinkerdNamespace asks for one in its arguments.",
    bad=Example(
        deployment(annotations=f"{labels.SKIP_INBOUND}: '8080'"),
        "the Deployment cart skips ports (skip-inbound-ports) without a reason: they have no mTLS and no policy",
    ),
    good=Example(deployment(annotations=f"{labels.SKIP_INBOUND}: '8080', {_REASON}: callers are not meshed")),
    references=(_PROTOCOLS, "https://kyverno.io/policies/linkerd/prevent-linkerd-port-skipping/"),
    check=_skips,
)
OPAQUE = Rule(
    id="MW-LNK-018",
    slug="opaque-ports-keep-defaults",
    title="Opaque ports of a namespace are added to Linkerd's, and don't replace them",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    applies_to=KUBERNETES_NAMESPACE,
    why=(
        "The annotation replaces the list. A database whose port fell out of it hangs for ten seconds at each "
        "connection."
    ),
    remedy=f"write Linkerd's ports too: {_DEFAULTS}",
    bad=Example(
        namespace(annotations=f"{labels.OPAQUE_PORTS}: '4222'"),
        "the Namespace shop replaces Linkerd's opaque ports, and drops 25, 587, 3306, 4444, 5432, 6379, 9300, 11211",
    ),
    good=Example(namespace(annotations=f"{labels.OPAQUE_PORTS}: '{_DEFAULTS},4222'")),
    references=(_PROTOCOLS,),
    check=_opaque,
)
DEFINED = Rule(
    id="MW-LNK-019",
    slug="routes-name-ports-that-are-there",
    title="Routes name ports that their Services have",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=ROUTE,
    context=SERVICE,
    why=(
        "From 2.19 on Linkerd refuses calls to a port that the Service doesn't define, and a route for one is never "
        "used."
    ),
    remedy="add the port to the Service, or name one that it has",
    bad=Example(
        _CART + _route(8080),
        "the HTTPRoute cart-route names a port that the Service cart hasn't: Linkerd refuses calls to it",
    ),
    good=Example(_CART + _route(80)),
    references=("https://github.com/linkerd/linkerd2/releases/tag/edge-26.7.1",),
    check_stack=_defined,
)
PROFILES = Rule(
    id="MW-LNK-020",
    slug="no-profile-beside-annotations",
    title="A Service has a ServiceProfile or annotations for retries and timeouts, and not both",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=PROFILE,
    context=(*SERVICE, *ROUTE),
    why="A ServiceProfile, even an empty one, switches off retries, timeouts and circuit breaking that are annotated.",
    remedy="remove the ServiceProfile, and say in annotations or routes what it said",
    bad=Example(
        _RETRIES + _PROFILE,
        "the Service cart has retries, timeouts or circuit breaking, which the Service's profile switches off",
    ),
    good=Example(_CART + _PROFILE),
    references=("https://linkerd.io/2/reference/retries/", "https://linkerd.io/2/reference/circuit-breaking/"),
    check_stack=_profiles,
)

RULES = (SKIPS, OPAQUE, DEFINED, PROFILES)
