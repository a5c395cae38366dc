"""Who enforces a policy without targetRefs: ztunnel, sidecars or a gateway, by what the stack says.

Only what makes a namespace ambient settles the matter before the stack is complete: a label may yet be added to what
looks like a namespace on sidecars.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from meshwright.istio.labels import CLASSIC_GATEWAYS
from meshwright_policy.adoption import NAMESPACE
from meshwright_policy.istio.mesh_wide import ISTIO, KUBERNETES_NAMESPACE
from meshwright_policy.record import Config, NotApplicableError, PutOffError, Subject
from meshwright_policy.stack import Stack
from meshwright_policy.values import UNKNOWN, at, elements, shown
from meshwright_policy.versions import HELM

WAYPOINT: Final = "meshwright:index:Waypoint"
GATEWAY: Final = tuple(f"kubernetes:gateway.networking.k8s.io/{v}:Gateway" for v in ("v1", "v1beta1"))
CONTEXT: Final = (*KUBERNETES_NAMESPACE, NAMESPACE, ISTIO, WAYPOINT, *GATEWAY, *HELM)
_NAME_LABELS: Final = ("gateway.networking.k8s.io/gateway-name", "istio.io/gateway-name")
_GATEWAY_APPS: Final = tuple(f"istio-{name}" for name in CLASSIC_GATEWAYS)
_LABELS: Final = ("istio.io/dataplane-mode", "istio-injection", "istio.io/rev")
_EMPTY: Final = Stack(())


def doubt(policy: Subject, config: Config) -> str:
    """Why it isn't plain that ztunnel is given a policy without targetRefs; empty where it is.

    Args:
        policy: An AuthorizationPolicy; its ``stack`` holds what came before it, or all.
        config: Has `sidecar_namespaces` and `ambient_namespaces`.

    Raises:
        NotApplicableError: Sidecars or a gateway enforce it.
        PutOffError: The rest of the stack may settle it.
    """
    stack = policy.stack or _EMPTY
    labels = at(policy.properties, "spec", "selector", "matchLabels")
    by_name, by_istio, istio, app = (at(labels, key) for key in (*_NAME_LABELS, "istio", "app"))
    if selects_classic_gateway(labels):
        raise NotApplicableError("it selects a gateway, whose Envoy enforces it")
    namespace = at(policy.properties, "metadata", "namespace")
    if namespace is not UNKNOWN:
        namespace = str(namespace or "default")
        if _is_listed(namespace, config["sidecar_namespaces"]):
            raise NotApplicableError("its namespace is on sidecars, which enforce it")
    if UNKNOWN in (by_name, by_istio, istio, app):
        return "only the update will know its selector"
    if gateway := by_name or by_istio:
        return _doubt_of_gateway(gateway, namespace, stack)
    return _doubt_of_namespace(namespace, stack, config)


def selects_classic_gateway(labels: Any) -> bool:
    """Whether labels are those of a gateway that a chart made, and no Gateway of the Gateway API."""
    return at(labels, "istio") in CLASSIC_GATEWAYS or at(labels, "app") in _GATEWAY_APPS


def _is_listed(namespace: str, globs: Any) -> bool:
    return any(fnmatchcase(namespace, glob) for glob in elements(globs) if isinstance(glob, str))


def _doubt_of_gateway(name: Any, namespace: Any, stack: Stack) -> str:
    """A waypoint is reached by targetRefs alone: a selector that names one selects for ztunnel."""
    classes = [
        at(gateway.properties, "spec", "gatewayClassName")
        for gateway in stack.of(*GATEWAY)
        if at(gateway.properties, "metadata", "name") == name
        and (at(gateway.properties, "metadata", "namespace") or "default") == namespace is not UNKNOWN
    ]
    if "istio-waypoint" in classes:
        return ""
    if not stack.complete:
        raise PutOffError("whether it selects a waypoint shows at the end of the stack")
    if classes and UNKNOWN not in classes:
        raise NotApplicableError("it selects a gateway, whose Envoy enforces it")
    return f"nothing in the stack shows whether the gateway {shown(name, 'that it selects')} is a waypoint"


def _doubt_of_namespace(namespace: Any, stack: Stack, config: Config) -> str:
    stands = stack.derived(seen)
    if namespace is UNKNOWN:
        # Whichever it turns out to be.
        is_ambient = stack.complete and stands.is_all_ambient and not config["sidecar_namespaces"]
        state = "ambient" if is_ambient else "unknown"
    elif _is_listed(namespace, config["ambient_namespaces"]):
        state = "ambient"
    elif namespace in stands.roots:
        state = "ambient" if stands.shows_ambient else ""
    else:
        state = stands.states.get(namespace, "")
    if state == "ambient":
        return ""
    if not stack.complete:
        raise PutOffError("whether its namespace is ambient shows at the end of the stack")
    if state == "sidecars":
        raise NotApplicableError("its namespace is on sidecars, which enforce it")
    if state == "unknown":
        return "only the update will know its namespace, or how that is labelled"
    if stands.shows_ambient:
        return ""
    return "nothing in the stack shows whether its namespace is ambient"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a stack shows of ambient."""

    states: Mapping[str, str]
    """Namespace -> ``ambient``, ``unknown`` or ``sidecars``; nothing of those without a label."""
    shows_ambient: bool
    roots: frozenset[str]
    """Istio's root namespaces: a policy there reaches all others."""

    @property
    def is_all_ambient(self) -> bool:
        """Whether every namespace that has labels of a mesh is ambient."""
        return self.shows_ambient and set(self.states.values()) <= {"ambient"}


def seen(stack: Stack) -> Seen:
    """What a stack shows of ambient. Ask for it by ``stack.derived(seen)``."""
    states: dict[str, str] = {}
    for subject in stack.of(*KUBERNETES_NAMESPACE, NAMESPACE):
        is_ours = subject.type == NAMESPACE
        path = ("namespace",) if is_ours else ("metadata", "name")
        name = shown(at(subject.properties, *path), subject.name)
        state = _by_phase(subject) if is_ours else _by_label(at(subject.properties, "metadata", "labels"))
        # Several resources may speak of one namespace, each of labels of its own.
        states[name] = max(states.get(name, ""), state, key=_WEIGHT.index)
    istio = [at(subject.properties, "namespace") for subject in stack.of(ISTIO)]
    return Seen(
        {name: state for name, state in states.items() if state},
        shows_ambient=stack.holds(ISTIO, NAMESPACE, WAYPOINT)
        or "ambient" in states.values()
        or any(_is_ambient_part(subject) for subject in stack.of(*GATEWAY, *HELM)),
        roots=frozenset({"istio-system", *(name for name in istio if isinstance(name, str))}),
    )


_WEIGHT: Final = ("", "sidecars", "unknown", "ambient")


def _by_phase(subject: Subject) -> str:
    phase = at(subject.properties, "phase")
    if phase is UNKNOWN:
        return "unknown"
    return "ambient" if phase in ("permissive", "strict") else ""


def _by_label(labels: Any) -> str:
    mode, injection, revision = (at(labels, key) for key in _LABELS)
    if mode == "ambient":
        return "ambient"
    if UNKNOWN in (mode, injection, revision):
        return "unknown"
    return "sidecars" if injection == "enabled" or (revision and injection != "disabled") else ""


def _is_ambient_part(subject: Subject) -> bool:
    chart, gateway_class = at(subject.properties, "chart"), at(subject.properties, "spec", "gatewayClassName")
    name = chart.rstrip("/").rsplit("/", 1)[-1] if isinstance(chart, str) else ""
    return gateway_class == "istio-waypoint" or name.partition(":")[0].partition("@")[0] == "ztunnel"
