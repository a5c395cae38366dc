"""What belongs to sidecars and does nothing, or harm, beside ambient."""

from collections.abc import Iterator
from typing import Any

from meshwright.istio.labels import DATAPLANE_MODE, INJECTION, REVISION
from meshwright_policy.istio import kinds
from meshwright_policy.istio.dataplane import selects_classic_gateway
from meshwright_policy.istio.fragments import namespace, resource
from meshwright_policy.istio.mesh import (
    AMBIENT_NAMESPACES,
    NAMESPACES,
    Mesh,
    Space,
    kind_of,
    labels_of,
    name_of,
    namespace_of,
    pod_of,
    seen,
    shows_ambient,
)
from meshwright_policy.istio.policies import targets
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
from meshwright_policy.values import UNKNOWN, at

_INJECT = "sidecar.istio.io/inject"


def _one_mode(stack: Stack, config: Config) -> Iterator[Answer]:
    mesh = stack.derived(seen)
    ambient = [space for space in mesh.spaces.values() if mesh.is_ambient(space.name, config) is not False]
    workloads = [
        (workload, mesh.is_ambient(namespace_of(workload), config))
        for workload in stack.of(*kinds.WORKLOAD)
        if _is_injected(workload) is not False
    ]
    both = [(workload, is_ambient) for workload, is_ambient in workloads if is_ambient is not False]
    if not ambient and not any(is_ambient for _, is_ambient in both):
        raise NotApplicableError("no namespace of the stack is ambient")
    for space in ambient:
        yield from _of_namespace(space)
    for workload, is_ambient in both:
        if is_ambient is None or _is_injected(workload) is None:
            yield Undecided("its labels, or those of its namespace, are known only at the update", workload)
        else:
            what = f"the {kind_of(workload)} {name_of(workload)} asks for a sidecar in an ambient namespace"
            yield Violation(f"{what}: the sidecar wins, and goes past waypoints", workload)


def _of_namespace(space: Space) -> Iterator[Answer]:
    mode, injection, revision = (space.label(key) for key in (DATAPLANE_MODE, INJECTION, REVISION))
    carrier = space.carriers.get(INJECTION) or space.carriers.get(REVISION) or space.carriers.get(DATAPLANE_MODE)
    if injection == "enabled" and mode == "ambient":
        what = f"the namespace {space.name} is ambient, and injects sidecars"
        yield Violation(f"{what}: the sidecar wins, and goes past waypoints", carrier)
    elif UNKNOWN in (mode, injection) and (mode or injection):
        yield Undecided(f"whether {space.name} is ambient and injects is known only at the update", carrier)
    elif mode == "ambient" and revision and injection != "disabled":
        # The label means injection to the webhook, and the waypoints' control plane to istiod.
        if revision is UNKNOWN:
            yield Undecided(f"whether {space.name} injects is known only at the update", carrier)
        else:
            what = f"the namespace {space.name} is ambient, and {REVISION} injects sidecars of that revision"
            yield Violation(f"{what}: the sidecar wins, and goes past waypoints", carrier)


def _is_injected(workload: Subject) -> bool | None:
    """Whether a workload asks for a sidecar: by its pods' label, which counts first, or annotation."""
    label = at(labels_of(workload), _INJECT)
    annotation = at(pod_of(workload), "metadata", "annotations", _INJECT)
    asked = label if label is not None else annotation
    return None if asked is UNKNOWN else str(asked).lower() == "true"


def _filters(stack: Stack, config: Config) -> Iterator[Answer]:
    if not shows_ambient(stack, config):
        raise NotApplicableError("nothing in the stack is ambient")
    mesh = stack.derived(seen)
    for subject in stack.of(*kinds.ENVOY_FILTER):
        named = [target for target in targets(subject) if _is_waypoint(target, subject, mesh)]
        is_ambient = mesh.is_ambient(namespace_of(subject), config)
        labels = at(subject.properties, "spec", "workloadSelector", "labels")
        if named:
            yield Violation(f"the EnvoyFilter {name_of(subject)} is attached to a waypoint, which ignores it", subject)
        elif targets(subject) or _selects_gateway(labels, subject, mesh) or is_ambient is False:
            continue
        elif is_ambient is None or labels is UNKNOWN:
            yield Undecided("what it selects, and whether that is ambient, the stack doesn't show", subject)
        else:
            what = f"the EnvoyFilter {name_of(subject)} is in an ambient namespace"
            yield Violation(f"{what}: ztunnel is no Envoy, and waypoints ignore it", subject)


def _is_waypoint(target: Any, subject: Subject, mesh: Mesh) -> bool:
    return at(target, "kind") == "Gateway" and (namespace_of(subject), at(target, "name")) in mesh.waypoints


def _selects_gateway(labels: Any, subject: Subject, mesh: Mesh) -> bool:
    named = at(labels, "gateway.networking.k8s.io/gateway-name")
    if isinstance(named, str):
        return (namespace_of(subject), named) not in mesh.waypoints
    return selects_classic_gateway(labels)


def _scopes(stack: Stack, config: Config) -> Iterator[Answer]:
    if not shows_ambient(stack, config):
        raise NotApplicableError("nothing in the stack is ambient")
    mesh = stack.derived(seen)
    for subject in stack.of(*kinds.SIDECAR):
        is_ambient = mesh.is_ambient(namespace_of(subject), config)
        if is_ambient:
            yield Violation(
                f"the Sidecar {name_of(subject)} is in an ambient namespace, where it does nothing", subject
            )
        elif is_ambient is None:
            yield Undecided("nothing in the stack shows whether its namespace is ambient", subject)


def _in_shop(name: str, token: str, spec: str) -> str:
    return resource(
        name, f"networking.istio.io/{token}", f"metadata: {{name: {name}, namespace: shop}}", f"spec: {spec}"
    )


_PATCH = "configPatches: [{applyTo: HTTP_FILTER, patch: {operation: ADD}}]"

ONE_MODE = Rule(
    id="MW-IST-023",
    slug="ambient-or-sidecars",
    title="A namespace is ambient or injects sidecars, not both",
    severity=Severity.HIGH,
    level=Level.ADVISORY,
    applies_to=(*NAMESPACES, *kinds.WORKLOAD),
    why=(
        "Where both are asked for, new pods get a sidecar, and ztunnel leaves them alone. Calls from a sidecar go past "
        "waypoints, and past their policies. Half of the pods may be one thing and half the other."
    ),
    remedy="remove the injection labels, and restart the pods",
    notes=(
        "For a step of a migration it is meant: restart the pods soon after it. `istio.io/rev` on a namespace injects "
        "as well, unless `istio-injection: disabled` stands beside it. Pods ask by the label or annotation "
        f"`{_INJECT}`. Kiali finds it in the cluster (KIA1311, KIA1314 to KIA1316)."
    ),
    config=AMBIENT_NAMESPACES,
    bad=Example(
        namespace(labels="istio-injection: enabled"),
        "the namespace shop is ambient, and injects sidecars: the sidecar wins, and goes past waypoints",
    ),
    good=Example(namespace(labels="istio-injection: disabled")),
    references=(
        "https://istio.io/latest/docs/ambient/usage/add-workloads/",
        "https://istio.io/latest/docs/ambient/migrate/",
    ),
    check_stack=_one_mode,
)
FILTERS = Rule(
    id="MW-IST-024",
    slug="no-envoy-filter-for-ambient",
    title="No EnvoyFilter is for a waypoint or an ambient namespace",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=kinds.ENVOY_FILTER,
    why=(
        "ztunnel is no Envoy, and a waypoint ignores EnvoyFilters without a word. What the filter should check or "
        "limit is neither checked nor limited."
    ),
    remedy="use a WasmPlugin, TrafficExtension or policy with targetRefs, or remove it",
    notes=(
        "One that selects an ingress gateway is left alone. One of a namespace of which the stack doesn't tell is "
        "undecided."
    ),
    config=AMBIENT_NAMESPACES,
    bad=Example(
        namespace() + _in_shop("limit", "v1alpha3:EnvoyFilter", f"{{{_PATCH}}}"),
        "the EnvoyFilter limit is in an ambient namespace: ztunnel is no Envoy, and waypoints ignore it",
    ),
    good=Example(
        namespace()
        + _in_shop(
            "limit", "v1alpha3:EnvoyFilter", f"{{workloadSelector: {{labels: {{istio: ingressgateway}}}}, {_PATCH}}}"
        )
    ),
    references=("https://istio.io/latest/docs/ambient/migrate/migrate-policies/",),
    check_stack=_filters,
)
SCOPES = Rule(
    id="MW-IST-025",
    slug="no-sidecar-object-for-ambient",
    title="No Sidecar object is in an ambient namespace",
    severity=Severity.LOW,
    level=Level.ADVISORY,
    applies_to=kinds.SIDECAR,
    why=(
        "A Sidecar scopes what a sidecar knows. In an ambient namespace it does nothing: what it should keep callers "
        "from is open to them (IST0167)."
    ),
    remedy="remove it, and keep callers away by AuthorizationPolicy or `serviceEntryVisibility`",
    config=AMBIENT_NAMESPACES,
    bad=Example(
        namespace() + _in_shop("scope", "v1:Sidecar", "{egress: [{hosts: ['./*']}]}"),
        "the Sidecar scope is in an ambient namespace, where it does nothing",
    ),
    good=Example(
        namespace()
        + _in_shop("scope", "v1:Sidecar", "{egress: [{hosts: ['./*']}]}").replace("namespace: shop", "namespace: old")
        + namespace("old", "istio-injection: enabled", ambient="")
    ),
    references=("https://istio.io/latest/docs/reference/config/analysis/ist0167/",),
    check_stack=_scopes,
)

RULES = (ONE_MODE, FILTERS, SCOPES)
