"""AuthorizationPolicies that ztunnel is given but cannot enforce as written.

The facts are istiod's, ``pilot/pkg/serviceregistry/ambient/authorization.go``, and ztunnel's, ``src/rbac.rs``: istiod
strips HTTP fields before it sends a policy. Of an ALLOW policy it drops the whole rule. Of a DENY policy it sends what
is left; a match that is left empty matches nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

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
from meshwright_policy.values import UNKNOWN, at, elements, listed

POLICY = tuple(f"kubernetes:security.istio.io/{v}:AuthorizationPolicy" for v in ("v1", "v1beta1"))
L7_OPERATION = ("hosts", "notHosts", "methods", "notMethods", "paths", "notPaths")
L4_OPERATION = ("ports", "notPorts")
L7_SOURCE = ("remoteIpBlocks", "notRemoteIpBlocks", "requestPrincipals", "notRequestPrincipals")
L4_SOURCE = (
    "ipBlocks", "notIpBlocks", "namespaces", "notNamespaces", "serviceAccounts", "notServiceAccounts", "principals",
    "notPrincipals",
)  # fmt: skip
L4_CONDITIONS = ("source.ip", "source.namespace", "source.principal", "destination.ip", "destination.port")
_GATEWAY_LABELS = ("gateway.networking.k8s.io/gateway-name", "istio.io/gateway-name")


@dataclass(frozen=True, slots=True)
class Match:
    """One alternative of a clause, by what it asks for."""

    l7: tuple[str, ...] = ()
    l4: bool = False
    """Something that ztunnel can match is left, or may be."""
    open: bool = False
    """An unknown value may add HTTP fields."""


def _match(fields: Any, l7: tuple[str, ...], l4: tuple[str, ...]) -> Match:
    if fields is UNKNOWN:
        return Match(l4=True, open=True)
    present = {name: at(fields, name) for name in (*l7, *l4)}
    return Match(
        tuple(name for name in l7 if present[name] is not UNKNOWN and elements(present[name])),
        any(elements(present[name]) for name in l4),
        any(present[name] is UNKNOWN for name in l7),
    )


def _condition(condition: Any) -> Match:
    key = at(condition, "key")
    if condition is UNKNOWN or key is UNKNOWN:
        return Match(l4=True, open=True)
    if key in L4_CONDITIONS:
        return Match(l4=True)
    return Match(l7=("when",))


def clauses(rule: Any) -> list[list[Match]]:
    """The clauses of a rule, which must all match; of a clause, one alternative must."""
    if rule is UNKNOWN:
        return [[Match(l4=True, open=True)]]
    operations = [_match(at(to, "operation"), L7_OPERATION, L4_OPERATION) for to in elements(at(rule, "to"))]
    sources = [_match(at(source, "source"), L7_SOURCE, L4_SOURCE) for source in elements(at(rule, "from"))]
    conditions = [[_condition(condition)] for condition in elements(at(rule, "when"))]
    return [clause for clause in (operations, sources, *conditions) if clause]


def _l7(rule: list[list[Match]]) -> tuple[str, ...]:
    """The HTTP fields of a rule, each once, in order."""
    return tuple(dict.fromkeys(name for clause in rule for match in clause for name in match.l7))


def _enforced_by_ztunnel(subject: Subject, config: Config, *actions: str) -> str | None:
    """What is unknown about whether ztunnel gets a policy: empty where nothing is, ``None`` where it doesn't get it.

    Raises:
        NotApplicableError: its action is none of ``actions``, or it is for sidecars or gateways.
    """
    metadata, spec = at(subject.properties, "metadata"), at(subject.properties, "spec")
    action, namespace, selector = at(spec, "action"), at(metadata, "namespace"), at(spec, "selector")
    targets = [at(spec, key) for key in ("targetRefs", "targetRef")]
    sidecars = [glob for glob in elements(config["sidecar_namespaces"]) if isinstance(glob, str)]
    if action is not UNKNOWN and (action or "ALLOW") not in actions:
        raise NotApplicableError(f"its action is not {listed(actions)}")
    if _selects_a_gateway(selector):
        raise NotApplicableError("it selects a gateway, whose Envoy enforces it")
    if namespace is not UNKNOWN and any(fnmatchcase(str(namespace or "default"), glob) for glob in sidecars):
        raise NotApplicableError("its namespace is on sidecars, which enforce it")
    if any(target is not UNKNOWN and target for target in targets):
        return None
    unknown = {
        "action": action is UNKNOWN,
        "targetRefs": UNKNOWN in targets,
        "selector": selector is UNKNOWN,
        "namespace": namespace is UNKNOWN and bool(sidecars),
    }
    return listed([name for name, is_open in unknown.items() if is_open])


def _selects_a_gateway(selector: Any) -> bool:
    labels = at(selector, "matchLabels")
    named = (at(labels, key) for key in _GATEWAY_LABELS)
    return (
        any(isinstance(name, str) and "waypoint" not in name for name in named)
        or "gateway" in str(at(labels, "istio"))
        or str(at(labels, "app")).startswith("istio-")
    )


def _is_dry_run(subject: Subject) -> bool:
    return str(at(subject.properties, "metadata", "annotations", "istio.io/dry-run")).lower() == "true"


def _rules(subject: Subject) -> Iterator[tuple[str, list[list[Match]]]]:
    """Each rule of a policy with its place; one alone is called "its rule"."""
    rules = elements(at(subject.properties, "spec", "rules"))
    for index, rule in enumerate(rules):
        yield ("its rule" if len(rules) == 1 else f"rules[{index}]"), clauses(rule)


def _settled(subject: Subject, question: str, found: list[str]) -> Iterator[Answer]:
    """The violations, unless an unknown value leaves it open whether ztunnel gets the policy."""
    if found and question:
        yield Undecided(f"the {question} of {subject.name} is known only at the update")
    elif found:
        yield from (Violation(message) for message in found)
    elif any(match.open for _, rule in _rules(subject) for clause in rule for match in clause):
        yield Undecided(f"the rules of {subject.name} are known only at the update")


def _deny(subject: Subject, config: Config) -> Iterator[Answer]:
    question = _enforced_by_ztunnel(subject, config, "DENY")
    if question is None or _is_dry_run(subject):
        return
    found = []
    for place, rule in _rules(subject):
        if not (fields := _l7(rule)):
            continue
        known = f"at ztunnel, which knows no {listed(fields)}"
        # Nothing is left of a clause: it matches nothing, and so does the rule.
        if any(not any(match.l4 for match in clause) for clause in rule):
            found.append(f"{place} never fires {known}: what it should deny is allowed")
        elif any(match.l7 and not match.l4 for clause in rule for match in clause):
            found.append(f"a part of {place} never fires {known}: what it should deny is allowed")
        else:
            found.append(f"{place} denies more than it says {known}")
    yield from _settled(subject, question, [f"DENY policy {subject.name}: {effect}" for effect in found])


def _allow(subject: Subject, config: Config) -> Iterator[Answer]:
    question = _enforced_by_ztunnel(subject, config, "ALLOW")
    if question is None or _is_dry_run(subject):
        return
    rules = [(place, _l7(rule)) for place, rule in _rules(subject)]
    dropped = [(place, fields) for place, fields in rules if fields]
    if dropped and len(dropped) == len(rules):
        fields = dict.fromkeys(name for _, fields in dropped for name in fields)
        found = [f"ztunnel knows no {listed(list(fields))} and drops every rule: all is denied"]
    else:
        found = [
            f"ztunnel knows no {listed(fields)} and drops {place}: what it allows is denied"
            for place, fields in dropped
        ]
    yield from _settled(subject, question, [f"ALLOW policy {subject.name}: {effect}" for effect in found])


def _custom(subject: Subject, config: Config) -> Iterator[Answer]:
    question = _enforced_by_ztunnel(subject, config, "CUSTOM")
    if question is not None:
        found = [f"CUSTOM policy {subject.name} never reaches ztunnel: nobody asks its authorizer"]
        yield from _settled(subject, question, found)


def _audit(subject: Subject, config: Config) -> Iterator[Answer]:
    dry_run = _is_dry_run(subject)
    question = _enforced_by_ztunnel(subject, config, *(("AUDIT", "ALLOW", "DENY") if dry_run else ("AUDIT",)))
    if question is None:
        return
    if dry_run:
        yield Undecided(
            f"ztunnel gets the dry run {subject.name} only where istiod has AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY"
        )
    else:
        found = [f"AUDIT policy {subject.name} never reaches ztunnel: nothing is audited"]
        yield from _settled(subject, question, found)


_SIDECARS = {
    "sidecar_namespaces": {
        "type": "array",
        "items": {"type": "string"},
        "default": [],
        "description": "Globs of namespaces that are still on sidecars, where such a policy is enforced as written.",
    }
}
_REFERENCES = (
    "https://istio.io/latest/docs/ambient/usage/l4-policy/",
    "https://github.com/istio/istio/blob/master/pilot/pkg/serviceregistry/ambient/authorization.go",
)
_REMEDY = (
    "attach it to a waypoint with targetRefs, or keep to what ztunnel enforces: principals, namespaces, IPs and ports"
)
_NOTES = (
    "ztunnel enforces a policy that has no targetRefs. HTTP fields are "
    + ", ".join(f"`{name}`" for name in (*L7_OPERATION, *L7_SOURCE))
    + ", and `when` with any key but "
    + ", ".join(f"`{key}`" for key in L4_CONDITIONS)
    + ". A policy that selects a gateway (label `istio: …gateway`, `app: istio-…` or a gateway's name) is left alone: "
    "its Envoy enforces it. So is one in a namespace of `sidecar_namespaces`. A dry "
    "run denies and allows nothing: MW-IST-005 speaks about it."
)


def _policy(action: str, rule: str, target: str = "") -> str:
    return f"""\
no-admin:
  type: kubernetes:security.istio.io/v1:AuthorizationPolicy
  properties:
    metadata: {{name: no-admin, namespace: shop}}
    spec:
      action: {action}
      {target or "selector: {matchLabels: {app: cart}}"}
      {rule}
"""


_METHODS = "rules: [{to: [{operation: {methods: [DELETE]}}]}]"
_AT_WAYPOINT = "targetRefs: [{kind: Service, group: '', name: cart}]"

DENY = Rule(
    id="MW-IST-002",
    slug="deny-policy-fires-at-ztunnel",
    title="A DENY policy that ztunnel enforces has no HTTP fields",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    applies_to=POLICY,
    why=(
        "istiod strips HTTP fields from what it sends to ztunnel. A DENY rule of which nothing is left never "
        "fires: what it should deny is allowed. `istioctl analyze` says nothing, and up to 1.31 the status claims "
        "the opposite. Where a port or a source is left beside the HTTP field, the rule denies more than it says."
    ),
    remedy=_REMEDY,
    notes=_NOTES,
    config=_SIDECARS,
    bad=Example(
        _policy("DENY", _METHODS),
        "DENY policy no-admin: its rule never fires at ztunnel, which knows no methods: what it should deny is allowed",
    ),
    good=Example(_policy("DENY", _METHODS, _AT_WAYPOINT)),
    references=(*_REFERENCES, "https://github.com/istio/istio/issues/61126"),
    check=_deny,
)
ALLOW = Rule(
    id="MW-IST-003",
    slug="allow-policy-keeps-its-rules-at-ztunnel",
    title="An ALLOW policy that ztunnel enforces has no HTTP fields",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=POLICY,
    why=(
        "istiod drops every ALLOW rule with an HTTP field before it sends the policy to ztunnel. What only that rule "
        "allows is denied; where no rule is left, all traffic is."
    ),
    remedy=_REMEDY,
    notes=_NOTES,
    config=_SIDECARS,
    bad=Example(
        _policy("ALLOW", _METHODS),
        "ALLOW policy no-admin: ztunnel knows no methods and drops every rule: all is denied",
    ),
    good=Example(_policy("ALLOW", "rules: [{from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}]}]")),
    references=_REFERENCES,
    check=_allow,
)
CUSTOM = Rule(
    id="MW-IST-004",
    slug="custom-policy-at-a-waypoint",
    title="A CUSTOM policy is attached to a waypoint or gateway",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=POLICY,
    why="ztunnel knows no external authorizer: istiod doesn't send it the policy, and the traffic passes unasked.",
    remedy="attach it to a waypoint with targetRefs",
    notes=_NOTES,
    config=_SIDECARS,
    bad=Example(
        _policy("CUSTOM", "provider: {name: opa}\n      rules: [{}]"),
        "CUSTOM policy no-admin never reaches ztunnel: nobody asks its authorizer",
    ),
    good=Example(_policy("CUSTOM", "provider: {name: opa}\n      rules: [{}]", _AT_WAYPOINT)),
    references=_REFERENCES,
    check=_custom,
)
AUDIT = Rule(
    id="MW-IST-005",
    slug="audit-policy-at-a-waypoint",
    title="An AUDIT policy is attached to a waypoint or gateway",
    severity=Severity.LOW,
    level=Level.ADVISORY,
    applies_to=POLICY,
    why=(
        "istiod doesn't send AUDIT policies to ztunnel, so nothing is audited. Dry runs it sends only behind a flag, "
        "which can't be seen here: they are undecided."
    ),
    remedy="attach it to a waypoint with targetRefs",
    notes=_NOTES,
    config=_SIDECARS,
    bad=Example(_policy("AUDIT", "rules: [{}]"), "AUDIT policy no-admin never reaches ztunnel: nothing is audited"),
    good=Example(_policy("AUDIT", "rules: [{}]", _AT_WAYPOINT)),
    references=_REFERENCES,
    check=_audit,
)

RULES = (DENY, ALLOW, CUSTOM, AUDIT)
