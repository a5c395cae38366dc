"""AuthorizationPolicies that ztunnel is given but cannot enforce as written.

The facts are istiod's, ``pilot/pkg/serviceregistry/ambient/authorization.go``, and ztunnel's, ``src/rbac.rs``: istiod
strips HTTP fields before it sends a policy. Of an ALLOW policy it drops the whole rule. Of a DENY policy it sends what
is left; a match that is left empty matches nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from meshwright.istio.layers import DROPPED_SOURCE, L4_CONDITIONS, L4_OPERATION, L4_SOURCE, L7_OPERATION, L7_SOURCE
from meshwright_policy.istio import dataplane
from meshwright_policy.istio.charts import installed, istiod_env
from meshwright_policy.istio.policies import DRY_RUN_FLAG, is_dry_run
from meshwright_policy.record import (
    Answer,
    Config,
    Example,
    Level,
    NotApplicableError,
    PutOffError,
    Requirement,
    Rule,
    Severity,
    Subject,
    Undecided,
    Violation,
)
from meshwright_policy.stack import Stack
from meshwright_policy.values import UNKNOWN, at, elements, listed

POLICY = tuple(
    f"kubernetes:security.istio.io/{v}:AuthorizationPolicy{kind}" for kind in ("", "Patch") for v in ("v1", "v1beta1")
)


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
    sources = [
        _match(at(source, "source"), (*L7_SOURCE, *DROPPED_SOURCE), L4_SOURCE) for source in elements(at(rule, "from"))
    ]
    conditions = [[_condition(condition)] for condition in elements(at(rule, "when"))]
    return [clause for clause in (operations, sources, *conditions) if clause]


def _l7(rule: list[list[Match]]) -> tuple[str, ...]:
    """The HTTP fields of a rule, each once, in order."""
    return tuple(dict.fromkeys(name for clause in rule for match in clause for name in match.l7))


def _enforced_by_ztunnel(subject: Subject, *actions: str) -> str | None:
    """What is unknown of a policy's kind: empty where nothing is, ``None`` where it is attached to a waypoint.

    Raises:
        NotApplicableError: Its action is none of ``actions``.
    """
    spec = at(subject.properties, "spec")
    action = at(spec, "action")
    targets = [at(spec, key) for key in ("targetRefs", "targetRef")]
    # A patch without an action leaves the object's own, which isn't seen.
    is_open = action is UNKNOWN or (action is None and subject.type.endswith("Patch"))
    if not is_open and (action or "ALLOW") not in actions:
        raise NotApplicableError(f"its action is not {listed(actions)}")
    if any(target is not UNKNOWN and target for target in targets):
        return None
    return listed([*["action"] * is_open, *["targetRefs"] * (UNKNOWN in targets)])


def _rules(subject: Subject) -> Iterator[tuple[str, list[list[Match]]]]:
    """Each rule of a policy with its place; one alone is called "its rule"."""
    rules = elements(at(subject.properties, "spec", "rules"))
    for index, rule in enumerate(rules):
        yield ("its rule" if len(rules) == 1 else f"rules[{index}]"), clauses(rule)


def _settled(subject: Subject, config: Config, question: str, found: list[str]) -> Iterator[Answer]:
    """The violations, unless it is open whether ztunnel gets the policy."""
    is_open = any(match.open for _, rule in _rules(subject) for clause in rule for match in clause)
    if not found and not is_open:
        return
    doubt = dataplane.doubt(subject, config)
    if question:
        doubt = f"only the update will know its {question}"
    if not found:
        yield Undecided("its rules are known only at the update", subject)
    elif doubt:
        yield Undecided(doubt, subject)
    else:
        yield from (Violation(message, subject) for message in found)


def _deny(subject: Subject, config: Config) -> Iterator[Answer]:
    question = _enforced_by_ztunnel(subject, "DENY")
    if question is None or is_dry_run(subject):
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
    yield from _settled(subject, config, question, found)


def _by_trust_domain(place: str, rule: list[list[Match]]) -> Iterator[str]:
    """What becomes of an ALLOW rule without HTTP that istiod sends on without its trust domains."""
    known = f"at ztunnel, which knows no {listed(_l7(rule))}"
    matches = [match for clause in rule for match in clause if match.l7]
    if any(match.l4 for match in matches):
        yield f"{place} allows more than it says {known}"
    elif matches:
        yield f"{place} or a part of it never matches {known}: what it allows is denied"


def _allow(subject: Subject, config: Config) -> Iterator[Answer]:
    question = _enforced_by_ztunnel(subject, "ALLOW")
    if question is None or is_dry_run(subject):
        return
    rules = [
        (place, tuple(name for name in _l7(rule) if name not in DROPPED_SOURCE)) for place, rule in _rules(subject)
    ]
    dropped = [(place, fields) for place, fields in rules if fields]
    if dropped and len(dropped) == len(rules):
        fields = dict.fromkeys(name for _, fields in dropped for name in fields)
        found = [f"ztunnel knows no {listed(list(fields))} and drops every rule: all is denied"]
    else:
        found = [
            f"ztunnel knows no {listed(fields)} and drops {place}: what it allows is denied"
            for place, fields in dropped
        ]
    lost = {place for place, _ in dropped}
    found += [
        message for place, rule in _rules(subject) if place not in lost for message in _by_trust_domain(place, rule)
    ]
    yield from _settled(subject, config, question, found)


def _custom(subject: Subject, config: Config) -> Iterator[Answer]:
    question = _enforced_by_ztunnel(subject, "CUSTOM")
    if question is not None:
        found = ["the CUSTOM policy never reaches ztunnel: nobody asks its authorizer"]
        yield from _settled(subject, config, question, found)


def _audit(subject: Subject, config: Config) -> Iterator[Answer]:
    dry_run = is_dry_run(subject)
    question = _enforced_by_ztunnel(subject, *(("AUDIT", "ALLOW", "DENY") if dry_run else ("AUDIT",)))
    if question is None:
        return
    if dry_run:
        dataplane.doubt(subject, config)
        yield from _tried(subject)
    else:
        found = ["the AUDIT policy never reaches ztunnel: nothing is audited"]
        yield from _settled(subject, config, question, found)


def _tried(subject: Subject) -> Iterator[Answer]:
    stack = subject.stack or Stack(())
    flag = istiod_env(stack, DRY_RUN_FLAG)
    if flag == "true":
        return
    if not stack.complete:
        raise PutOffError("what istiod is told shows at the end of the stack")
    if flag is UNKNOWN or not installed(stack, "istiod"):
        yield Undecided(f"ztunnel gets a dry run only where istiod has {DRY_RUN_FLAG}", subject)
    else:
        yield Violation(f"istiod has no {DRY_RUN_FLAG}: ztunnel doesn't get the dry run", subject)


_DATAPLANE = {
    "sidecar_namespaces": {
        "type": "array",
        "items": {"type": "string"},
        "default": [],
        "description": "Globs of namespaces that are still on sidecars, where such a policy is enforced as written.",
    },
    "ambient_namespaces": {
        "type": "array",
        "items": {"type": "string"},
        "default": [],
        "description": "Globs of namespaces that are ambient, where the stack itself doesn't show it.",
    },
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
    + ". "
    + " and ".join(f"`{name}`" for name in DROPPED_SOURCE)
    + " istiod drops without a word, and keeps the rule: beside another source it lets in, or denies, more than it "
    "says; alone it never matches. Who enforces a policy shows in the stack. "
    "A namespace is ambient by its label `istio.io/dataplane-mode`, "
    "by an `AmbientNamespace` in permissive or strict, or by the option `ambient_namespaces`; it is on sidecars "
    "by `istio-injection: enabled`, by `istio.io/rev` without ambient, or by the option `sidecar_namespaces`, and "
    "there the rule does not apply. A namespace of which the stack says neither counts as ambient where anything "
    "in the stack is (a namespace, `IstioAmbient`, a waypoint, the chart ztunnel), and so does Istio's root "
    "namespace; where nothing is, the rule is undecided. What came before the policy is enough to refuse it "
    "before it is made, if it shows that the namespace is ambient; otherwise the policy is judged at the end of "
    "the stack: let the policy depend on its namespace. A policy that selects a gateway of Istio's charts, as "
    "`istio: ingressgateway`, `istio: ingress` or `app: istio-ingressgateway`, is left alone: the gateway's Envoy "
    "enforces it. So is one that selects, by the label gateway-name, a Gateway of the stack that is no waypoint; "
    "a waypoint is reached by targetRefs alone. A dry run denies and allows nothing: MW-IST-005 speaks about it. "
    "Of a patch without an action the rule is undecided."
)


def _policy(action: str, rule: str, target: str = "") -> str:
    return f"""\
shop:
  type: kubernetes:core/v1:Namespace
  properties: {{metadata: {{name: shop, labels: {{istio.io/dataplane-mode: ambient}}}}}}
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
        "fires: what it should deny is allowed. Up to 1.31 the status claims the opposite, and so does `istioctl "
        "analyze` (IST0133), where it says anything. Where a port or a source is left beside the HTTP field, the rule "
        "denies more than it says."
    ),
    remedy=_REMEDY,
    notes=_NOTES,
    config=_DATAPLANE,
    context=dataplane.CONTEXT,
    bad=Example(
        _policy("DENY", _METHODS),
        "its rule never fires at ztunnel, which knows no methods: what it should deny is allowed",
    ),
    good=Example(_policy("DENY", _METHODS, _AT_WAYPOINT)),
    references=(*_REFERENCES, "https://github.com/istio/istio/issues/61126"),
    frameworks=(
        Requirement(
            "PCI DSS",
            "4.0.1",
            "7.3.2",
            "access control enforces the permissions that applications were given; for calls between workloads",
            "https://www.pcisecuritystandards.org/document_library/",
        ),
    ),
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
        "allows is denied; where no rule is left, all traffic is. Trust domains it drops from the rule alone: what is "
        "left of it lets in callers of every domain."
    ),
    remedy=_REMEDY,
    notes=_NOTES,
    config=_DATAPLANE,
    context=dataplane.CONTEXT,
    bad=Example(
        _policy("ALLOW", _METHODS),
        "ztunnel knows no methods and drops every rule: all is denied",
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
    config=_DATAPLANE,
    context=dataplane.CONTEXT,
    bad=Example(
        _policy("CUSTOM", "provider: {name: opa}\n      rules: [{}]"),
        "the CUSTOM policy never reaches ztunnel: nobody asks its authorizer",
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
        "istiod doesn't send AUDIT policies to ztunnel, so nothing is audited. Dry runs it sends only behind a flag. "
        "Where the stack doesn't install istiod, whether it has the flag can't be seen: they are undecided."
    ),
    remedy="attach it to a waypoint with targetRefs",
    notes=_NOTES,
    config=_DATAPLANE,
    context=dataplane.CONTEXT,
    bad=Example(_policy("AUDIT", "rules: [{}]"), "the AUDIT policy never reaches ztunnel: nothing is audited"),
    good=Example(_policy("AUDIT", "rules: [{}]", _AT_WAYPOINT)),
    references=_REFERENCES,
    check=_audit,
)

RULES = (DENY, ALLOW, CUSTOM, AUDIT)
