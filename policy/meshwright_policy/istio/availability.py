"""Control plane and waypoints that survive the loss of a pod or a node."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from meshwright.istio.overlays import OVERLAYS
from meshwright_policy.istio import kinds
from meshwright_policy.istio.charts import Chart, installed
from meshwright_policy.istio.fragments import chart, namespace, resource, waypoint
from meshwright_policy.istio.mesh import Mesh, Waypoint, key_of, namespace_of, seen
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
from meshwright_policy.values import UNKNOWN, at, listed, shown

_AUTOSCALER = tuple(f"kubernetes:autoscaling/{version}:HorizontalPodAutoscaler" for version in ("v2", "v1"))
_BUDGET = ("kubernetes:policy/v1:PodDisruptionBudget",)
_DEFAULTS = "gateway.istio.io/defaults-for-class"


def _istiod(stack: Stack, _: Config) -> Iterator[Answer]:
    found = installed(stack, "istiod")
    if not found:
        raise NotApplicableError("the stack doesn't install istiod")
    for istiod in found:
        replicas = _least(istiod)
        if replicas is UNKNOWN:
            yield Undecided("the least number of replicas of istiod is known only at the update", istiod.subject)
        elif not isinstance(replicas, int | float) or replicas < 2:
            yield Violation("istiod may run as one replica, and then has no disruption budget", istiod.subject)


def _least(istiod: Chart) -> Any:
    enabled = istiod.setting("autoscaleEnabled")
    if enabled is UNKNOWN:
        return UNKNOWN
    given = istiod.setting("autoscaleMin" if enabled is not False else "replicaCount")
    return 1 if given is None else given


def _waypoints(stack: Stack) -> tuple[Mesh, tuple[Waypoint, ...]]:
    mesh = stack.derived(seen)
    if not mesh.waypoints:
        raise NotApplicableError("the stack has no waypoint")
    return mesh, tuple(mesh.waypoints.values())


def _config_maps(stack: Stack) -> Mapping[Any, Subject]:
    return {key_of(subject): subject for subject in stack.of(*kinds.CONFIG_MAP)}


def _overlays(gateway: Waypoint, stack: Stack) -> Any:
    """What a waypoint's ConfigMap, or its class, adds: overlay -> mapping, or unknown."""
    reference = _reference(gateway)
    found = stack.derived(_config_maps).get((gateway.namespace, reference)) if isinstance(reference, str) else None
    given = at(found.properties, "data") if found is not None else UNKNOWN if reference is not None else {}
    if UNKNOWN in (reference, given):
        return UNKNOWN
    read = [*stack.derived(_of_class), _read(given)]
    return UNKNOWN if UNKNOWN in read else {key: value for overlays in read for key, value in overlays.items()}


def _of_class(stack: Stack) -> list[Any]:
    """What istiod, or a labelled ConfigMap, adds to every waypoint."""
    given = [
        *(at(one.properties, "data") for one in stack.of(*kinds.CONFIG_MAP) if _is_for_waypoints(one)),
        *(istiod.value("gatewayClasses", "istio-waypoint") for istiod in installed(stack, "istiod")),
    ]
    return [_read(overlays) for overlays in given]


def _is_for_waypoints(subject: Subject) -> bool:
    return bool(at(subject.properties, "metadata", "labels", _DEFAULTS) == "istio-waypoint")


def _reference(gateway: Waypoint) -> Any:
    return at(gateway.subject.properties, "spec", "infrastructure", "parametersRef", "name")


def _read(overlays: Any) -> Any:
    if overlays is UNKNOWN or UNKNOWN in (overlays.values() if isinstance(overlays, Mapping) else ()):
        return UNKNOWN
    texts = overlays.items() if isinstance(overlays, Mapping) else ()
    return {key: _parsed(text) for key, text in texts if key in OVERLAYS}


def _parsed(text: Any) -> Any:
    try:
        return yaml.safe_load(text) if isinstance(text, str) else text
    except yaml.YAMLError:
        return None


def _redundant(stack: Stack, _: Config) -> Iterator[Answer]:
    _mesh, waypoints = _waypoints(stack)
    beside = _beside(stack)
    for gateway in waypoints:
        overlays = _overlays(gateway, stack)
        if overlays is UNKNOWN:
            yield Undecided(f"the parameters of the waypoint {gateway.name} are not in the stack", gateway.subject)
            continue
        scaled = at(overlays, "horizontalPodAutoscaler", "spec", "minReplicas")
        fixed = at(overlays, "deployment", "spec", "replicas")
        enough = any(isinstance(number, int | float) and number >= 2 for number in (scaled, fixed))
        missing = [
            *["second replica"] * (not enough and ("replicas", gateway.namespace, gateway.name) not in beside),
            *["disruption budget"]
            * ("podDisruptionBudget" not in overlays and ("budget", gateway.namespace, gateway.name) not in beside),
        ]
        if missing:
            yield Violation(f"the waypoint {gateway.name} has no {' and no '.join(missing)}", gateway.subject)


def _beside(stack: Stack) -> set[tuple[str, Any, Any]]:
    """Waypoints for which the stack has an autoscaler or budget of its own."""
    scaled = {
        ("replicas", namespace_of(one), at(one.properties, "spec", "scaleTargetRef", "name"))
        for one in stack.of(*_AUTOSCALER)
        if isinstance(least := at(one.properties, "spec", "minReplicas"), int | float) and least >= 2
    }
    path = ("spec", "selector", "matchLabels", "gateway.networking.k8s.io/gateway-name")
    return scaled | {("budget", namespace_of(one), at(one.properties, *path)) for one in stack.of(*_BUDGET)}


def _parameters(stack: Stack, _: Config) -> Iterator[Answer]:
    mesh, waypoints = _waypoints(stack)
    referring = [gateway for gateway in waypoints if _reference(gateway) is not None]
    if not referring:
        raise NotApplicableError("no waypoint of the stack has a parametersRef")
    for gateway in referring:
        reference = _reference(gateway)
        found = stack.derived(_config_maps).get((gateway.namespace, reference)) if reference is not UNKNOWN else None
        data = at(found.properties, "data") if found is not None else None
        name = shown(reference, "of no valid name")
        if reference is UNKNOWN or data is UNKNOWN or (found is None and gateway.namespace not in mesh.spaces):
            yield Undecided(
                f"nothing in the stack shows the parameters of the waypoint {gateway.name}", gateway.subject
            )
        elif found is None:
            what = f"the waypoint {gateway.name} has its parameters in a ConfigMap {name}, which the stack doesn't have"
            yield Violation(f"{what}: Istio makes no proxy for it", gateway.subject)
        elif unknown := sorted(str(key) for key in data or {} if key not in OVERLAYS):
            names = listed([shown(key, "one of no valid name") for key in unknown])
            what = f"the ConfigMap {name} has keys that Istio doesn't know, {names}"
            yield Violation(f"{what}: it makes no proxy for the waypoint {gateway.name}", gateway.subject, (found,))


def _map(*data: str) -> str:
    lines = (f"  {line}" for line in data)
    return resource("parameters", "core/v1:ConfigMap", "metadata: {name: parameters, namespace: shop}", "data:", *lines)


_BY_MAP = waypoint(infrastructure="{parametersRef: {group: '', kind: ConfigMap, name: parameters}}")
_SCALED = "horizontalPodAutoscaler: '{spec: {minReplicas: 2, maxReplicas: 5}}'"
_GUARDED = "podDisruptionBudget: '{spec: {maxUnavailable: 1}}'"

ISTIOD = Rule(
    id="MW-IST-036",
    slug="istiod-is-redundant",
    title="The control plane runs as two replicas or more",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    applies_to=kinds.HELM,
    why=(
        "With one replica a node drain stops the control plane: no new pod gets a certificate until it "
        "is back. The chart makes no disruption budget for one replica."
    ),
    remedy="set `autoscaleMin: 2` on istiod's chart, or `replicaCount: 2` without autoscaling",
    bad=Example(
        chart("istiod", "profile: ambient"), "istiod may run as one replica, and then has no disruption budget"
    ),
    good=Example(chart("istiod", "profile: ambient, autoscaleMin: 2")),
    references=("https://istio.io/latest/docs/ambient/install/helm/",),
    check_stack=_istiod,
)
REDUNDANT = Rule(
    id="MW-IST-037",
    slug="waypoint-is-redundant",
    title="A waypoint has two replicas or more and a disruption budget",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    applies_to=kinds.GATEWAY,
    why=(
        "Istio makes one replica, no autoscaler and no disruption budget. When that pod goes, so does all traffic of "
        "the namespace."
    ),
    remedy="give its ConfigMap, or its class, a horizontalPodAutoscaler and a podDisruptionBudget, as Waypoint does",
    notes=(
        "It reads the ConfigMap of `infrastructure.parametersRef`, defaults for the class istio-waypoint in istiod's "
        "values or a labelled ConfigMap, and autoscalers and budgets for its Deployment."
    ),
    bad=Example(namespace() + waypoint(), "the waypoint waypoint has no second replica and no disruption budget"),
    good=Example(namespace() + _map(_SCALED, _GUARDED) + _BY_MAP),
    references=("https://istio.io/latest/docs/tasks/traffic-management/ingress/gateway-api/#automated-deployment",),
    check_stack=_redundant,
)
PARAMETERS = Rule(
    id="MW-IST-038",
    slug="waypoint-parameters-are-there",
    title="The parameters of a waypoint are there, and Istio knows them",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    applies_to=kinds.GATEWAY,
    why=(
        "Where the ConfigMap is missing, or has a key that Istio doesn't know, it makes no Deployment at all. Traffic "
        "then goes past the waypoint, and past its policies."
    ),
    remedy=f"create the ConfigMap first, in the Gateway's namespace, with no other keys than {', '.join(OVERLAYS)}",
    bad=Example(
        namespace() + _map("autoscaling: '{}'") + _BY_MAP,
        "the ConfigMap parameters has keys that Istio doesn't know, autoscaling: it makes no proxy for the waypoint "
        "waypoint",
    ),
    good=Example(namespace() + _map(_SCALED) + _BY_MAP),
    references=(
        "https://github.com/istio/istio/blob/master/pilot/pkg/config/kube/gatewaycommon/deploymentcontroller.go",
    ),
    check_stack=_parameters,
)

RULES = (ISTIOD, REDUNDANT, PARAMETERS)
