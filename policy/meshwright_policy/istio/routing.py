"""Routes inside the mesh: one API for a host, a waypoint that obeys them, and the namespace where it looks for them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from meshwright.istio.labels import USE_WAYPOINT
from meshwright_policy.istio import kinds
from meshwright_policy.istio.fragments import USES_WAYPOINT, namespace, resource, service, waypoint
from meshwright_policy.istio.hosts import backends, mirrors, parents, service_key
from meshwright_policy.istio.mesh import AMBIENT_NAMESPACES, Mesh, kind_of, name_of, namespace_of, seen
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

_ALL = (*kinds.ROUTE, *kinds.VIRTUAL_SERVICE, *kinds.DESTINATION_RULE)
_BY_HOST = (*kinds.VIRTUAL_SERVICE, *kinds.DESTINATION_RULE)
_FEATURES = "https://istio.io/latest/docs/ambient/usage/l7-features/"


@dataclass(frozen=True, slots=True)
class Route:
    """What a route says about a host inside the mesh."""

    subject: Subject
    service: Any
    """The key of the Service that it is about; unknown, or ``None`` for another host."""
    host: Any

    @property
    def what(self) -> str:
        """Such as ``the HTTPRoute cart``."""
        return f"the {kind_of(self.subject)} {name_of(self.subject)}"


def routes(stack: Stack) -> tuple[Route, ...]:
    """Routes of the mesh's own traffic, one for each host. Ask for it by ``stack.derived(routes)``."""
    return tuple(route for subject in stack.of(*_ALL) for route in _routes(subject))


def _routes(subject: Subject) -> Iterator[Route]:
    where = namespace_of(subject)
    if subject.type in kinds.ROUTE:
        for there, name in parents(subject, "Service"):
            is_open = UNKNOWN in (there, name)
            yield Route(subject, UNKNOWN if is_open else (there or where, name), name)
        return
    spec = at(subject.properties, "spec")
    if subject.type in kinds.VIRTUAL_SERVICE:
        gateways = elements(at(spec, "gateways"))
        hosts = elements(at(spec, "hosts")) if not gateways or "mesh" in gateways or UNKNOWN in gateways else []
    else:
        hosts = [at(spec, "host")] if _is_for_http(spec) else []
    for host in hosts:
        yield Route(subject, UNKNOWN if host is UNKNOWN else service_key(host, where), host)


def _is_for_http(spec: Any) -> bool:
    """Whether only a waypoint can do what a DestinationRule asks for."""
    policies = [at(spec, "trafficPolicy"), *(at(subset, "trafficPolicy") for subset in elements(at(spec, "subsets")))]
    paths = (("connectionPool", "http"), ("outlierDetection",), ("loadBalancer", "consistentHash"))
    return bool(elements(at(spec, "subsets"))) or any(at(policy, *path) for policy in policies for path in paths)


def _one_api(stack: Stack, _: Config) -> Iterator[Answer]:
    found = [route for route in stack.derived(routes) if route.subject.type not in kinds.DESTINATION_RULE]
    virtual = {route.service: route for route in found if route.subject.type in kinds.VIRTUAL_SERVICE}
    gateway = [route for route in found if route.subject.type in kinds.ROUTE]
    if not virtual or not gateway:
        raise NotApplicableError("the stack doesn't use both VirtualServices and the Gateway API inside the mesh")
    for route in gateway:
        other = virtual.get(route.service)
        if route.service is not UNKNOWN and route.service is not None and other is not None:
            what = f"{route.what} and {other.what.removeprefix('the ')} both route the Service {route.service[1]}"
            yield Violation(f"{what}: which of them counts is undefined", route.subject, (other.subject,))
        elif UNKNOWN in (route.service, *virtual):
            yield Undecided("which Services they route is known only at the update", route.subject)


def _have_a_waypoint(stack: Stack, config: Config) -> Iterator[Answer]:
    mesh = stack.derived(seen)
    found = [route for route in stack.derived(routes) if route.service is not None]
    judged = [(route, _is_ambient(route, mesh, config)) for route in found]
    if all(is_ambient is False for _, is_ambient in judged):
        raise NotApplicableError("no route of the stack is for a Service of an ambient namespace")
    for route, is_ambient in judged:
        if is_ambient is False:
            continue
        bound = _bound(route, mesh, stack)
        if bound is None and is_ambient:
            what = f"{route.what} is for the Service {route.service[1]}, which has no waypoint"
            yield Violation(f"{what}: it does nothing", route.subject)
        elif bound is UNKNOWN or not bound:
            yield Undecided(
                "nothing in the stack shows whether its Service is ambient and has a waypoint", route.subject
            )


def _bound(route: Route, mesh: Mesh, stack: Stack) -> Any:
    """The key of a waypoint that obeys a route: ``None`` without one, or unknown."""
    if route.service is UNKNOWN:
        return UNKNOWN
    bound = _of_service(route.service, mesh)
    if bound is not None or route.subject.type not in kinds.DESTINATION_RULE:
        return bound
    # A waypoint obeys the rules for whatever its routes send to, such as the Service of a version.
    sending = stack.derived(_sending)
    there = [_of_service(key, mesh) for key in sending.get(route.service, ())]
    known = next((key for key in there if key not in (None, UNKNOWN)), None)
    is_open = UNKNOWN in there or any(_of_service(key, mesh) is not None for key in sending.get(UNKNOWN, ()))
    return UNKNOWN if known is None and is_open else known


def _of_service(key: Any, mesh: Mesh) -> Any:
    if key is None or key is UNKNOWN:
        return key
    return mesh.waypoint_of_target(key, mesh.services.get(key) or mesh.patches.get(key))


def _sending(stack: Stack) -> dict[Any, list[Any]]:
    """The key of a Service -> those of the Services whose routes send or mirror to it; any of them may be unknown."""
    found: dict[Any, list[Any]] = {}
    for route in stack.derived(routes):
        if route.subject.type not in kinds.DESTINATION_RULE:
            where = namespace_of(route.subject)
            for key in (*backends(route.subject, where), *mirrors(route.subject, where)):
                found.setdefault(key, []).append(route.service)
    return found


def _is_ambient(route: Route, mesh: Any, config: Config) -> bool | None:
    if route.service is UNKNOWN:
        return None
    answer: bool | None = mesh.is_ambient(route.service[0], config)
    # Of a namespace that the stack doesn't hold nothing can be said, unless an option names it.
    return False if answer is None and route.service[0] not in mesh.spaces else answer


def _in_place(stack: Stack, config: Config) -> Iterator[Answer]:
    mesh = stack.derived(seen)
    found = [route for route in stack.derived(routes) if route.subject.type in _BY_HOST and route.service is not None]
    judged = [(route, _is_ambient(route, mesh, config)) for route in found]
    if all(is_ambient is False for _, is_ambient in judged):
        raise NotApplicableError("no VirtualService or DestinationRule of the stack is for an ambient Service")
    for route, is_ambient in judged:
        where = namespace_of(route.subject)
        if is_ambient is None or where is UNKNOWN:
            yield Undecided("its Service, or its own namespace, is known only at the update", route.subject)
        elif is_ambient and where != route.service[0]:
            what = f"{route.what} is in {where}, not in {route.service[0]} with its Service"
            yield Violation(f"{what}: the waypoint doesn't look for it there", route.subject)


def _virtual_services(stack: Stack, config: Config) -> Iterator[Answer]:
    mesh = stack.derived(seen)
    found = [route for route in stack.derived(routes) if route.subject.type in kinds.VIRTUAL_SERVICE]
    judged = [(route, _of_virtual_service(route, mesh, config)) for route in found]
    if not judged:
        raise NotApplicableError("no VirtualService of the stack is for the mesh's own traffic")
    told: set[str] = set()
    for route, is_ambient in judged:
        if route.subject.urn in told or is_ambient is False:
            continue
        told.add(route.subject.urn)
        if is_ambient is None:
            yield Undecided("nothing in the stack shows whether it is for an ambient Service", route.subject)
        elif route.host == "*":
            yield Violation(f"{route.what} takes every host of the mesh", route.subject)
        elif not _needs_virtual_service(route.subject):
            yield Violation(
                f"{route.what} routes an ambient Service, which is alpha, and a route of the Gateway API would do",
                route.subject,
            )


# What no route of the Gateway API's standard channel can do.
_ALONE = ("retries", "fault", "delegate", "directResponse")


def _needs_virtual_service(subject: Subject) -> bool:
    spec = at(subject.properties, "spec")
    return any(at(http, key) for http in elements(at(spec, "http")) for key in _ALONE)


def _of_virtual_service(route: Route, mesh: Any, config: Config) -> bool | None:
    if route.host == "*":
        return True if mesh.is_ambient(namespace_of(route.subject), config) else None
    return False if route.service is None else _is_ambient(route, mesh, config)


_BEHIND = namespace(labels=USES_WAYPOINT) + waypoint() + service()
_ROUTE = resource(
    "cart-route",
    "gateway.networking.k8s.io/v1:HTTPRoute",
    "metadata: {name: cart, namespace: shop}",
    "spec: {parentRefs: [{group: '', kind: Service, name: cart, port: 80}], rules: [{timeouts: {request: 1s}}]}",
)


def _virtual(hosts: str = "cart", namespace_: str = "shop", gateways: str = "") -> str:
    return resource(
        "cart-virtual",
        "networking.istio.io/v1:VirtualService",
        f"metadata: {{name: cart, namespace: {namespace_}}}",
        f"spec: {{hosts: ['{hosts}'], {gateways}http: [{{retries: {{attempts: 3}}, route: []}}]}}",
    )


ONE_API = Rule(
    id="MW-IST-028",
    slug="one-routing-api-for-a-host",
    title="One routing API is used for a host",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=(*kinds.ROUTE, *kinds.VIRTUAL_SERVICE),
    why=(
        "What a waypoint does where an HTTPRoute or GRPCRoute and a VirtualService are for one Service is undefined. "
        "It may change with the order in which istiod reads them."
    ),
    remedy="keep the HTTPRoute, or the VirtualService where retries or faults need it",
    bad=Example(
        _BEHIND + _ROUTE + _virtual(),
        "the HTTPRoute cart and VirtualService cart both route the Service cart: which of them counts is undefined",
    ),
    good=Example(_BEHIND + _ROUTE + _virtual("till")),
    references=(_FEATURES,),
    check_stack=_one_api,
)
HAVE_A_WAYPOINT = Rule(
    id="MW-IST-029",
    slug="route-has-a-waypoint",
    title="A route inside the mesh is for a Service that has a waypoint",
    severity=Severity.HIGH,
    level=Level.ADVISORY,
    applies_to=_ALL,
    why=(
        "ztunnel knows no HTTP. A route, retry, timeout, subset or circuit breaker for a Service without a waypoint is "
        "ignored without a word: the canary gets its share by chance, and nothing is retried."
    ),
    remedy=f"label the Service or its namespace `{USE_WAYPOINT}`, or remove the route",
    notes=(
        "It looks at HTTPRoutes and GRPCRoutes with a Service as parent, at VirtualServices for the mesh, and at "
        "DestinationRules with subsets, HTTP settings, outlier detection or a consistent hash. A "
        "DestinationRule may also be for a Service that the routes of one with a waypoint send or mirror to. A Service "
        "that the stack doesn't hold may have a label of its own, and the rule is undecided. Kiali finds part of it in "
        "the cluster (KIA0210, KIA0211, KIA1109, KIA1113)."
    ),
    config=AMBIENT_NAMESPACES,
    bad=Example(
        namespace() + service() + _ROUTE,
        "the HTTPRoute cart is for the Service cart, which has no waypoint: it does nothing",
    ),
    good=Example(_BEHIND + _ROUTE),
    references=(_FEATURES, "https://kiali.io/docs/features/validations/"),
    check_stack=_have_a_waypoint,
)
IN_PLACE = Rule(
    id="MW-IST-030",
    slug="route-beside-its-service",
    title="A VirtualService or DestinationRule is in the namespace of its ambient Service",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    applies_to=_BY_HOST,
    why=(
        "A waypoint reads the VirtualServices and DestinationRules of its Service's namespace. A client's own, which "
        "sidecars obeyed, are ignored."
    ),
    remedy="move it to the Service's namespace",
    notes="Kiali finds it in the cluster (KIA0212, KIA1114).",
    config=AMBIENT_NAMESPACES,
    bad=Example(
        _BEHIND + _virtual("cart.shop.svc.cluster.local", "till"),
        "the VirtualService cart is in till, not in shop with its Service: the waypoint doesn't look for it there",
    ),
    good=Example(_BEHIND + _virtual("cart.shop.svc.cluster.local")),
    references=(_FEATURES, "https://kiali.io/docs/features/validations/"),
    check_stack=_in_place,
)
VIRTUAL = Rule(
    id="MW-IST-031",
    slug="virtual-service-is-meant",
    title="A VirtualService is used where the Gateway API won't do",
    severity=Severity.LOW,
    level=Level.ADVISORY,
    applies_to=kinds.VIRTUAL_SERVICE,
    why=(
        "VirtualService is alpha with ambient: it may change or go. One for the host `*` takes the routes of every "
        "Service."
    ),
    remedy="use HTTPRoute or GRPCRoute",
    notes=(
        "One with "
        + ", ".join(f"`{key}`" for key in _ALONE)
        + " is meant, and so is one for ingress gateways alone. Kyverno's restrict-virtual-service-wildcard refuses "
        "every asterisk, `*.example.com` included; here only the bare one takes all hosts."
    ),
    config=AMBIENT_NAMESPACES,
    bad=Example(
        _BEHIND + _virtual().replace("retries: {attempts: 3}", "timeout: 1s"),
        "the VirtualService cart routes an ambient Service, which is alpha, and a route of the Gateway API would do",
    ),
    good=Example(_BEHIND + _virtual()),
    references=(
        _FEATURES,
        "https://kyverno.io/policies/istio/restrict-virtual-service-wildcard/restrict-virtual-service-wildcard/",
    ),
    check_stack=_virtual_services,
)

RULES = (ONE_API, HAVE_A_WAYPOINT, IN_PLACE, VIRTUAL)
