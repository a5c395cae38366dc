"""Authorization: policies that let nobody or everybody in, attach to nothing, or cut off the probes."""

from collections.abc import Iterator
from typing import Any

from meshwright.linkerd import labels
from meshwright_policy.linkerd.fragments import namespace, obj
from meshwright_policy.linkerd.objects import (
    AUTHORIZATION,
    EGRESS,
    KUBERNETES_NAMESPACE,
    LINKERD_NAMESPACE,
    MESH_TLS,
    NETWORK,
    NETWORK_POLICY,
    ROUTE,
    SERVERS,
    WORKLOAD,
    annotation,
    kind_of,
    name_of,
    namespace_of,
    told,
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

_POLICY = "https://linkerd.io/2/reference/authorization-policy/"
_OPEN = ("all-unauthenticated", "cluster-unauthenticated")
_EVERYWHERE = ("0.0.0.0/0", "::/0")
Key = tuple[Any, Any, Any]


def _by_key(stack: Stack) -> dict[Key, Subject]:
    """Kind, namespace and name -> what a policy may refer to."""
    return {
        (kind_of(one), namespace_of(one), name_of(one)): one for one in stack.of(*SERVERS, *ROUTE, *MESH_TLS, *NETWORK)
    }


def _references(policy: Subject) -> list[tuple[Any, Any, Any]]:
    """What a policy asks for, all of it: kind, namespace and name."""
    given = elements(at(policy.properties, "spec", "requiredAuthenticationRefs"))
    return [(at(one, "kind"), at(one, "namespace") or namespace_of(policy), at(one, "name")) for one in given]


def _target(policy: Subject) -> Key:
    target = at(policy.properties, "spec", "targetRef")
    return at(target, "kind"), namespace_of(policy), at(target, "name")


def _probes(stack: Stack, _: Config) -> Iterator[Answer]:
    found = [(route, server) for route in stack.of(*ROUTE) for server in _servers(route)]
    if not found:
        raise NotApplicableError("no route of the stack is attached to a Server")
    by_network = [one for one in stack.of(*AUTHORIZATION) if _is_by_network(one)]
    routes: dict[Any, list[Any]] = {}
    for route, server in found:
        routes.setdefault((namespace_of(route), server), []).append(name_of(route))
    told_of = set()
    for route, server in found:
        key = (namespace_of(route), server)
        if server is UNKNOWN or any(UNKNOWN in _target(one) for one in by_network):
            yield Undecided("what the route or a policy is attached to is known only at the update", route)
        elif key not in told_of and not any(_is_for(one, key, routes[key]) for one in by_network):
            told_of.add(key)
            what = f"the {kind_of(route)} {name_of(route)} ends the automatic authorization of probes"
            yield Violation(
                f"{what} at the Server {told(server, 'of no valid name')}, and no policy lets them in", route
            )


def _servers(route: Subject) -> Iterator[Any]:
    references = elements(at(route.properties, "spec", "parentRefs"))
    return (at(one, "name") for one in references if at(one, "kind") == "Server")


def _is_by_network(policy: Subject) -> bool:
    kinds = {kind for kind, _, _ in _references(policy)}
    return kinds == {"NetworkAuthentication"}


def _is_for(policy: Subject, server: tuple[Any, Any], routes: list[Any]) -> bool:
    kind, where, name = _target(policy)
    here = where == server[0]
    return here and ((kind == "Server" and name == server[1]) or (str(kind).endswith("Route") and name in routes))


def _contradiction(stack: Stack, _: Config) -> Iterator[Answer]:
    known = stack.derived(_by_key)
    for policy in stack.of(*AUTHORIZATION):
        wanted = [one for one in _references(policy) if one[0] in ("MeshTLSAuthentication", "ServiceAccount")]
        if len(wanted) < 2:
            continue
        allowed = [_identities(known, one) for one in wanted]
        exact = [each for each in allowed if each is not None]
        if len(exact) > 1 and not frozenset.intersection(*exact):
            yield Violation(
                f"the policy {name_of(policy)} asks for several identities at once: nobody has them", policy
            )
        elif None in allowed:
            yield Undecided("which identities the policy asks for the stack doesn't show", policy)


def _identities(known: dict[Key, Subject], reference: Key) -> frozenset[str] | None:
    """Who a reference lets in, as account and namespace; ``None`` where it isn't known, or is a pattern."""
    kind, where, name = reference
    if UNKNOWN in reference:
        return None
    if kind == "ServiceAccount":
        return frozenset({f"{name}.{where}"})
    found = known.get(reference) if all(isinstance(part, str) for part in reference) else None
    names = elements(at(found.properties, "spec", "identities")) if found else []
    if not names or not all(isinstance(each, str) and "*" not in each for each in names):
        return None
    return frozenset(".".join(each.split(".")[:2]) for each in names)


def _stricter(stack: Stack, _: Config) -> Iterator[Answer]:
    phases = {
        told(at(one.properties, "namespace"), one.name): at(one.properties, "phase")
        for one in stack.of(LINKERD_NAMESPACE)
    }
    closed = {name for name, phase in phases.items() if phase in ("authenticated", "deny")}
    if not closed and UNKNOWN not in phases.values():
        raise NotApplicableError("the stack declares no namespace authenticated or deny")
    for one in stack.of(*SERVERS, *WORKLOAD):
        is_server = one.type in SERVERS
        given = at(one.properties, "spec", "accessPolicy") if is_server else annotation(one, labels.INBOUND_POLICY)
        phase = phases.get(namespace_of(one))
        if given is UNKNOWN or (phase is UNKNOWN and given in _OPEN):
            yield Undecided("its policy, or the namespace's phase, is known only at the update", one)
        elif given in _OPEN and namespace_of(one) in closed:
            what = f"the {kind_of(one)} {name_of(one)} lets callers in without identity"
            yield Violation(f"{what}, and its namespace is declared {phase}", one)


def _dangling(stack: Stack, _: Config) -> Iterator[Answer]:
    known = stack.derived(_by_key)
    made = {name_of(one) for one in stack.of(KUBERNETES_NAMESPACE[0])}
    for policy in stack.of(*AUTHORIZATION):
        for key in (_target(policy), *_references(policy)):
            kind, where, name = key
            if UNKNOWN in key:
                yield Undecided("what the policy refers to is known only at the update", policy)
            elif kind in ("Namespace", "ServiceAccount", None) or not isinstance(name, str) or key in known:
                continue
            elif where in made:
                what = f"the policy {name_of(policy)} refers to a {told(str(kind).lower(), 'thing')}"
                yield Violation(f"{what} {told(name, 'of no valid name')} that is not there", policy)
            else:
                yield Undecided("what the policy refers to is not in the stack", policy)


def _everybody(stack: Stack, _: Config) -> Iterator[Answer]:
    known = stack.derived(_by_key)
    for policy in stack.of(*AUTHORIZATION):
        wanted = _references(policy)
        kind = _target(policy)[0]
        if {one[0] for one in wanted} != {"NetworkAuthentication"} or str(kind).endswith("Route"):
            continue
        for reference in wanted:
            found = known.get(reference) if all(isinstance(part, str) for part in reference) else None
            networks = elements(at(found.properties, "spec", "networks")) if found else [UNKNOWN]
            ranges = [at(one, "cidr") for one in networks]
            if any(cidr in _EVERYWHERE for cidr in ranges):
                what = f"the policy {name_of(policy)} lets everybody in"
                yield Violation(
                    f"{what}: it asks for any address, and for no identity", policy, (found,) if found else ()
                )
            elif UNKNOWN in ranges:
                yield Undecided("which addresses the policy lets in the stack doesn't show", policy)


def _anybody(subject: Subject, _: Config) -> Iterator[Answer]:
    identities = elements(at(subject.properties, "spec", "identities"))
    if "*" in identities:
        yield Violation(f"{name_of(subject)} takes any identity of the mesh (*)")
    elif UNKNOWN in identities:
        yield Undecided("which identities it takes is known only at the update")


def _boundary(stack: Stack, _: Config) -> Iterator[Answer]:
    closed = [one for one in stack.of(*EGRESS) if at(one.properties, "spec", "trafficPolicy") in ("Deny", UNKNOWN)]
    if not closed:
        raise NotApplicableError("no EgressNetwork of the stack denies")
    guarded = {
        namespace_of(one)
        for one in stack.of(*NETWORK_POLICY)
        if "Egress" in elements(at(one.properties, "spec", "policyTypes"))
    }
    for one in closed:
        if at(one.properties, "spec", "trafficPolicy") is UNKNOWN:
            yield Undecided("whether it denies is known only at the update", one)
        elif namespace_of(one) not in guarded:
            yield Violation(f"the EgressNetwork {name_of(one)} is no boundary: a pod can go round its own proxy", one)


def _ref(kind: str, name: str) -> str:
    return f"{{kind: {kind}, name: {name}}}"


def _allow(target: str, *asks: str, name: str = "allow") -> str:
    spec = f"{{targetRef: {target}, requiredAuthenticationRefs: [{', '.join(asks)}]}}"
    return obj("policy.linkerd.io/v1alpha1:AuthorizationPolicy", name, spec)


_SERVER = obj("policy.linkerd.io/v1beta3:Server", "web", "{podSelector: {}, port: 80}")
_ROUTE = obj(
    "gateway.networking.k8s.io/v1:HTTPRoute", "get", "{parentRefs: [{kind: Server, name: web}], rules: [{matches: []}]}"
)
_KUBELET = obj("policy.linkerd.io/v1alpha1:NetworkAuthentication", "kubelet", "{networks: [{cidr: 10.0.0.0/16}]}")
_WORLD = obj("policy.linkerd.io/v1alpha1:NetworkAuthentication", "kubelet", "{networks: [{cidr: 0.0.0.0/0}]}")
_BY_NETWORK = _allow(_ref("Server", "web"), _ref("NetworkAuthentication", "kubelet"), name="probes")
_AUTHENTICATED = (
    f"shop:\n  type: {LINKERD_NAMESPACE}\n  properties: {{namespace: shop, phase: authenticated, since: "
    f"'2026-10-01'}}\n"
)
_ALL = "policy.linkerd.io/v1alpha1:MeshTLSAuthentication"
_DENIES = obj("policy.linkerd.io/v1alpha1:EgressNetwork", "world", "{trafficPolicy: Deny}")

PROBES = Rule(
    id="MW-LNK-021",
    slug="probes-are-let-in-beside-routes",
    title="Probes are let in where a route is attached to a Server",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    applies_to=ROUTE,
    context=(*AUTHORIZATION, *SERVERS),
    why=(
        "Linkerd lets the kubelet's probes in by itself, until the first route is attached to the Server. Then "
        "they are "
        "refused, and the kubelet restarts every pod."
    ),
    remedy="add a route for the probes' paths, and an AuthorizationPolicy for it with a NetworkAuthentication",
    bad=Example(
        _SERVER + _ROUTE,
        "the HTTPRoute get ends the automatic authorization of probes at the Server web, and no policy lets them in",
    ),
    good=Example(_SERVER + _ROUTE + _KUBELET + _BY_NETWORK),
    references=("https://linkerd.io/2/features/server-policy/",),
    check_stack=_probes,
)
CONTRADICTION = Rule(
    id="MW-LNK-022",
    slug="policy-can-be-met",
    title="A caller can have all that a policy asks for",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=AUTHORIZATION,
    context=MESH_TLS,
    why=(
        "All of `requiredAuthenticationRefs` have to hold at once. A caller has one identity: two of them let nobody "
        "in."
    ),
    remedy="write one policy for each identity, or one MeshTLSAuthentication that lists all",
    bad=Example(
        _allow(_ref("Namespace", "shop"), _ref("ServiceAccount", "cart"), _ref("ServiceAccount", "web")),
        "the policy allow asks for several identities at once: nobody has them",
    ),
    good=Example(_allow(_ref("Namespace", "shop"), _ref("ServiceAccount", "cart"))),
    references=(_POLICY,),
    check_stack=_contradiction,
)
STRICTER = Rule(
    id="MW-LNK-023",
    slug="nothing-is-opener-than-its-phase",
    title="Nothing lets callers in without identity in a namespace that is authenticated",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=(LINKERD_NAMESPACE,),
    context=(*SERVERS, *WORKLOAD),
    why=(
        "A Server's or a workload's own policy wins over its namespace's. One of them opens what the phase says is "
        "closed."
    ),
    remedy="remove it, or set it to cluster-authenticated",
    bad=Example(
        _AUTHENTICATED
        + obj("policy.linkerd.io/v1beta3:Server", "web", "{port: 80, accessPolicy: all-unauthenticated}"),
        "the Server web lets callers in without identity, and its namespace is declared authenticated",
    ),
    good=Example(_AUTHENTICATED + _SERVER),
    references=(_POLICY,),
    check_stack=_stricter,
)
DANGLING = Rule(
    id="MW-LNK-024",
    slug="policy-refers-to-what-is-there",
    title="An AuthorizationPolicy refers to what is there",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=AUTHORIZATION,
    context=(*SERVERS, *ROUTE, *MESH_TLS, *NETWORK, *KUBERNETES_NAMESPACE),
    why=(
        "A policy for a Server that isn't there lets nobody in, and one that asks for a missing authentication is "
        "ignored."
    ),
    remedy="name what the namespace has",
    notes="Where the stack doesn't make the namespace, what is referred to may be there already: then it is undecided.",
    bad=Example(
        namespace() + _allow(_ref("Server", "wbe"), _ref("ServiceAccount", "cart")),
        "the policy allow refers to a server wbe that is not there",
    ),
    good=Example(namespace() + _SERVER + _allow(_ref("Server", "web"), _ref("ServiceAccount", "cart"))),
    references=(_POLICY, "https://kyverno.io/policies/linkerd/check-linkerd-authorizationpolicy/"),
    check_stack=_dangling,
)
EVERYBODY = Rule(
    id="MW-LNK-025",
    slug="policy-asks-for-identity",
    title="No policy lets every address in without identity",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=AUTHORIZATION,
    context=NETWORK,
    why="A NetworkAuthentication for 0.0.0.0/0, with nothing beside it, lets plaintext in from everywhere.",
    remedy="ask for an identity too, name the nodes' range, or target the route of the probes alone",
    bad=Example(
        _SERVER + _WORLD + _BY_NETWORK,
        "the policy probes lets everybody in: it asks for any address, and for no identity",
    ),
    good=Example(_SERVER + _KUBELET + _BY_NETWORK),
    references=(_POLICY,),
    check_stack=_everybody,
)
ANYBODY = Rule(
    id="MW-LNK-026",
    slug="identities-are-named",
    title="A MeshTLSAuthentication names the identities that it takes",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    applies_to=MESH_TLS,
    why="`*` takes every workload of the mesh, also of clusters that are linked to it.",
    remedy="list service accounts in `identityRefs`",
    bad=Example(obj(_ALL, "anyone", "{identities: ['*']}"), "anyone takes any identity of the mesh (*)"),
    good=Example(obj(_ALL, "cart", "{identityRefs: [{kind: ServiceAccount, name: cart}]}")),
    references=(_POLICY,),
    check=_anybody,
)
BOUNDARY = Rule(
    id="MW-LNK-027",
    slug="egress-has-a-network-policy",
    title="Where an EgressNetwork denies, a NetworkPolicy stands behind it",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    applies_to=EGRESS,
    context=NETWORK_POLICY,
    why="EgressNetwork is enforced by the pod's own proxy, which the pod can go round. Linkerd calls it no boundary.",
    remedy="add a NetworkPolicy with `policyTypes: [Egress]` to the namespace",
    bad=Example(_DENIES, "the EgressNetwork world is no boundary: a pod can go round its own proxy"),
    good=Example(
        _DENIES + obj("networking.k8s.io/v1:NetworkPolicy", "out", "{podSelector: {}, policyTypes: [Egress]}")
    ),
    references=("https://linkerd.io/2/features/egress/",),
    check_stack=_boundary,
)

RULES = (PROBES, CONTRADICTION, STRICTER, DANGLING, EVERYBODY, ANYBODY, BOUNDARY)
