"""The setup that is migrated: which pods a Service or a policy is about, who has a sidecar, who is a gateway."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from meshwright.istio.labels import CLASSIC_GATEWAYS, INJECTION, INJECTION_TEMPLATES, REVISION
from meshwright.istio.migration.objects import Manifest, listed, mapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_WORKLOADS: Final = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod"})
_NOT_HTTP: Final = ("tcp", "tls", "https", "udp", "mongo", "mysql", "redis")
"""Protocols that a port's name or appProtocol says; any other is HTTP, or is found out from the first bytes."""
SIDECAR_INJECT: Final = "sidecar.istio.io/inject"


@dataclass(frozen=True, slots=True, eq=False)
class Workload:
    """Pods that are made from one template. A setup has each once, so that it equals itself alone."""

    manifest: Manifest
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    account: str
    """Name of its ServiceAccount."""
    ports: Mapping[str, int]
    """The containers' named ports."""
    host_network: bool

    @property
    def namespace(self) -> str:
        """Its namespace."""
        return self.manifest.namespace

    @property
    def name(self) -> str:
        """Its name."""
        return self.manifest.name

    @property
    def is_gateway(self) -> bool:
        """Whether it is an ingress or egress gateway: Envoy that stays what it is."""
        return (
            self.annotations.get(INJECTION_TEMPLATES) == "gateway"
            or self.labels.get("istio") in CLASSIC_GATEWAYS
            or "gateway.networking.k8s.io/gateway-name" in self.labels
        )

    @property
    def opts_out(self) -> bool:
        """Whether it says that it wants no sidecar."""
        return "false" in (self.labels.get(SIDECAR_INJECT), self.annotations.get(SIDECAR_INJECT))


@dataclass(frozen=True, slots=True)
class Port:
    """One port of a Service."""

    number: int
    target: int
    name: str
    http: bool
    """Judged by HTTP rules: said so by its name or appProtocol, or left to be detected."""


@dataclass(frozen=True, slots=True, eq=False)
class Service:
    """A Service and the workloads behind it. A setup has each once, so that it equals itself alone."""

    manifest: Manifest
    selector: Mapping[str, str]
    ports: tuple[Port, ...]
    workloads: tuple[Workload, ...]
    headless: bool

    @property
    def namespace(self) -> str:
        """Its namespace."""
        return self.manifest.namespace

    @property
    def name(self) -> str:
        """Its name."""
        return self.manifest.name

    @property
    def key(self) -> tuple[str, str]:
        """Its namespace and name."""
        return self.namespace, self.name


@dataclass(frozen=True)
class Setup:
    """All objects, and what follows from them.

    Attributes:
        objects: The objects, each once.
        root: Istio's root namespace.
        trust_domain: The mesh's trust domain.
        keep: Namespaces that stay with sidecars.
    """

    objects: tuple[Manifest, ...]
    root: str = "istio-system"
    trust_domain: str = "cluster.local"
    keep: frozenset[str] = frozenset()

    def of(self, *kinds: str) -> list[Manifest]:
        """The objects of some kinds."""
        return [each for each in self.objects if each.kind in kinds]

    @cached_property
    def workloads(self) -> tuple[Workload, ...]:
        """All workloads."""
        return tuple(_workload(each) for each in self.objects if each.kind in _WORKLOADS)

    @cached_property
    def services(self) -> tuple[Service, ...]:
        """All Services that select pods."""
        return tuple(_service(each, self.workloads) for each in self.of("Service") if each.spec.get("selector"))

    @cached_property
    def sidecars(self) -> tuple[str, ...]:
        """The namespaces whose pods have sidecars, kept ones too."""
        said = {each.name: _injects(each) for each in self.of("Namespace")}
        names = [name for name, injects in said.items() if injects]
        for each in self.workloads:
            wants = "true" in (each.labels.get(SIDECAR_INJECT), each.annotations.get(SIDECAR_INJECT))
            # Without the Namespace's own manifest, an Istio object in it is what there is to go by.
            if each.is_gateway:
                continue
            if (each.namespace not in said and self._is_meshed(each.namespace)) or wants:
                names.append(each.namespace)
        return tuple(sorted(name for name in dict.fromkeys(names) if name not in (self.root, "kube-system")))

    @cached_property
    def moving(self) -> tuple[str, ...]:
        """The namespaces that move to ambient."""
        return tuple(name for name in self.sidecars if name not in self.keep)

    @cached_property
    def gateways(self) -> tuple[Workload, ...]:
        """Ingress and egress gateways."""
        return tuple(each for each in self.workloads if each.is_gateway)

    def members(self, namespace: str) -> list[Workload]:
        """The workloads of a namespace that have a sidecar."""
        if namespace not in self.sidecars:
            return []
        return [each for each in self.workloads if each.namespace == namespace and not _is_outside(each)]

    def selected(self, policy: Manifest, namespaces: Iterable[str]) -> list[Workload]:
        """The workloads with sidecars in these namespaces that a policy without targetRefs is about."""
        wanted = selector_of(policy)
        return [
            each
            for namespace in namespaces
            if policy.namespace in (namespace, self.root)
            for each in self.members(namespace)
            if wanted.items() <= each.labels.items()
        ]

    def services_of(self, workload: Workload) -> list[Service]:
        """The Services through which a workload is called."""
        return [each for each in self.services if workload in each.workloads]

    def service(self, host: str, namespace: str) -> Service | None:
        """The Service that a host names, as an object in a namespace says it."""
        parts = host.split(".")
        if len(parts) > 2 and parts[2] != "svc":
            return None
        key = (parts[1] if len(parts) > 1 else namespace, parts[0])
        return next((each for each in self.services if each.key == key), None)

    def principal(self, namespace: str, account: str) -> str:
        """A workload's identity as policies write it."""
        return f"{self.trust_domain}/ns/{namespace}/sa/{account}"

    def _is_meshed(self, namespace: str) -> bool:
        return any("istio.io" in each.identity.group for each in self.objects if each.namespace == namespace)


def selector_of(policy: Manifest) -> dict[str, str]:
    """The labels that a policy selects pods by; empty for all."""
    selector = mapped(policy.spec.get("selector"))
    return mapped(selector.get("matchLabels"))


def is_attached(policy: Manifest) -> bool:
    """Whether a policy is attached to a Gateway or Service already, by targetRefs."""
    return bool(policy.spec.get("targetRefs") or policy.spec.get("targetRef"))


def _is_outside(workload: Workload) -> bool:
    return workload.is_gateway or workload.opts_out or workload.host_network


def _injects(namespace: Manifest) -> bool:
    labels = mapped(namespace.body["metadata"].get("labels"))
    if labels.get(INJECTION) == "disabled":
        return False
    return labels.get(INJECTION) == "enabled" or REVISION in labels


def _workload(manifest: Manifest) -> Workload:
    template: Any = manifest.body
    if manifest.kind != "Pod":
        inner = mapped(manifest.spec.get("jobTemplate")).get("spec") or manifest.spec
        template = mapped(mapped(inner).get("template"))
    metadata, spec = mapped(template.get("metadata")), mapped(template.get("spec"))
    ports = {
        str(port["name"]): int(port["containerPort"])
        for container in listed(spec.get("containers"))
        for port in listed(container.get("ports"))
        if "name" in port
    }
    return Workload(
        manifest,
        mapped(metadata.get("labels")),
        mapped(metadata.get("annotations")),
        str(spec.get("serviceAccountName") or "default"),
        ports,
        bool(spec.get("hostNetwork")),
    )


def _service(manifest: Manifest, workloads: Iterable[Workload]) -> Service:
    selector = mapped(manifest.spec.get("selector"))
    behind = tuple(
        each for each in workloads if each.namespace == manifest.namespace and selector.items() <= each.labels.items()
    )
    ports = tuple(_ports(manifest, behind))
    return Service(manifest, selector, ports, behind, manifest.spec.get("clusterIP") == "None")


def _ports(manifest: Manifest, workloads: tuple[Workload, ...]) -> Iterator[Port]:
    for each in listed(manifest.spec.get("ports")):
        number, name = int(each["port"]), str(each.get("name") or "")
        target = each.get("targetPort") or number
        if isinstance(target, str):
            named = (workload.ports.get(target) for workload in workloads)
            target = next((port for port in named if port), number)
        protocol = str(each.get("appProtocol") or name).lower()
        yield Port(number, int(target), name, protocol.partition("-")[0] not in _NOT_HTTP)
