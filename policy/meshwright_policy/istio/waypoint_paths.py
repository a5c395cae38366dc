"""Ways past a waypoint that works: from an ingress gateway, to a pod's own address, through a canary."""

from collections.abc import Iterator
from typing import Any

from meshwright.istio.labels import INGRESS_USE_WAYPOINT, USE_WAYPOINT, WAYPOINT_CLASS
from meshwright_policy.istio import kinds
from meshwright_policy.istio.fragments import USES_WAYPOINT, namespace, resource, service, waypoint
from meshwright_policy.istio.hosts import backends, parents
from meshwright_policy.istio.mesh import (
    AMBIENT_NAMESPACES,
    Mesh,
    in_ambient,
    kind_of,
    labels_of,
    name_of,
    namespace_of,
    seen,
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
from meshwright_policy.values import UNKNOWN, at, elements, listed, shown

_PAGE = "https://istio.io/latest/docs/ambient/usage/waypoint/"
_MESH_CLASSES = (WAYPOINT_CLASS, "istio-east-west", "istio-agentgateway-waypoint")
_INGRESS_CLASSES = ("istio", "istio-remote", "istio-agentgateway")


def _by_ingress(stack: Stack, _: Config) -> Iterator[Answer]:
    mesh = stack.derived(seen)
    routes = [(route, _ingress(route, mesh)) for route in stack.of(*kinds.ROUTE, *kinds.VIRTUAL_SERVICE)]
    exposed = [(route, gateway) for route, gateway in routes if gateway]
    if not exposed:
        raise NotApplicableError("no route of the stack comes from an ingress gateway")
    for route, gateway in exposed:
        found = {key: _skips(key, mesh) for key in backends(route, namespace_of(route))}
        wrong = sorted(f"{key[1]} in {key[0]}" for key, answer in found.items() if answer and key is not UNKNOWN)
        if wrong and gateway == "known":
            what = f"{kind_of(route)} {name_of(route)}"
            message = f"the {what} sends to {listed(wrong)} from an ingress gateway, which skips the waypoint"
            yield Violation(message, route, tuple(mesh.services[key] for key in found if key in mesh.services))
        elif wrong or None in found.values():
            why = "the gateway is Istio's, or the Services behind it use a waypoint"
            yield Undecided(f"nothing in the stack shows whether {why}", route)


def _ingress(route: Subject, mesh: Mesh) -> str:
    """``known`` where a route comes from an ingress gateway of Istio's, ``open`` where it may, else nothing."""
    if route.type in kinds.VIRTUAL_SERVICE:
        gateways = at(route.properties, "spec", "gateways")
        named = [gateway for gateway in elements(gateways) if gateway != "mesh"]
        return "open" if UNKNOWN in named else "known" if named else ""
    answers = [_of_gateway(parent, route, mesh) for parent in parents(route, "Gateway")]
    return "known" if "known" in answers else "open" if "open" in answers else ""


def _of_gateway(parent: tuple[Any, Any], route: Subject, mesh: Mesh) -> str:
    where, name = parent
    gateway = mesh.gateways.get((where or namespace_of(route), name)) if UNKNOWN not in parent else None
    gateway_class = at(gateway.properties, "spec", "gatewayClassName") if gateway is not None else UNKNOWN
    if gateway_class is UNKNOWN:
        return "open"
    return "known" if gateway_class in _INGRESS_CLASSES else ""


def _skips(key: Any, mesh: Mesh) -> bool | None:
    """Whether an ingress gateway would skip a Service's waypoint; ``None`` where that is open."""
    if key is None:
        return False
    if key is UNKNOWN or key[0] is UNKNOWN:
        return None
    labels = mesh.labels_of_service(key)
    bound = mesh.waypoint_for(key[0], labels)
    said = at(labels, INGRESS_USE_WAYPOINT)
    if said is None and key[0] in mesh.spaces:
        said = mesh.spaces[key[0]].label(INGRESS_USE_WAYPOINT)
    if bound is None or (said is not None and said is not UNKNOWN):
        return False
    # One that the stack doesn't hold may have the label itself.
    is_seen = key in mesh.services or key[0] in mesh.applications
    return None if UNKNOWN in (bound, said) or not is_seen else True


def _headless(stack: Stack, _: Config) -> Iterator[Answer]:
    mesh = stack.derived(seen)
    headless = [service for service in mesh.services.values() if _is_headless(service) is not False]
    bound = [(one, mesh.waypoints.get(mesh.waypoint_of(one))) for one in headless]
    behind = [(one, gateway) for one, gateway in bound if gateway is not None]
    if not behind:
        raise NotApplicableError("no headless Service of the stack has a waypoint of the stack")
    for one, gateway in behind:
        if gateway.traffic is UNKNOWN or _is_headless(one) is None:
            yield Undecided("whether it is headless, or what its waypoint takes, is known only at the update", one)
        elif gateway.traffic not in ("workload", "all"):
            what = f"the Service {name_of(one)} is headless, and its waypoint {gateway.name} takes no traffic of pods"
            yield Violation(f"{what}: callers that look up the pods' addresses go past it", one, (gateway.subject,))


def _is_headless(subject: Subject) -> bool | None:
    address = at(subject.properties, "spec", "clusterIP")
    return None if address is UNKNOWN else address == "None"


_CANARY = "istio.io/use-waypoint-canary"
_WEIGHT = f"{_CANARY}-weight"


def _canaries(stack: Stack, _: Config) -> Iterator[Answer]:
    mesh = stack.derived(seen)
    tokens = (*kinds.KUBERNETES_NAMESPACE, *kinds.SERVICE, *kinds.SERVICE_ENTRY)
    asking = [subject for subject in stack.of(*tokens) if at(labels_of(subject), _CANARY) not in (None, "", "none")]
    if not asking:
        raise NotApplicableError("nothing in the stack asks for a canary of a waypoint")
    for subject in asking:
        is_space = subject.type in kinds.KUBERNETES_NAMESPACE
        space = name_of(subject) if is_space else namespace_of(subject)
        canary = _canary(subject, space)
        primary = mesh.waypoint_for(space, None if is_space else labels_of(subject))
        weight = at(subject.properties, "metadata", "annotations", _WEIGHT)
        what = f"the {kind_of(subject)} {name_of(subject)}"
        if UNKNOWN in (*canary, primary, weight):
            yield Undecided(f"the canary of {what} is known only at the update", subject)
        elif primary is None:
            yield Violation(f"{what} has a canary but no waypoint that it could take from: it is ignored", subject)
        elif canary == primary:
            yield Violation(f"the canary of {what} is its waypoint itself: it is ignored", subject)
        elif not _is_percentage(weight):
            yield Violation(
                f"the weight of the canary of {what} is no whole number from 0 to 100: it is ignored", subject
            )
        elif canary[0] in mesh.spaces and canary not in mesh.waypoints and not mesh.is_open:
            yield Violation(f"the canary of {what} is not in {canary[0]}: it is ignored", subject)


def _canary(subject: Subject, space: Any) -> tuple[Any, Any]:
    name, there = (at(labels_of(subject), key) for key in (_CANARY, f"{_CANARY}-namespace"))
    where = space if there is None else there if there is UNKNOWN else shown(there, "a namespace of no valid name")
    return where, name


def _is_percentage(weight: Any) -> bool:
    return weight is None or (isinstance(weight, str) and weight.isdecimal() and int(weight) <= 100)


def _entries(stack: Stack, config: Config) -> Iterator[Answer]:
    mesh = stack.derived(seen)
    found = list(in_ambient(stack, config, *kinds.SERVICE_ENTRY))
    needing = [(entry, is_known, why) for entry, is_known in found if (why := _needs_waypoint(entry))]
    if not needing:
        raise NotApplicableError("no ServiceEntry of the stack needs a waypoint")
    for entry, is_known, why in needing:
        bound = mesh.waypoint_of(entry)
        if bound is UNKNOWN or why == "unknown" or (bound is None and not is_known):
            yield Undecided("its hosts, or its waypoint, are known only at the update", entry)
        elif bound is None:
            yield Violation(f"the ServiceEntry {name_of(entry)} has {why}, and no waypoint: it does nothing", entry)


def _needs_waypoint(entry: Subject) -> str:
    hosts = at(entry.properties, "spec", "hosts")
    if any(isinstance(host, str) and host.startswith("*") for host in elements(hosts)):
        return "a wildcard host"
    if at(entry.properties, "metadata", "annotations", "istio.io/connect-strategy"):
        return "a connect strategy"
    return "unknown" if UNKNOWN in elements(hosts) else ""


_BEHIND = namespace(labels=USES_WAYPOINT) + waypoint()
_CART = service()
_EDGE = resource(
    "edge",
    "gateway.networking.k8s.io/v1:Gateway",
    "metadata: {name: edge, namespace: shop}",
    "spec: {gatewayClassName: istio, listeners: [{name: http, port: 80, protocol: HTTP}]}",
)
_ROUTE = resource(
    "cart-route",
    "gateway.networking.k8s.io/v1:HTTPRoute",
    "metadata: {name: cart, namespace: shop}",
    "spec: {parentRefs: [{name: edge}], rules: [{backendRefs: [{name: cart, port: 80}]}]}",
)

BY_INGRESS = Rule(
    id="MW-IST-010",
    slug="ingress-uses-the-waypoint",
    title="Traffic from an ingress gateway goes through the waypoint too",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=(*kinds.ROUTE, *kinds.VIRTUAL_SERVICE),
    why=(
        "An ingress gateway sends straight to the workload, even where the Service has a waypoint. What the waypoint "
        "enforces holds for callers inside and not for those from outside."
    ),
    remedy=f'label the Service or its namespace `{INGRESS_USE_WAYPOINT}: "true"`, or `"false"` where that is meant',
    notes=(
        "It follows HTTPRoutes and GRPCRoutes whose parent is a Gateway of a class of Istio's, and VirtualServices "
        "that name a gateway. Any value of the label on the Service or its namespace is a decision, and passes. A "
        "Service that the stack doesn't hold may have it too, and the rule is undecided. "
        "Other ingress controllers know no waypoints; of a Gateway that isn't in the stack the rule is undecided."
    ),
    bad=Example(
        _BEHIND + _CART + _EDGE + _ROUTE,
        "the HTTPRoute cart sends to cart in shop from an ingress gateway, which skips the waypoint",
    ),
    good=Example(
        namespace(labels=f'{USES_WAYPOINT}, {INGRESS_USE_WAYPOINT}: "true"') + waypoint() + _CART + _EDGE + _ROUTE
    ),
    references=(_PAGE, "https://istio.io/latest/docs/reference/config/labels/"),
    check_stack=_by_ingress,
)
HEADLESS = Rule(
    id="MW-IST-011",
    slug="headless-service-has-a-workload-waypoint",
    title="A headless Service has a waypoint that takes the traffic of pods",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    applies_to=kinds.SERVICE,
    why=(
        "A headless Service resolves to the addresses of its pods. A waypoint for Services takes no traffic that is "
        "sent to those, so that callers go past it."
    ),
    remedy="set `istio.io/waypoint-for: all` on the waypoint, or give the Service an address",
    bad=Example(
        _BEHIND + service("db", spec="clusterIP: None"),
        "the Service db is headless, and its waypoint waypoint takes no traffic of pods: callers that look up the "
        "pods' addresses go past it",
    ),
    good=Example(
        namespace(labels=USES_WAYPOINT)
        + waypoint(labels="istio.io/waypoint-for: all")
        + service("db", spec="clusterIP: None")
    ),
    references=(f"{_PAGE}#waypoint-traffic-types",),
    check_stack=_headless,
)
CANARY = Rule(
    id="MW-IST-012",
    slug="waypoint-canary-takes-part",
    title="The canary of a waypoint is another waypoint, with a weight",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    applies_to=(*kinds.KUBERNETES_NAMESPACE, *kinds.SERVICE, *kinds.SERVICE_ENTRY),
    why=(
        "istiod ignores a canary that it can't use (CanarySameAsPrimary, CanaryInvalidWeight, WaypointIsNotReady): all "
        "traffic goes through the waypoint as before, and the trial tests nothing."
    ),
    remedy=f"name another waypoint in `{_CANARY}`, and set the annotation `{_WEIGHT}` to 0 to 100",
    notes="Since 1.31, alpha. A canary in a namespace that the stack doesn't hold is taken to be there.",
    bad=Example(
        namespace(labels=f"{USES_WAYPOINT}, {_CANARY}: waypoint") + waypoint(),
        "the canary of the Namespace shop is its waypoint itself: it is ignored",
    ),
    good=Example(
        namespace(labels=f"{USES_WAYPOINT}, {_CANARY}: next")
        + waypoint()
        + waypoint().replace("waypoint:", "next:", 1).replace("name: waypoint,", "name: next,")
    ),
    references=("https://istio.io/latest/docs/reference/config/labels/",),
    check_stack=_canaries,
)
_WILDCARD = resource(
    "anywhere",
    "networking.istio.io/v1:ServiceEntry",
    "metadata: {name: anywhere, namespace: shop}",
    "spec: {hosts: ['*.example.com'], ports: [{number: 443, name: tls, protocol: TLS}], resolution: DYNAMIC_DNS}",
)
ENTRIES = Rule(
    id="MW-IST-013",
    slug="service-entry-has-the-waypoint-it-needs",
    title="A ServiceEntry that only a waypoint can serve has one",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    applies_to=kinds.SERVICE_ENTRY,
    why=(
        "ztunnel can't serve a wildcard host or a connect strategy: without a waypoint istiod reports WaypointMissing, "
        "and the traffic leaves as if nobody had written the ServiceEntry, with nobody to check it."
    ),
    remedy=f"label the ServiceEntry or its namespace `{USE_WAYPOINT}` with an egress waypoint",
    config=AMBIENT_NAMESPACES,
    bad=Example(
        namespace() + _WILDCARD, "the ServiceEntry anywhere has a wildcard host, and no waypoint: it does nothing"
    ),
    good=Example(_BEHIND + _WILDCARD),
    references=("https://istio.io/latest/docs/ambient/usage/waypoint/",),
    check_stack=_entries,
)

RULES = (BY_INGRESS, HEADLESS, CANARY, ENTRIES)
