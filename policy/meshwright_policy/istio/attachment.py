"""What a waypoint enforces: it is attached by targetRefs, to something that is there and has a waypoint."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from meshwright_policy.istio import dataplane, kinds
from meshwright_policy.istio.dataplane import selects_classic_gateway
from meshwright_policy.istio.fragments import USES_WAYPOINT, namespace, resource, service, waypoint
from meshwright_policy.istio.mesh import (
    AMBIENT_NAMESPACES,
    Mesh,
    in_ambient,
    kind_of,
    name_of,
    namespace_of,
    seen,
    told,
)
from meshwright_policy.istio.policies import targets
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

_SECURITY = (*kinds.AUTHORIZATION_POLICY, *kinds.REQUEST_AUTHENTICATION)
_EXTENSION = (*kinds.WASM_PLUGIN, *kinds.TELEMETRY, *kinds.TRAFFIC_EXTENSION)
_GROUPS = {
    "Service": ("", "core"),
    "ServiceEntry": ("networking.istio.io",),
    "Gateway": ("gateway.networking.k8s.io",),
    "GatewayClass": ("gateway.networking.k8s.io",),
}
_ATTACH = "https://istio.io/latest/docs/ambient/usage/l7-features/"
_REFERENCE = "https://istio.io/latest/docs/reference/config/type/workload-selector/#PolicyTargetReference"


def _targets(stack: Stack, _: Config, *, tokens: tuple[str, ...]) -> Iterator[Answer]:
    attached = [(policy, target) for policy in stack.of(*tokens) for target in targets(policy)]
    if not attached:
        raise NotApplicableError("none of them is attached by targetRefs")
    for policy, target in attached:
        answer = _target(target, policy, stack)
        what = f"the {kind_of(policy)} {name_of(policy)}"
        if isinstance(answer, Undecided):
            yield Undecided(answer.reason, policy)
        elif answer:
            yield Violation(f"{what} is attached to {answer}: nobody enforces it", policy)


def _target(target: Any, policy: Subject, stack: Stack) -> str | Undecided:
    """What is wrong with a target, if anything."""
    kind, name, group, there = (at(target, key) for key in ("kind", "name", "group", "namespace"))
    where = namespace_of(policy)
    if UNKNOWN in (target, kind, name, group, there, where):
        return Undecided("what it is attached to is known only at the update")
    what = f"{kind if kind in _GROUPS else 'something else'} {told(name, 'of no valid name')}"
    if kind not in _GROUPS or (group or "") not in _GROUPS[kind]:
        return f"{what}, of a kind and group that no waypoint knows"
    if there not in (None, "", where):
        return f"{what} in another namespace than its own"
    if kind == "GatewayClass":
        roots = stack.derived(dataplane.seen).roots
        return "" if where in roots else f"the {what} outside of Istio's root namespace"
    mesh = stack.derived(seen)
    return _gateway(what, (where, name), mesh) if kind == "Gateway" else _service(what, kind, (where, name), mesh)


def _gateway(what: str, key: tuple[Any, Any], mesh: Mesh) -> str | Undecided:
    if key in mesh.gateways:
        return ""
    if not mesh.holds_gateways_of(key[0]):
        return Undecided(f"nothing in the stack shows whether there is the {what}")
    return f"the {what}, which {key[0]} doesn't have"


def _service(what: str, kind: str, key: tuple[Any, Any], mesh: Mesh) -> str | Undecided:
    is_service = kind == "Service"
    found = mesh.services.get(key) or mesh.patches.get(key) if is_service else mesh.service_entries.get(key)
    if found is None and is_service and key[0] in mesh.services_by_namespace:
        if key[0] not in mesh.applications:
            return Undecided(f"nothing in the stack shows whether there is the {what}")
        return f"the {what}, which {key[0]} doesn't have"
    bound = mesh.waypoint_of_target(key, found)
    if bound is UNKNOWN:
        return Undecided(f"nothing in the stack shows whether the {what} has a waypoint")
    return "" if bound else f"the {what}, which has no waypoint"


def _by_selector(stack: Stack, config: Config) -> Iterator[Answer]:
    mesh = stack.derived(seen)
    found = [(one, known) for one, known in in_ambient(stack, config, *kinds.REQUEST_AUTHENTICATION)]
    for policy, is_known in found:
        given = targets(policy)
        if given and UNKNOWN not in given:
            continue
        if _selects_gateway(policy, mesh):
            continue
        if UNKNOWN in given or not is_known:
            yield Undecided("where it is attached, or whether that is ambient, is known only at the update", policy)
        else:
            what = f"the RequestAuthentication {name_of(policy)} has no targetRefs"
            yield Violation(f"{what}: ztunnel reads no tokens, and waypoints ignore it", policy)


def _selects_gateway(policy: Subject, mesh: Mesh) -> bool:
    """Whether a selector names a gateway that is no waypoint, whose Envoy enforces the policy."""
    labels = at(policy.properties, "spec", "selector", "matchLabels")
    named = at(labels, "gateway.networking.k8s.io/gateway-name")
    if isinstance(named, str):
        return (namespace_of(policy), named) not in mesh.waypoints
    return selects_classic_gateway(labels)


def _extensions(stack: Stack, config: Config) -> Iterator[Answer]:
    mesh = stack.derived(seen)
    found = [(one, known) for one, known in in_ambient(stack, config, *_EXTENSION) if _is_for_http(one)]
    if not found:
        raise NotApplicableError("none of them is about HTTP")
    for one, is_known in found:
        given, selector = targets(one), at(one.properties, "spec", "selector", "matchLabels")
        if (given and UNKNOWN not in given) or _selects_gateway(one, mesh):
            continue
        is_wide = one.type in kinds.TELEMETRY and not selector
        bound = _of_namespace(namespace_of(one), mesh) if is_wide else None
        if UNKNOWN in given or not is_known or bound is UNKNOWN:
            yield Undecided("where it is attached, or whether that is ambient, is known only at the update", one)
        elif not bound:
            what = f"the {kind_of(one)} {name_of(one)}"
            why = (
                "is for a namespace without a waypoint"
                if is_wide
                else "has no targetRefs, and waypoints know no other way"
            )
            yield Violation(f"{what} {why}: nothing applies it", one)


def _of_namespace(namespace_: Any, mesh: Mesh) -> Any:
    """What heeds the Telemetry of a namespace: its gateways, and the waypoints of whatever in it uses one.

    Source: ``applicableTelemetries`` in istiod's ``pilot/pkg/model/telemetry.go``, which takes the namespace of the
    proxy and that of the Service.
    """
    if namespace_ is UNKNOWN:
        return UNKNOWN
    used = [use.waypoint for use in mesh.uses if use.namespace == namespace_]
    if any(where == namespace_ for where, _ in mesh.gateways) or any(UNKNOWN not in key for key in used):
        return True
    bound = UNKNOWN if used else mesh.waypoint_for(namespace_)
    # Services that the stack doesn't hold may have labels of their own.
    return UNKNOWN if bound is None and namespace_ not in mesh.applications else bound


def _is_for_http(subject: Subject) -> bool:
    """Whether a waypoint is needed for it: of a Telemetry for traces, access logs or tags of metrics."""
    if subject.type not in kinds.TELEMETRY:
        return True
    spec = at(subject.properties, "spec")
    metrics = elements(at(spec, "metrics"))
    return any(at(spec, key) for key in ("tracing", "accessLogging")) or any(at(one, "overrides") for one in metrics)


_SHOP = namespace() + service()
_BEHIND = namespace(labels=USES_WAYPOINT) + waypoint() + service()
_TO_CART = "targetRefs: [{kind: Service, group: '', name: cart}]"


def _of(name: str, token: str, *spec: str) -> str:
    lines = (f"  {line}" for line in spec)
    return resource(name, token, f"metadata: {{name: {name}, namespace: shop}}", "spec:", *lines)


_READ_ONLY = _of(
    "read-only",
    "security.istio.io/v1:AuthorizationPolicy",
    "action: DENY",
    _TO_CART,
    "rules: [{to: [{operation: {notMethods: [GET]}}]}]",
)
_PLUGIN = _of("coraza", "extensions.istio.io/v1alpha1:WasmPlugin", "url: oci://example.com/coraza:1", _TO_CART)
_JWT = "jwtRules: [{issuer: example.com, jwksUri: 'https://example.com/keys'}]"

TARGETS = Rule(
    id="MW-IST-017",
    slug="policy-target-has-a-waypoint",
    title="A policy with targetRefs is attached to something that has a waypoint",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    applies_to=_SECURITY,
    why=(
        "A policy with targetRefs is for a waypoint alone, and ztunnel never gets it. Where its target is not there, "
        "or has no waypoint, nobody enforces it: what it should deny is allowed."
    ),
    remedy="name a Service, ServiceEntry or waypoint of its own namespace, and have a waypoint used there",
    notes=(
        "A Service that the stack doesn't hold has the waypoint that its namespace's label names; without that label "
        "the rule is undecided, since the Service may have its own. It is missed where the application is the "
        "stack's: the stack makes the namespace, and workloads and Services in it, and no chart is installed there. "
        "Where it holds Services alone, such as those of `TrafficPolicy`, the rule is undecided. A Gateway is missed "
        "where the stack makes its namespace, and no chart is installed there. A GatewayClass works in Istio's root "
        "namespace alone. Whether the waypoint that is used is there is MW-IST-006's. Kiali finds some of "
        "it in the cluster (KIA0109, KIA1110, KIA1317)."
    ),
    bad=Example(
        _SHOP + _READ_ONLY,
        "the AuthorizationPolicy read-only is attached to the Service cart, which has no waypoint: nobody enforces it",
    ),
    good=Example(_BEHIND + _READ_ONLY),
    references=(_ATTACH, _REFERENCE),
    frameworks=(
        Requirement(
            "PCI DSS",
            "4.0.1",
            "7.3.2",
            "access control enforces the permissions that applications were given; for calls between workloads",
            "https://www.pcisecuritystandards.org/document_library/",
        ),
    ),
    check_stack=partial(_targets, tokens=_SECURITY),
)
EXTENSION_TARGETS = Rule(
    id="MW-IST-018",
    slug="extension-target-has-a-waypoint",
    title="An extension with targetRefs is attached to something that has a waypoint",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    applies_to=_EXTENSION,
    why=(
        "A WasmPlugin, TrafficExtension or Telemetry with targetRefs is for a waypoint alone. Where its target is not "
        "there, or has no waypoint, nothing applies it, and nothing says so."
    ),
    remedy=TARGETS.remedy,
    notes="Targets are judged as by MW-IST-017. Kiali finds some of it in the cluster (KIA1111, KIA1112).",
    bad=Example(
        _SHOP + _PLUGIN,
        "the WasmPlugin coraza is attached to the Service cart, which has no waypoint: nobody enforces it",
    ),
    good=Example(_BEHIND + _PLUGIN),
    references=(_ATTACH, _REFERENCE),
    check_stack=partial(_targets, tokens=_EXTENSION),
)
_AUTHENTICATION = "security.istio.io/v1:RequestAuthentication"
BY_SELECTOR = Rule(
    id="MW-IST-019",
    slug="request-authentication-at-a-waypoint",
    title="A RequestAuthentication of an ambient namespace is attached by targetRefs",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=kinds.REQUEST_AUTHENTICATION,
    why=(
        "ztunnel reads no HTTP, and a waypoint ignores policies without targetRefs. A RequestAuthentication with a "
        "selector is ignored: forged and expired tokens are let in."
    ),
    remedy="attach it to the Service or to its waypoint with targetRefs",
    notes="One that selects an ingress gateway is left alone. Kiali finds it in the cluster (KIA1115).",
    config=AMBIENT_NAMESPACES,
    bad=Example(
        _BEHIND + _of("jwt", _AUTHENTICATION, "selector: {matchLabels: {app: cart}}", _JWT),
        "the RequestAuthentication jwt has no targetRefs: ztunnel reads no tokens, and waypoints ignore it",
    ),
    good=Example(_BEHIND + _of("jwt", _AUTHENTICATION, _TO_CART, _JWT)),
    references=("https://istio.io/latest/docs/ambient/migrate/migrate-policies/",),
    check_stack=_by_selector,
)
EXTENSIONS = Rule(
    id="MW-IST-020",
    slug="extension-at-a-waypoint",
    title="An extension or Telemetry about HTTP reaches a waypoint",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    applies_to=_EXTENSION,
    why=(
        "ztunnel runs no extensions and makes no spans, access logs or metrics of HTTP. A waypoint applies what is "
        "attached by targetRefs; anything else is ignored."
    ),
    remedy="attach it to the Service or to its waypoint with targetRefs",
    notes=(
        "A Telemetry without selector and targetRefs holds for the gateways and waypoints of its namespace, and for "
        "waypoints that something in it uses: it needs one of them. Where the application isn't the stack's, its "
        "Services may use one unseen, and the rule is undecided. Kiali "
        "finds the rest in the cluster (KIA1116, KIA1117), and reports that one too."
    ),
    config=AMBIENT_NAMESPACES,
    bad=Example(
        _BEHIND + _PLUGIN.replace(_TO_CART, "selector: {matchLabels: {app: cart}}"),
        "the WasmPlugin coraza has no targetRefs, and waypoints know no other way: nothing applies it",
    ),
    good=Example(_BEHIND + _PLUGIN),
    references=(_ATTACH,),
    check_stack=_extensions,
)

RULES = (TARGETS, EXTENSION_TARGETS, BY_SELECTOR, EXTENSIONS)
