"""The mesh as a stack shows it: namespaces with their labels, waypoints, Services, and who uses which waypoint.

A waypoint is found as istiod finds it (``pilot/pkg/serviceregistry/ambient/waypoints.go``): by the object's own label,
or else by its namespace's.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

from meshwright.istio.labels import DATAPLANE_MODE, USE_WAYPOINT, USE_WAYPOINT_NAMESPACE, WAYPOINT_CLASS, WAYPOINT_FOR
from meshwright_policy.adoption import NAMESPACE
from meshwright_policy.istio import dataplane, kinds
from meshwright_policy.istio.mesh_wide import SYSTEM
from meshwright_policy.istio.selectors import BySelector
from meshwright_policy.record import Config, NotApplicableError, Subject
from meshwright_policy.stack import Stack
from meshwright_policy.values import UNKNOWN, at, elements, shown

NAMESPACES: Final = (*kinds.KUBERNETES_NAMESPACE, NAMESPACE)
READ: Final = (
    *NAMESPACES,
    *kinds.GATEWAY,
    *kinds.SERVICE,
    *kinds.SERVICE_PATCH,
    *kinds.SERVICE_ENTRY,
    *kinds.WORKLOAD,
)
"""What the picture is made of."""

AMBIENT_NAMESPACES: Final[Mapping[str, Mapping[str, Any]]] = {
    "ambient_namespaces": {
        "type": "array",
        "items": {"type": "string"},
        "default": [],
        "description": "Globs of namespaces that are ambient, where the stack itself doesn't show it.",
    }
}
"""The option that `is_ambient` reads."""

_ACCOUNT: Final = "gateway.istio.io/service-account"
_OURS: Final = "meshwright:index:"
"""In the URN of what a component of ours makes, such as the Services of ``TrafficPolicy`` for single versions."""
Key = tuple[Any, Any]
"""Namespace and name; either may be unknown."""


_DOTTED: Final = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")


def told(name: Any, otherwise: str) -> str:
    """A name that may have dots, as it is; anything else, which might be a secret, as ``otherwise``."""
    return name if isinstance(name, str) and _DOTTED.fullmatch(name) else otherwise


def name_of(subject: Subject) -> str:
    """The object's own name, or Pulumi's where it has none yet."""
    return told(at(subject.properties, "metadata", "name"), subject.name)


def namespace_of(subject: Subject) -> Any:
    """The object's namespace; it may be unknown."""
    namespace = at(subject.properties, "metadata", "namespace")
    return UNKNOWN if namespace is UNKNOWN else shown(namespace or "default", "a namespace of no valid name")


def key_of(subject: Subject) -> Key:
    """Namespace and name."""
    return namespace_of(subject), name_of(subject)


def kind_of(subject: Subject) -> str:
    """The last part of its type."""
    return subject.type.rsplit(":", 1)[-1].removesuffix("Patch")


def labels_of(subject: Subject) -> Any:
    """The object's labels; of a workload, those of its pods."""
    return at(pod_of(subject) if subject.type in kinds.WORKLOAD else subject.properties, "metadata", "labels")


def pod_of(workload: Subject) -> Any:
    """The pod, or the template of pods, of a workload."""
    if workload.type in kinds.POD:
        return workload.properties
    path = ("jobTemplate", "spec", "template") if workload.type.endswith(":CronJob") else ("template",)
    return at(workload.properties, "spec", *path)


@dataclass(slots=True)
class Space:
    """A namespace that the stack holds, with the labels that several resources may give it."""

    name: str
    labels: dict[str, Any] = field(default_factory=dict)
    is_open: bool = False
    """All labels of one resource are unknown."""
    carriers: dict[str, Subject] = field(default_factory=dict)
    """Label -> the resource that gives it."""
    is_made_here: bool = False
    """The stack creates it, rather than adding to one that exists."""

    def label(self, key: str) -> Any:
        """A label's value: ``None`` where it has none, or unknown."""
        return self.labels.get(key, UNKNOWN if self.is_open else None)


@dataclass(frozen=True, slots=True)
class Waypoint:
    """A Gateway of class istio-waypoint."""

    subject: Subject
    namespace: Any
    name: str

    @property
    def traffic(self) -> Any:
        """``service``, ``workload``, ``all`` or ``none``."""
        labels = at(self.subject.properties, "metadata", "labels")
        return UNKNOWN if labels is UNKNOWN else at(labels, WAYPOINT_FOR) or "service"


@dataclass(frozen=True, slots=True)
class Use:
    """A label that names a waypoint."""

    subject: Subject
    """Where the label stands."""
    what: str
    """Such as ``Service cart``."""
    namespace: Any
    """Of the object itself."""
    waypoint: Key
    """Either part may be unknown."""


@dataclass(frozen=True, slots=True)
class Mesh:
    """What a stack shows of the mesh."""

    spaces: Mapping[str, Space]
    gateways: Mapping[Key, Subject]
    """All of the Gateway API's Gateways."""
    waypoints: Mapping[Key, Waypoint]
    services: Mapping[Key, Subject]
    services_by_namespace: Mapping[Any, BySelector[Subject]]
    patches: Mapping[Key, Subject]
    """Of Services that somebody else owns."""
    service_entries: Mapping[Key, Subject]
    uses: tuple[Use, ...]
    applications: frozenset[str]
    """Namespaces of which the stack is taken to hold all Services: it makes them, and what runs and serves there."""
    filled: frozenset[Any]
    """Namespaces into which a chart may put anything."""
    is_open: bool
    """There may be more: a Gateway's name or class is unknown, or a group of manifests isn't unfolded."""

    def is_ambient(self, namespace: Any, config: Config) -> bool | None:
        """Whether a namespace is ambient; ``None`` where the stack doesn't tell."""
        if namespace is UNKNOWN:
            return None
        if any(fnmatchcase(namespace, glob) for glob in elements(config.get("ambient_namespaces"))):
            return True
        mode = self._label(namespace, DATAPLANE_MODE)
        return None if mode is UNKNOWN else mode == "ambient"

    def waypoint_of(self, subject: Subject) -> Any:
        """The key of the waypoint that an object's traffic goes through: ``None`` without one, or unknown."""
        return self.waypoint_for(namespace_of(subject), labels_of(subject))

    def holds_gateways_of(self, namespace: Any) -> bool:
        """Whether a Gateway that the stack doesn't show is not there: the stack makes the namespace, without charts."""
        space = self.spaces.get(namespace)
        return space is not None and space.is_made_here and not self.is_open and namespace not in self.filled

    def waypoint_of_target(self, key: Key, found: Subject | None) -> Any:
        """The key of the waypoint of a Service or ServiceEntry: ``None`` without one, or unknown.

        One that the stack doesn't hold (``found`` is ``None``, or a patch) may have labels of its own.
        """
        labels = labels_of(found) if found is not None else None
        bound = self.waypoint_for(key[0], labels)
        is_seen = found is not None and found.type not in kinds.SERVICE_PATCH
        if bound is None and not is_seen and at(labels, USE_WAYPOINT) is None and key[0] not in self.applications:
            return UNKNOWN
        return bound

    def labels_of_service(self, key: Key) -> Any:
        """The labels of a Service, or those that a patch gives to one of somebody else's; ``None`` without either."""
        found = self.services.get(key) or self.patches.get(key)
        return labels_of(found) if found is not None else None

    def waypoint_for(self, namespace: Any, labels: Any = None) -> Any:
        """The same for anything in a namespace that has these labels."""
        name, there = (at(labels, key) for key in (USE_WAYPOINT, USE_WAYPOINT_NAMESPACE))
        if name is None:
            name, there = (self._label(namespace, key) for key in (USE_WAYPOINT, USE_WAYPOINT_NAMESPACE))
        if UNKNOWN in (name, there, namespace):
            return UNKNOWN
        return None if name in (None, "", "none") else _key(name, there, namespace)

    def takes_services(self, waypoint: Key) -> bool:
        """Whether a waypoint takes the traffic of Services, for all that is known of it."""
        return waypoint not in self.waypoints or self.waypoints[waypoint].traffic in ("service", "all", UNKNOWN)

    def principal_of(self, waypoint: Key) -> str:
        """Namespace and service account of a waypoint's identity, as ``ns/<namespace>/sa/<name>``."""
        namespace, name = waypoint
        gateway = self.gateways.get(waypoint)
        given = at(gateway.properties, "metadata", "annotations", _ACCOUNT) if gateway is not None else None
        return f"ns/{namespace}/sa/{given if isinstance(given, str) else name}"

    def services_of(self, namespace: Any, selector: Any) -> list[Subject]:
        """The Services of a namespace that may select pods with these labels alone."""
        found = self.services_by_namespace.get(namespace)
        return found.within(selector) if found is not None else []

    def _label(self, namespace: Any, key: str) -> Any:
        space = self.spaces.get(namespace) if namespace is not UNKNOWN else None
        return space.label(key) if space is not None else UNKNOWN


def seen(stack: Stack) -> Mesh:
    """The mesh of a stack. Ask for it by ``stack.derived(seen)``."""
    spaces = _spaces(stack)
    gateways = {key_of(subject): subject for subject in stack.of(*kinds.GATEWAY)}
    waypoints = {
        key: Waypoint(subject, *key)
        for key, subject in gateways.items()
        if at(subject.properties, "spec", "gatewayClassName") == WAYPOINT_CLASS
    }
    services = {key_of(subject): subject for subject in stack.of(*kinds.SERVICE)}
    by_namespace: dict[Any, list[tuple[Any, Subject]]] = {}
    for (namespace, _), subject in services.items():
        by_namespace.setdefault(namespace, []).append((at(subject.properties, "spec", "selector"), subject))
    indexed = {namespace: BySelector(found) for namespace, found in by_namespace.items()}
    patches = {key_of(subject): subject for subject in stack.of(*kinds.SERVICE_PATCH)}
    entries = {key_of(subject): subject for subject in stack.of(*kinds.SERVICE_ENTRY)}
    uses = tuple(_uses(stack, spaces))
    filled = frozenset(at(release.properties, "namespace") or "default" for release in stack.of(*kinds.HELM))
    is_open = _is_open(stack)
    applications = frozenset() if is_open else _applications(stack, spaces) - filled
    return Mesh(spaces, gateways, waypoints, services, indexed, patches, entries, uses, applications, filled, is_open)


def _applications(stack: Stack, spaces: Mapping[str, Space]) -> frozenset[str]:
    """Namespaces whose application is the stack's own.

    Some Services alone are no evidence: a platform's stack may make a few, and leave the rest to others.
    """
    made = {name for name, space in spaces.items() if space.is_made_here}
    served = {namespace_of(one) for one in stack.of(*kinds.SERVICE) if _OURS not in one.urn}
    run = {namespace_of(one) for one in stack.of(*kinds.WORKLOAD)}
    return frozenset(made & served & run)


def _is_open(stack: Stack) -> bool:
    for gateway in stack.of(*kinds.GATEWAY):
        paths = (("metadata", "name"), ("metadata", "namespace"), ("spec", "gatewayClassName"))
        if any(at(gateway.properties, *path) is UNKNOWN for path in paths):
            return True
    unfolded = {subject.parent for subject in stack.of(*READ)}
    groups = (*stack.of(*kinds.CONFIG_GROUP), *stack.of(*kinds.CONFIG_FILE))
    return any(group.urn not in unfolded for group in groups if "gateway-api" not in str(at(group.properties, "file")))


def in_ambient(stack: Stack, config: Config, *tokens: str) -> Iterator[tuple[Subject, bool]]:
    """Objects of ambient namespaces, each with whether that is known.

    Raises:
        NotApplicableError: There is none.
    """
    mesh, found = stack.derived(seen), False
    system = stack.derived(dataplane.seen).roots | SYSTEM
    for subject in stack.of(*tokens):
        namespace = namespace_of(subject)
        is_ambient = mesh.is_ambient(namespace, config)
        if is_ambient is None and (namespace in system or not shows_ambient(stack, config)):
            continue
        if is_ambient is not False:
            found = True
            yield subject, is_ambient is True
    if not found:
        raise NotApplicableError("none of them is in a namespace that the stack shows to be ambient")


def shows_ambient(stack: Stack, config: Config) -> bool:
    """Whether anything of the stack, or of the configuration, is ambient."""
    return bool(config.get("ambient_namespaces")) or stack.derived(dataplane.seen).shows_ambient


def _spaces(stack: Stack) -> dict[str, Space]:
    spaces: dict[str, Space] = {}
    for subject in stack.of(*NAMESPACES):
        if subject.type == NAMESPACE:
            name, labels = shown(at(subject.properties, "namespace"), subject.name), _of_phase(subject)
        else:
            name, labels = name_of(subject), at(subject.properties, "metadata", "labels")
        space = spaces.setdefault(name, Space(name))
        space.is_open |= labels is UNKNOWN
        space.is_made_here |= subject.type == kinds.KUBERNETES_NAMESPACE[0]
        for key, value in labels.items() if isinstance(labels, Mapping) else ():
            space.labels[key] = value
            space.carriers[key] = subject
    return spaces


def _of_phase(subject: Subject) -> Any:
    """The labels that the phase of our component stands for."""
    phase = at(subject.properties, "phase")
    if phase is UNKNOWN:
        return {DATAPLANE_MODE: UNKNOWN}
    return {DATAPLANE_MODE: "ambient"} if phase in ("permissive", "strict") else {}


def _uses(stack: Stack, spaces: Mapping[str, Space]) -> Iterator[Use]:
    for space in spaces.values():
        if USE_WAYPOINT in space.labels:
            carrier, name = space.carriers[USE_WAYPOINT], space.labels[USE_WAYPOINT]
            there = space.label(USE_WAYPOINT_NAMESPACE)
            yield from _use(carrier, f"the namespace {space.name}", space.name, name, there)
    for subject in stack.of(*kinds.SERVICE, *kinds.SERVICE_PATCH, *kinds.SERVICE_ENTRY, *kinds.WORKLOAD):
        labels, what = labels_of(subject), f"the {kind_of(subject)} {name_of(subject)}"
        name, there = at(labels, USE_WAYPOINT), at(labels, USE_WAYPOINT_NAMESPACE)
        yield from _use(subject, what, namespace_of(subject), name, there)


def _use(subject: Subject, what: str, namespace: Any, name: Any, there: Any) -> Iterator[Use]:
    if name not in (None, "", "none"):
        yield Use(subject, what, namespace, _key(name, there, namespace))


def _key(name: Any, there: Any, namespace: Any) -> Key:
    named: Any = name if name is UNKNOWN else shown(name, "of no valid name")
    where = there if there is UNKNOWN else shown(there, "a namespace of no valid name") if there else namespace
    return where, named
