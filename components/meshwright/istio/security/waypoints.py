"""The waypoint that calls to something go through, as far as policies have to know it."""

from collections.abc import Iterable
from typing import NotRequired, TypedDict

from meshwright.istio.security.identity import principal

TARGETS_AT_MOST = 16
"""An AuthorizationPolicy or RequestAuthentication has no more targetRefs (the CRDs' ``maxItems``)."""


class FrontWaypointArgs(TypedDict):
    """A waypoint that stands in front of a namespace, or of some of its services."""

    name: NotRequired[str]
    """Name of its Gateway, which is the name of its service account too. Default: ``waypoint``."""
    namespace: NotRequired[str]
    """Where it stands. Default: the namespace that it stands in front of."""
    waypoint_for: NotRequired[str]
    """Traffic that it takes: ``service``, ``workload`` or ``all``. Default: ``service``."""
    services: NotRequired[list[str]]
    """The services that use it. Default: all of the namespace."""
    canary: NotRequired[str]
    """A second waypoint beside it, which takes a share of the same traffic."""


def gateways(front: FrontWaypointArgs) -> list[str]:
    """The names of its Gateways: its own, and its canary's."""
    return [front.get("name", "waypoint"), *([front["canary"]] if front.get("canary") else [])]


def identities(front: FrontWaypointArgs, namespace: str) -> list[str]:
    """Who calls the pods when calls go through it: Istio names the service account after the Gateway."""
    home = front.get("namespace", namespace)
    return [f"{home}/{gateway}" for gateway in gateways(front)]


def principals(front: FrontWaypointArgs, namespace: str, trust_domain: str) -> list[str]:
    """The same as principals."""
    return [principal(each, trust_domain) for each in identities(front, namespace)]


def is_in_the_path(front: FrontWaypointArgs | None, service: str) -> bool:
    """Whether calls to the service go through it."""
    if front is None or front.get("waypoint_for", "service") not in ("service", "all"):
        return False
    services = front.get("services")
    return services is None or service in services


def service_targets(names: Iterable[str]) -> list[dict[str, str]]:
    """TargetRefs of Services."""
    return [{"group": "", "kind": "Service", "name": name} for name in names]


def gateway_targets(names: Iterable[str]) -> list[dict[str, str]]:
    """TargetRefs of waypoints."""
    return [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": name} for name in names]
