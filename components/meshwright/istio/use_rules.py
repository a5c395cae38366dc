"""Who may use which waypoint: what is checked before anything is labelled."""

from collections.abc import Iterator
from typing import Any, NotRequired, TypedDict

from meshwright.errors import Code, Problem
from meshwright.kubernetes.system import SYSTEM_NAMESPACES
from meshwright.versions import version_key

CANARY_SINCE = (1, 31)
"""An older istiod doesn't know the canary's labels, and sends everything to the first waypoint."""


class CanaryUseArgs(TypedDict):
    """A second waypoint that takes a share of new connections (alpha)."""

    name: str
    """Its Gateway; another than the first."""
    namespace: NotRequired[str]
    """Where it stands. Default: where the user does."""
    weight: int
    """Its share of new connections in percent, 0 to 100. With 0 it is resolved, and takes none."""
    istio_version: str
    """Istio's version; 1.31 or later."""


class UseWaypointArgs(TypedDict):
    """Arguments of `UseWaypoint`."""

    namespace: str
    """Namespace of the users; it must exist."""
    waypoint: Any
    """Name of the waypoint's Gateway; a `pulumi.Input` of text."""
    waypoint_namespace: NotRequired[str]
    """Where it stands, if elsewhere; it must allow this namespace. Default: in the same namespace."""
    waypoint_for: NotRequired[str]
    """The traffic that it takes: ``service``, ``workload`` or ``all``. Default: ``service``."""
    allowed_namespaces: NotRequired[list[str]]
    """The waypoint's own list of other namespaces that may use it, where it is known: it is checked. Default: not."""
    services: NotRequired[list[str]]
    """Services that use it. They must exist. Default, without the next two: the whole namespace."""
    service_entries: NotRequired[list[str]]
    """ServiceEntries that use it. They must exist."""
    deployments: NotRequired[list[str]]
    """Deployments whose pods use it; their pods are rolled. It must be for ``workload`` or ``all``."""
    ingress: NotRequired[bool]
    """Ingress gateways go through it too. Default: false, as in Istio."""
    canary: NotRequired[CanaryUseArgs]
    """A second waypoint for a share of the traffic. Default: none."""


def mistakes(args: UseWaypointArgs) -> Iterator[Problem]:
    """Why Istio would leave the labels out, and send traffic past the waypoint."""
    namespace, home = args["namespace"], args.get("waypoint_namespace", args["namespace"])
    allowed, traffic = args.get("allowed_namespaces"), args.get("waypoint_for", "service")
    if namespace in SYSTEM_NAMESPACES:
        yield Problem(Code.BAD_ARGUMENT, f"nothing in {namespace} is captured", "name a namespace of workloads")
    if args["waypoint"] == "none":
        message = "the name 'none' is reserved: it means no waypoint"
        yield Problem(Code.BAD_ARGUMENT, message, "name the waypoint's Gateway")
    if allowed is not None and home != namespace and not {"*", namespace} & set(allowed):
        yield Problem(
            Code.NO_SUCH_WAYPOINT,
            f"the waypoint in {home} doesn't allow {namespace}: its traffic would go past it",
            f"add {namespace} to the allowed_namespaces of the waypoint",
        )
    if args.get("deployments") and traffic not in ("workload", "all"):
        message = f"deployments use a waypoint that is for {traffic}: traffic to their pods would go past it"
        yield Problem(Code.NO_SUCH_WAYPOINT, message, "let the waypoint be for workload or all, or name services")
    if (args.get("services") or args.get("service_entries")) and traffic not in ("service", "all"):
        message = f"services use a waypoint that is for {traffic}: traffic to them would go past it"
        yield Problem(Code.NO_SUCH_WAYPOINT, message, "let the waypoint be for service or all, or name deployments")
    if canary := args.get("canary"):
        yield from canary_mistakes(canary, args["waypoint"], home, namespace)
        if args.get("deployments") or traffic == "workload":
            message = "a canary takes traffic to services alone"
            yield Problem(Code.CANARY_WAYPOINT, message, "leave the canary out, or let services use the waypoint")


def canary_mistakes(canary: CanaryUseArgs, primary: object, home: str, namespace: str) -> Iterator[Problem]:
    """Why Istio would leave the canary out."""
    if version_key(canary["istio_version"]) < CANARY_SINCE:
        yield Problem(
            Code.CANARY_WAYPOINT,
            f"Istio {canary['istio_version']} knows no canary of a waypoint",
            "upgrade to 1.31 or later, or leave the canary out",
        )
    if (canary["name"], canary.get("namespace", namespace)) == (primary, home):
        message = "the canary is the waypoint itself"
        yield Problem(Code.CANARY_WAYPOINT, message, "name another Gateway as the canary")
    if not 0 <= canary["weight"] <= 100 or canary["weight"] != int(canary["weight"]):
        message = f"the canary's weight is {canary['weight']}: Istio leaves out the canary then"
        yield Problem(Code.CANARY_WAYPOINT, message, "a whole number of percent from 0 to 100")
