"""Labels that name a waypoint: it is there, it takes this traffic, and it lets the namespace in."""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from meshwright_policy.istio import kinds
from meshwright_policy.istio.fragments import USES_WAYPOINT, namespace, service, waypoint
from meshwright_policy.istio.mesh import (
    AMBIENT_NAMESPACES,
    NAMESPACES,
    READ,
    Mesh,
    Use,
    Waypoint,
    labels_of,
    seen,
)
from meshwright_policy.istio.selectors import either, matches_namespace
from meshwright_policy.record import (
    Answer,
    Config,
    Example,
    Level,
    NotApplicableError,
    Rule,
    Severity,
    Undecided,
    Violation,
)
from meshwright_policy.stack import Stack
from meshwright_policy.values import UNKNOWN, at, elements

_PAGE = "https://istio.io/latest/docs/ambient/usage/waypoint/"
_PAST = "its traffic goes past the waypoint, and past its policies"
_LATER = "is known only at the update"


def _used(stack: Stack) -> tuple[Mesh, tuple[Use, ...]]:
    mesh = stack.derived(seen)
    if not mesh.uses:
        raise NotApplicableError("nothing in the stack asks for a waypoint")
    return mesh, mesh.uses


def _exists(stack: Stack, config: Config) -> Iterator[Answer]:
    mesh, uses = _used(stack)
    globs = [glob for glob in elements(config["waypoints_elsewhere"]) if isinstance(glob, str)]
    for use in uses:
        where, name = use.waypoint
        if UNKNOWN in use.waypoint:
            yield Undecided(f"which waypoint {use.what} uses {_LATER}", use.subject)
        elif use.waypoint in mesh.waypoints or any(fnmatchcase(f"{where}/{name}", glob) for glob in globs):
            continue
        elif mesh.is_open or (use.waypoint not in mesh.gateways and (where not in mesh.spaces or where in mesh.filled)):
            yield Undecided(f"nothing in the stack shows whether {where} has a waypoint {name}", use.subject)
        elif use.waypoint in mesh.gateways:
            yield Violation(
                f"{use.what} uses the Gateway {name} in {where}, which is no waypoint: {_PAST}", use.subject
            )
        else:
            yield Violation(f"{use.what} uses the waypoint {name}, which {where} doesn't have: {_PAST}", use.subject)


def _in_stack(stack: Stack) -> Iterator[tuple[Use, Waypoint, Mesh]]:
    mesh, uses = _used(stack)
    found = [(use, mesh.waypoints[use.waypoint], mesh) for use in uses if use.waypoint in mesh.waypoints]
    if not found and all(UNKNOWN not in use.waypoint for use in uses):
        raise NotApplicableError("the waypoints that are used are not in the stack; MW-IST-006 speaks about them")
    yield from found


_TAKES = {
    "workload": (kinds.WORKLOAD, ("workload", "all")),
    "service": ((*kinds.SERVICE, *kinds.SERVICE_PATCH, *kinds.SERVICE_ENTRY), ("service", "all")),
    "any": (NAMESPACES, ("service", "workload", "all")),
}


def _takes_traffic(stack: Stack, _: Config) -> Iterator[Answer]:
    for use, gateway, _mesh in _in_stack(stack):
        traffic = gateway.traffic
        wanted, taken = next((kind, fits) for kind, (tokens, fits) in _TAKES.items() if use.subject.type in tokens)
        if traffic is UNKNOWN:
            yield Undecided(f"which traffic the waypoint {gateway.name} takes {_LATER}", use.subject)
        elif traffic not in taken:
            what = f"{wanted} traffic" if wanted != "any" else "any traffic"
            yield Violation(
                f"{use.what} uses the waypoint {gateway.name}, which doesn't take {what}: {_PAST}",
                use.subject,
                (gateway.subject,),
            )


def _lets_in(stack: Stack, _: Config) -> Iterator[Answer]:
    across = [found for found in _in_stack(stack) if found[0].namespace != found[1].namespace]
    if not across:
        raise NotApplicableError("no waypoint of the stack is used from another namespace")
    for use, gateway, mesh in across:
        if use.namespace is UNKNOWN:
            yield Undecided(f"the namespace of {use.what} {_LATER}", use.subject)
            continue
        listeners = at(gateway.subject.properties, "spec", "listeners")
        answer = either(_admits(listener, use.namespace, mesh) for listener in elements(listeners))
        if answer is None:
            yield Undecided(f"whether the waypoint {gateway.name} lets {use.namespace} in {_LATER}", use.subject)
        elif not answer:
            yield Violation(
                f"{use.what} uses the waypoint {gateway.name} of {gateway.namespace}, whose allowedRoutes don't let "
                f"{use.namespace} in: {_PAST}",
                use.subject,
                (gateway.subject,),
            )


def _admits(listener: object, namespace_: str, mesh: Mesh) -> bool | None:
    if listener is UNKNOWN:
        return None
    from_, selector = (at(listener, "allowedRoutes", "namespaces", key) for key in ("from", "selector"))
    if from_ is UNKNOWN:
        return None
    if from_ == "Selector":
        return matches_namespace(selector, namespace_, mesh.spaces.get(namespace_))
    return bool(from_ == "All")


def _enrolled(stack: Stack, config: Config) -> Iterator[Answer]:
    mesh, uses = _used(stack)
    for use in uses:
        is_pod = use.subject.type in kinds.WORKLOAD
        own = at(labels_of(use.subject), "istio.io/dataplane-mode") if is_pod else None
        is_ambient = own == "ambient" or (mesh.is_ambient(use.namespace, config) if own is None else None)
        if own is UNKNOWN or is_ambient is None:
            yield Undecided(f"nothing in the stack shows whether {use.what} is ambient", use.subject)
        elif not is_ambient:
            yield Violation(f"{use.what} asks for a waypoint but is not ambient", use.subject)


_SHOP = namespace(labels=USES_WAYPOINT)

EXISTS = Rule(
    id="MW-IST-006",
    slug="waypoint-is-there",
    title="A waypoint that is asked for is there",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    applies_to=READ,
    why=(
        "Where `istio.io/use-waypoint` names a waypoint that doesn't exist, ztunnel sends the traffic straight to the "
        "workload. Nothing fails, and no L7 policy is applied."
    ),
    remedy="create the waypoint first, in the namespace that the label means, or correct the label",
    notes=(
        "A waypoint is a Gateway of class istio-waypoint, in the object's own namespace unless "
        "`istio.io/use-waypoint-namespace` names another. It is missed where the stack holds its namespace; of a "
        "namespace that another stack holds the rule is undecided, unless `waypoints_elsewhere` lists the waypoint. "
        "So it is while a Gateway's name is unknown, or a ConfigGroup isn't unfolded, and where a chart is installed "
        "into the namespace. Whether a waypoint is ready "
        "only the cluster knows."
    ),
    config={
        "waypoints_elsewhere": {
            "type": "array",
            "items": {"type": "string"},
            "default": [],
            "description": "Globs of `<namespace>/<name>` of waypoints that something else than the stack makes.",
        }
    },
    bad=Example(_SHOP, f"the namespace shop uses the waypoint waypoint, which shop doesn't have: {_PAST}"),
    good=Example(_SHOP + waypoint()),
    references=(_PAGE, "https://github.com/istio/istio.io/issues/17520"),
    check_stack=_exists,
)
TAKES_TRAFFIC = Rule(
    id="MW-IST-007",
    slug="waypoint-takes-the-traffic",
    title="A waypoint takes the traffic of what uses it",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    applies_to=READ,
    why=(
        "A waypoint takes the traffic of Services unless `istio.io/waypoint-for` says otherwise. Of anything else that "
        "names it, istiod reports UnsupportedTrafficType, and the traffic goes straight to the workload."
    ),
    remedy="set `istio.io/waypoint-for` on the Gateway to what uses it, or to `all`",
    notes=(
        "A label on a Service or ServiceEntry needs `service` or `all`, one on a pod `workload` or `all`, one on a "
        "namespace anything but `none`."
    ),
    bad=Example(
        namespace() + waypoint(labels="istio.io/waypoint-for: workload") + service(labels=USES_WAYPOINT),
        f"the Service cart uses the waypoint waypoint, which doesn't take service traffic: {_PAST}",
    ),
    good=Example(namespace() + waypoint(labels="istio.io/waypoint-for: all") + service(labels=USES_WAYPOINT)),
    references=(f"{_PAGE}#waypoint-traffic-types",),
    check_stack=_takes_traffic,
)
_FROM_ELSEWHERE = namespace("till", f"{USES_WAYPOINT}, istio.io/use-waypoint-namespace: shop") + namespace()
LETS_IN = Rule(
    id="MW-IST-008",
    slug="waypoint-lets-the-namespace-in",
    title="A waypoint lets in every namespace that uses it",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    applies_to=READ,
    why=(
        "A Gateway's listener lets in routes, and users, of its own namespace alone unless `allowedRoutes` says more. "
        "For others istiod reports AttachmentDenied, and their traffic goes straight to the workload."
    ),
    remedy="set the listener's `allowedRoutes.namespaces` to `from: Selector` with the namespaces that use it",
    notes="A namespace that the stack doesn't hold is matched by its name alone.",
    bad=Example(
        _FROM_ELSEWHERE + waypoint(),
        "the namespace till uses the waypoint waypoint of shop, whose allowedRoutes don't let till in: " + _PAST,
    ),
    good=Example(
        _FROM_ELSEWHERE
        + waypoint(routes="{from: Selector, selector: {matchLabels: {kubernetes.io/metadata.name: till}}}")
    ),
    references=(f"{_PAGE}#using-cross-namespace-waypoints",),
    check_stack=_lets_in,
)
ENROLLED = Rule(
    id="MW-IST-009",
    slug="waypoint-user-is-ambient",
    title="What asks for a waypoint is ambient",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    applies_to=READ,
    why=(
        "A waypoint speaks HBONE to the workloads behind it, and ztunnel takes that for ambient ones alone. Without "
        "the label the last hop is plaintext, and what calls the pod directly meets nothing."
    ),
    remedy="label the namespace `istio.io/dataplane-mode: ambient`, or remove the label that names the waypoint",
    notes="Kiali finds the same in the cluster (KIA1312).",
    config=AMBIENT_NAMESPACES,
    bad=Example(
        namespace(labels=USES_WAYPOINT, ambient="") + waypoint(),
        "the namespace shop asks for a waypoint but is not ambient",
    ),
    good=Example(_SHOP + waypoint()),
    references=(_PAGE, "https://kiali.io/docs/features/validations/"),
    check_stack=_enrolled,
)

RULES = (EXISTS, TAKES_TRAFFIC, LETS_IN, ENROLLED)
