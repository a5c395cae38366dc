"""Closes the ways past a waypoint."""

from collections.abc import Iterator
from typing import Any, NotRequired

import pulumi

from meshwright.config.clock import today
from meshwright.errors import Code, Problem
from meshwright.istio.security import migration
from meshwright.istio.security.identity import DEFAULT_TRUST_DOMAIN, principal
from meshwright.istio.security.migration import RequireSettings
from meshwright.istio.security.objects import security_object
from meshwright.istio.security.waypoints import FrontWaypointArgs, principals
from meshwright.kubernetes.children import below
from meshwright.kubernetes.errors import refuse_all
from meshwright.kubernetes.providers import require_kubernetes_provider
from meshwright.kubernetes.system import SYSTEM_NAMESPACES


class RequireWaypointArgs(RequireSettings):
    """Arguments of `RequireWaypoint`."""

    namespace: str
    """Namespace of the workloads."""
    waypoint: NotRequired[FrontWaypointArgs]
    """The waypoint. Default: the one named ``waypoint`` in the namespace, for all of its services."""
    workloads: NotRequired[dict[str, dict[str, str]]]
    """Service -> the labels of its pods, for the services that the waypoint is for, where it isn't for all. Default for
    a service: ``{"app": <service>}``."""
    trust_domain: NotRequired[str]
    """The mesh's. Default: ``cluster.local``."""


class RequireWaypoint(pulumi.ComponentResource):
    """Denies at ztunnel what doesn't come from the waypoint, so that nobody gets past its policies.

    Without it, a caller that addresses a pod, a sidecar, and every caller while the waypoint isn't ready reach the
    workload directly. It must be ztunnel that denies: with targetRefs the waypoint would judge its own callers by it,
    and deny all of them. Make it after the namespace uses the waypoint.

    Raises:
        ComponentError: MW-E050 for arguments that cannot work, MW-E051 without a provider, MW-E126 for what is no
            identity, MW-E127 for sidecars without an end, or after it.
    """

    def __init__(self, name: str, args: RequireWaypointArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"RequireWaypoint {name}"
        require_kubernetes_provider(opts, label)
        refuse_all(mistakes(args), label)
        super().__init__("meshwright:index:RequireWaypoint", name, {**args}, opts)
        front, children = args.get("waypoint") or {}, below(self, opts)
        rule = {"from": [{"source": {"notPrincipals": _let_in(args, front)}}]}
        denied: dict[str, Any] = {"action": "DENY", "rules": [rule]}
        specs = {"": denied}
        if services := front.get("services"):
            specs = {f"-{each}": {**denied, "selector": {"matchLabels": _pods(args, each)}} for each in services}
        for suffix, spec in specs.items():
            security_object(
                f"{name}-policy{suffix}",
                "AuthorizationPolicy",
                f"require-waypoint{suffix}",
                args["namespace"],
                spec,
                opts=children,
            )
        self.register_outputs({})


def mistakes(args: RequireWaypointArgs) -> Iterator[Problem]:
    """Why it would cut off what it should let in, or let in what it should not."""
    front = args.get("waypoint") or {}
    if args["namespace"] in SYSTEM_NAMESPACES:
        message = f"{args['namespace']} is Istio's or Kubernetes' own"
        yield Problem(Code.BAD_ARGUMENT, message, "name a namespace of workloads")
    if front.get("services") == []:
        message = "the waypoint is for no service, so that nothing could be reached"
        yield Problem(Code.BAD_ARGUMENT, message, "name its services, or leave services out for all of them")
    yield from migration.traffic_mistakes(args, front.get("waypoint_for", "service"))
    yield from migration.mistakes(args, today())


def _pods(args: RequireWaypointArgs, service: str) -> dict[str, str]:
    return dict((args.get("workloads") or {}).get(service) or {"app": service})


def _let_in(args: RequireWaypointArgs, front: FrontWaypointArgs) -> list[str]:
    domain = args.get("trust_domain", DEFAULT_TRUST_DOMAIN)
    others = {principal(each, domain) for each in (*(args.get("direct") or ()), *(args.get("sidecars") or ()))}
    ours = principals(front, args["namespace"], domain)
    return [*ours, *sorted(others - set(ours))]
