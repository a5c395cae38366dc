"""Which Services need a waypoint, and why. A policy that ztunnel can enforce is no reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from meshwright.istio.migration import rules
from meshwright.istio.migration.objects import listed, mapped
from meshwright.istio.migration.setup import is_attached

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meshwright.istio.migration.objects import Identity, Manifest
    from meshwright.istio.migration.setup import Service, Setup, Workload

MESH = "mesh"


@dataclass(slots=True)
class Needs:
    """The Services that get a waypoint."""

    reasons: dict[tuple[str, str], list[Identity]] = field(default_factory=dict)
    """By Service, as namespace and name: the objects that can't do without."""
    guarded: set[tuple[str, str]] = field(default_factory=set)
    """Those whose waypoint must not be gone past, since a policy on HTTP is enforced there."""

    def has(self, service: Service) -> bool:
        """Whether a Service gets one."""
        return service.key in self.reasons

    def is_guarded(self, service: Service) -> bool:
        """Whether calls past its waypoint are refused."""
        return service.key in self.guarded

    def takes_ingress(self, service: Service) -> bool:
        """Whether gateways have to use its waypoint too: where it does what a sidecar did for all who call.

        Routes were the caller's sidecar's, and a gateway has its own.
        """
        return self.is_guarded(service) or any(each.kind == "WasmPlugin" for each in self.reasons[service.key])

    def namespaces(self) -> list[str]:
        """The namespaces that need one."""
        return sorted({namespace for namespace, _ in self.reasons})

    def add(self, service: Service, reason: Identity, *, guarded: bool = False) -> None:
        """One more reason."""
        reasons = self.reasons.setdefault(service.key, [])
        if reason not in reasons:
            reasons.append(reason)
        if guarded:
            self.guarded.add(service.key)


def find_needs(setup: Setup) -> Needs:
    """The needs of all Services in the namespaces that move."""
    needs = Needs()
    _of_policies(setup, needs)
    for each in setup.of("VirtualService"):
        for service in routed(setup, each):
            needs.add(service, each.identity)
    for each in setup.of("HTTPRoute", "GRPCRoute"):
        for service in parents(setup, each):
            needs.add(service, each.identity)
    for each in setup.of("DestinationRule"):
        found = setup.service(str(each.spec.get("host")), each.namespace)
        if found and found.namespace in setup.moving and not found.headless and has_traffic_policy(each.spec):
            needs.add(found, each.identity)
    return needs


def _of_policies(setup: Setup, needs: Needs) -> None:
    for policy in setup.of("AuthorizationPolicy", "RequestAuthentication", "WasmPlugin"):
        if is_attached(policy) or (policy.kind == "AuthorizationPolicy" and not _is_on_http(policy)):
            continue
        for workload in setup.selected(policy, setup.moving):
            for service in reachable(setup, workload):
                needs.add(service, policy.identity, guarded=policy.kind != "WasmPlugin")


def reachable(setup: Setup, workload: Workload) -> list[Service]:
    """The Services of a workload that can have a waypoint: one without an address of its own can't."""
    return [each for each in setup.services_of(workload) if not each.headless]


def routed(setup: Setup, virtual_service: Manifest) -> list[Service]:
    """The Services of namespaces that move whose calls within the mesh a VirtualService routes."""
    gateways = listed(virtual_service.spec.get("gateways")) or [MESH]
    if MESH not in gateways or not listed(virtual_service.spec.get("http")):
        return []
    hosts = listed(virtual_service.spec.get("hosts"))
    found = (setup.service(str(host), virtual_service.namespace) for host in hosts)
    return [each for each in found if each and each.namespace in setup.moving and not each.headless]


def parents(setup: Setup, route: Manifest) -> list[Service]:
    """The Services of namespaces that move to which a route of the Gateway API is attached already."""
    names = {each.get("name") for each in listed(route.spec.get("parentRefs")) if each.get("kind") == "Service"}
    services = (each for each in setup.services if each.namespace == route.namespace and each.name in names)
    return [each for each in services if each.namespace in setup.moving and not each.headless]


def has_traffic_policy(spec: Any) -> bool:
    """Whether a DestinationRule asks for more than mutual TLS, which ambient has anyway."""
    return any(_does_something(mapped(each.get("trafficPolicy"))) for each in (spec, *listed(spec.get("subsets"))))


def _does_something(policy: dict[str, Any]) -> bool:
    tls = mapped(policy.get("tls"))
    return any(key != "tls" for key in policy) or (bool(tls) and tls.get("mode") != "ISTIO_MUTUAL")


def _is_on_http(policy: Manifest) -> bool:
    return not rules.is_dry_run(policy) and rules.needs_waypoint(policy)


def enforced(policies: Iterable[Manifest]) -> list[Manifest]:
    """The AuthorizationPolicies that are neither attached to a waypoint already nor only tried."""
    return [each for each in policies if not is_attached(each) and not rules.is_dry_run(each)]
