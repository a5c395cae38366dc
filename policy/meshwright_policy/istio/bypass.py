"""Who may reach the workloads behind a waypoint: the waypoint, and nobody past it."""

from collections.abc import Iterator
from typing import Any

from meshwright_policy.istio import kinds
from meshwright_policy.istio.charts import istiod_env
from meshwright_policy.istio.fragments import USES_WAYPOINT, namespace, resource, service, waypoint
from meshwright_policy.istio.mesh import Mesh, name_of, namespace_of, seen
from meshwright_policy.istio.policies import (
    action,
    all_about,
    behind,
    covers,
    is_principal,
    lets_in,
    names_identity,
    rules,
    selector_of,
    sources,
    targets,
)
from meshwright_policy.istio.selectors import BySelector, either
from meshwright_policy.record import (
    Answer,
    Config,
    Example,
    Level,
    NotApplicableError,
    Requirement,
    Rule,
    Severity,
    Subject,
    Undecided,
    Violation,
)
from meshwright_policy.stack import Stack
from meshwright_policy.values import UNKNOWN, at, elements

_MIGRATE = "https://istio.io/latest/docs/ambient/migrate/migrate-policies/"
_L4 = "https://istio.io/latest/docs/ambient/usage/l4-policy/"
_ATTACHED = (*kinds.AUTHORIZATION_POLICY, *kinds.REQUEST_AUTHENTICATION)


def _by_namespace(stack: Stack) -> dict[Any, BySelector[Subject]]:
    """Namespace -> its AuthorizationPolicies that ztunnel enforces."""
    found: dict[Any, list[tuple[Any, Subject]]] = {}
    for policy in stack.of(*kinds.AUTHORIZATION_POLICY):
        if not targets(policy):
            found.setdefault(namespace_of(policy), []).append((selector_of(policy), policy))
    return {namespace: BySelector(policies) for namespace, policies in found.items()}


def _closed(stack: Stack, _: Config) -> Iterator[Answer]:
    mesh, guards = stack.derived(seen), stack.derived(_by_namespace)
    relying = [(policy, _relied_on(policy, mesh)) for policy in stack.of(*_ATTACHED)]
    if not any(found for _, found in relying):
        raise NotApplicableError("no policy of the stack is enforced at a waypoint")
    for policy, found in relying:
        for bound, service_ in found:
            if bound is UNKNOWN:
                yield Undecided("which waypoint enforces it is known only at the update", policy)
                continue
            principal = mesh.principal_of(bound)
            selector = at(service_.properties, "spec", "selector") if service_ is not None else None
            there = guards.get(namespace_of(policy), BySelector(()))
            answer = either(_guards(guard, principal, selector) for guard in there.around(selector))
            what = f"what {name_of(policy)} enforces at the waypoint {bound[1]}"
            if answer is None:
                yield Undecided(f"whether anybody gets past {what} is known only at the update", policy)
            elif not answer:
                yield Violation(f"{what} is not enforced for callers that go past it to a pod", policy)


def _relied_on(policy: Subject, mesh: Mesh) -> list[tuple[Any, Subject | None]]:
    """The waypoints that enforce a policy, each with the Service that it is attached to."""
    where = namespace_of(policy)
    found: list[tuple[Any, Subject | None]] = []
    for target in targets(policy):
        kind, name = at(target, "kind"), at(target, "name")
        if UNKNOWN in (target, kind, name):
            found.append((UNKNOWN, None))
        elif kind == "Service":
            service_ = mesh.services.get((where, name))
            bound = mesh.waypoint_for(where, mesh.labels_of_service((where, name)))
            found += [(bound, service_)] if bound is not None else []
        elif kind == "Gateway" and (where, name) in mesh.waypoints:
            found.append(((where, name), None))
    return found


def _guards(policy: Subject, principal: str, selector: Any) -> bool | None:
    """Whether a policy keeps everybody but a waypoint away from all pods with these labels."""
    answer = covers(policy, selector or {})
    if not answer:
        return answer
    what = action(policy)
    if what == "DENY":
        return either(_denies_others(rule, principal) for rule in rules(policy))
    if what == "ALLOW":
        if not rules(policy):
            return True  # default deny: what other policies allow beside it, somebody declared
        who = [names_identity([one], frozenset({principal})) for one in all_about(policy, "principals")]
        return bool(who) and all(sources(rule) for rule in rules(policy)) and all(who)
    return None if what is UNKNOWN else False


def _denies_others(rule: Any, principal: str) -> bool | None:
    if rule is UNKNOWN or UNKNOWN in (at(rule, "from"), at(rule, "to"), at(rule, "when")):
        return None
    if at(rule, "to") or at(rule, "when"):
        return False
    return either(names_identity(at(one, "notPrincipals"), frozenset({principal})) for one in sources(rule))


def _judges_itself(stack: Stack, _: Config) -> Iterator[Answer]:
    mesh = stack.derived(seen)
    known = frozenset(mesh.principal_of(key) for key in (*mesh.waypoints, *(use.waypoint for use in mesh.uses)))
    attached = [policy for policy in stack.of(*kinds.AUTHORIZATION_POLICY) if targets(policy)]
    naming = [(policy, names) for policy in attached if any(names := _named(policy, known))]
    if not naming:
        raise NotApplicableError("no policy that is attached by targetRefs names a waypoint's identity")
    for policy, names in naming:
        if not all(names) or not all(sources(rule) for rule in rules(policy)):
            continue
        if UNKNOWN in (*targets(policy), action(policy), *names):
            yield Undecided("what else it names, and where it is attached, is known only at the update", policy)
        else:
            what = f"the AuthorizationPolicy {name_of(policy)} is attached by targetRefs and names a waypoint"
            yield Violation(f"{what}: the waypoint compares it with its callers, and denies all of them", policy)


def _named(policy: Subject, known: frozenset[str]) -> list[Any]:
    """Of each identity on which a policy depends, whether it is a waypoint's; it may be unknown."""
    keys = {"DENY": ("notPrincipals",), "ALLOW": ("principals",)}.get(
        str(action(policy)), ("principals", "notPrincipals")
    )
    given = [one for key in keys for one in all_about(policy, key)]
    return [UNKNOWN if one is UNKNOWN else names_identity([one], known) for one in given]


def _let_through(stack: Stack, _: Config) -> Iterator[Answer]:
    mesh, guards = stack.derived(seen), stack.derived(_by_namespace)
    found = [
        (policy, key)
        for policies in guards.values()
        for policy in policies.within({})
        for key in behind(policy, mesh)
        # Of a namespace that isn't seen nothing says that there is a waypoint at all.
        if (namespace_of(policy) in mesh.spaces if key is UNKNOWN else key is not None and mesh.takes_services(key))
    ]
    asked = [(policy, key) for policy, key in found if _asks_who(policy, stack)]
    if not asked:
        raise NotApplicableError("no policy at ztunnel asks who calls a workload that has a waypoint")
    for policy, key in asked:
        if key is UNKNOWN:
            yield Undecided("whether it stands behind a waypoint is known only at the update", policy)
            continue
        answer = _passes(policy, mesh.principal_of(key), guards[namespace_of(policy)], stack)
        if answer is None:
            yield Undecided(f"whether it lets the waypoint {key[1]} through is known only at the update", policy)
        elif not answer:
            what = f"the AuthorizationPolicy {name_of(policy)} doesn't let the waypoint {key[1]} through"
            yield Violation(f"{what}, whose identity ztunnel sees in place of its callers': they are denied", policy)


def _asks_who(policy: Subject, stack: Stack) -> bool:
    """Whether a policy that ztunnel enforces depends on the caller, or denies all where a waypoint is to allow."""
    what = action(policy)
    if what == "ALLOW" and not rules(policy):
        return namespace_of(policy) in stack.derived(_allowing_at_waypoints)
    key = "notPrincipals" if what == "DENY" else "principals"
    return what in ("ALLOW", "DENY") and any(True for _ in all_about(policy, key))


def _allowing_at_waypoints(stack: Stack) -> frozenset[Any]:
    """Namespaces with an ALLOW policy that a waypoint enforces."""
    policies = stack.of(*kinds.AUTHORIZATION_POLICY)
    return frozenset(namespace_of(one) for one in policies if targets(one) and action(one) == "ALLOW" and rules(one))


def _passes(policy: Subject, principal: str, beside: BySelector[Subject], stack: Stack) -> bool | None:
    where = namespace_of(policy)
    if action(policy) == "DENY":
        denied = (_denies(rule, principal) for rule in rules(policy))
        answer = either(denied)
        return None if answer is None else not answer
    if istiod_env(stack, "PILOT_AUTO_ALLOW_WAYPOINT_POLICY") == "true":
        return True
    selector = selector_of(policy) or {}
    # One for all workloads may leave the waypoint to those for some of them.
    near = (*beside.around(selector), *beside.within(selector))
    others = (one for one in near if action(one) == "ALLOW" and (covers(one, selector) or _is_part(one, policy)))
    return either(lets_in(rule, principal, where) for one in (policy, *others) for rule in rules(one))


def _is_part(one: Subject, policy: Subject) -> bool:
    return bool(covers(policy, selector_of(one) or {}))


def _denies(rule: Any, principal: str) -> bool | None:
    """Whether a DENY rule that excepts callers fails to except the waypoint."""
    named = [elements(at(one, "notPrincipals")) for one in sources(rule)]
    excepted = [either(is_principal(name, principal) for name in names) for names in named if names]
    return either(None if answer is None else not answer for answer in excepted)


def _policy(name: str, *spec: str) -> str:
    head = f"metadata: {{name: {name}, namespace: shop}}"
    return resource(name, "security.istio.io/v1:AuthorizationPolicy", head, "spec:", *(f"  {line}" for line in spec))


_SHOP = namespace(labels=USES_WAYPOINT) + waypoint() + service(spec="selector: {app: cart}, ports: [{port: 80}]")
_READ_ONLY = _policy(
    "read-only",
    "action: ALLOW",
    "targetRefs: [{kind: Service, group: '', name: cart}]",
    "rules: [{to: [{operation: {methods: [GET]}}]}]",
)
_ONLY_WAYPOINT = "rules: [{from: [{source: {notPrincipals: [cluster.local/ns/shop/sa/waypoint]}}]}]"
_GUARD = _policy("through-waypoint", "action: DENY", "selector: {matchLabels: {app: cart}}", _ONLY_WAYPOINT)

CLOSED = Rule(
    id="MW-IST-014",
    slug="nobody-gets-past-the-waypoint",
    title="Nobody reaches a workload past the waypoint that enforces its policy",
    severity=Severity.HIGH,
    level=Level.ADVISORY,
    applies_to=_ATTACHED,
    why=(
        "A waypoint stands in the way of those that call the Service. Who calls a pod's address, and every caller "
        "with a sidecar, reaches the workload past it, and past the policy."
    ),
    remedy=(
        "add a DENY policy with a selector, without targetRefs, whose `notPrincipals` is the waypoint's identity, as "
        "RequireWaypoint does"
    ),
    notes=(
        "A policy counts where it is attached to a Service that has a waypoint, or to a waypoint. Its workloads are "
        "guarded by a DENY policy in their namespace that selects all of them and excepts the waypoint, or by an "
        "ALLOW policy that lets in the waypoint alone, or nobody; other exceptions, such as of sidecars that are left, "
        "are fine. A waypoint's service account has the name of its Gateway."
    ),
    bad=Example(
        _SHOP + _READ_ONLY,
        "what read-only enforces at the waypoint waypoint is not enforced for callers that go past it to a pod",
    ),
    good=Example(_SHOP + _READ_ONLY + _GUARD),
    references=(_MIGRATE, "https://github.com/istio/istio.io/issues/17520"),
    frameworks=(
        Requirement(
            "PCI DSS",
            "4.0.1",
            "7.3.2",
            "access control enforces the permissions that applications were given; for calls between workloads",
            "https://www.pcisecuritystandards.org/document_library/",
        ),
    ),
    check_stack=_closed,
)
JUDGES_ITSELF = Rule(
    id="MW-IST-015",
    slug="waypoint-does-not-judge-itself",
    title="A policy about a waypoint's identity is enforced behind the waypoint",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    applies_to=kinds.AUTHORIZATION_POLICY,
    why=(
        "With targetRefs the waypoint itself enforces the policy, and compares it with its callers. One that lets in "
        "the waypoint alone denies every caller, and guards nothing: a caller that goes past the waypoint meets no "
        "policy at all. Published guides have it wrong."
    ),
    remedy="select the workloads with `selector` and leave out `targetRefs`: then ztunnel enforces it",
    notes="It knows the waypoints that the stack holds, and those that its labels name.",
    bad=Example(
        _SHOP
        + _policy(
            "through-waypoint", "action: DENY", "targetRefs: [{kind: Service, group: '', name: cart}]", _ONLY_WAYPOINT
        ),
        "the AuthorizationPolicy through-waypoint is attached by targetRefs and names a waypoint: the waypoint "
        "compares it with its callers, and denies all of them",
    ),
    good=Example(
        _SHOP
        + _READ_ONLY.replace(
            "rules: [{to:",
            "rules: [{from: [{source: {principals: [a/ns/b/sa/c, cluster.local/ns/shop/sa/waypoint]}}], to:",
        )
    ),
    references=(_MIGRATE,),
    check_stack=_judges_itself,
)
LET_THROUGH = Rule(
    id="MW-IST-016",
    slug="ztunnel-lets-the-waypoint-through",
    title="A policy at ztunnel lets the waypoint through",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=kinds.AUTHORIZATION_POLICY,
    why=(
        "Behind a waypoint ztunnel sees the waypoint's identity, not the caller's. A policy with a selector that lists "
        "callers, and not the waypoint, denies all that comes through the waypoint."
    ),
    remedy="add the waypoint's identity, and list the callers in a policy with targetRefs",
    notes=(
        "Of an ALLOW policy another one for the same workloads, or for some of them, may let the waypoint in. A "
        "policy that allows nothing counts where a waypoint of its namespace is to allow something. With "
        "`PILOT_AUTO_ALLOW_WAYPOINT_POLICY` istiod lets the waypoint in by itself."
    ),
    bad=Example(
        _SHOP
        + _policy(
            "callers",
            "selector: {matchLabels: {app: cart}}",
            "rules: [{from: [{source: {principals: [cluster.local/ns/till/sa/till]}}]}]",
        ),
        "the AuthorizationPolicy callers doesn't let the waypoint waypoint through, whose identity ztunnel sees in "
        "place of its callers': they are denied",
    ),
    good=Example(
        _SHOP
        + _policy(
            "callers",
            "selector: {matchLabels: {app: cart}}",
            "rules: [{from: [{source: {principals: [cluster.local/ns/shop/sa/waypoint]}}]}]",
        )
    ),
    references=(_L4,),
    check_stack=_let_through,
)

RULES = (CLOSED, JUDGES_ITSELF, LET_THROUGH)
