"""A namespace on its way into the mesh: unmeshed, permissive, strict."""

from typing import NotRequired, TypedDict, cast

import pulumi
from pulumi_kubernetes.core.v1 import NamespacePatch

from meshwright.errors import Code
from meshwright.istio.mtls import peer_authentication
from meshwright.istio.waypoint import Waypoint, WaypointArgs, WaypointSettings
from meshwright.istio.waypoint import check as check_waypoint
from meshwright.kubernetes.children import below
from meshwright.kubernetes.errors import refuse
from meshwright.kubernetes.namespaces import namespace
from meshwright.kubernetes.providers import require_kubernetes_provider
from meshwright.kubernetes.system import SYSTEM_NAMESPACES
from meshwright.phases import LADDERS

_MTLS_MODE = {"permissive": "PERMISSIVE", "strict": "STRICT"}
_PHASES = LADDERS["istio-ambient"].phases


class PhaseRecord(TypedDict):
    """A phase that the namespace was in."""

    phase: str
    """``unmeshed``, ``permissive`` or ``strict``."""
    since: NotRequired[str]
    """The day it began, ``YYYY-MM-DD``."""


class NamespaceWaypointArgs(WaypointSettings):
    """The namespace's own waypoint."""

    ingress: NotRequired[bool]
    """Traffic from ingress gateways goes through the waypoint too (``istio.io/ingress-use-waypoint``). Istio's default
    is that it doesn't, so that L7 policies don't apply to it. Default: false."""


class AmbientNamespaceArgs(TypedDict):
    """Arguments of `AmbientNamespace`."""

    namespace: str
    """Name of the namespace."""
    phase: str
    """``unmeshed``: not captured. ``permissive``: captured, plaintext still accepted. ``strict``: mutual TLS alone."""
    since: NotRequired[str]
    """The day the phase began, ``YYYY-MM-DD``. Policy judges the soak by it."""
    previous: NotRequired[PhaseRecord]
    """The phase before this one. Policy judges the order of phases by it."""
    adopt: NotRequired[bool]
    """The namespace exists: it is labelled, and stays when the stack goes. Default: false."""
    revision: NotRequired[str]
    """Control-plane revision or tag of its waypoint. Default: none."""
    waypoint: NotRequired[NamespaceWaypointArgs]
    """An L7 proxy for the namespace. Default: none; ztunnel alone gives mutual TLS and L4 policy."""


class AmbientNamespace(pulumi.ComponentResource):
    """A namespace with the labels and the PeerAuthentication of its phase, and a waypoint where one is asked for.

    The namespace is told to use its waypoint only after Istio has programmed it: until then ztunnel would send traffic
    past the waypoint and past its policies (istio.io#17520).

    Raises:
        ComponentError: MW-E050 for arguments that cannot work, MW-E051 without a provider.
    """

    namespace: pulumi.Output[str]
    """Name of the namespace."""
    phase: pulumi.Output[str]
    """Its phase."""

    def __init__(self, name: str, args: AmbientNamespaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"AmbientNamespace {name}"
        require_kubernetes_provider(opts, label)
        _check(args, label)
        super().__init__("meshwright:index:AmbientNamespace", name, {**args}, opts)
        phase, adopt, waypoint = args["phase"], bool(args.get("adopt", False)), args.get("waypoint")
        meshed = phase in _MTLS_MODE
        children = below(self, opts)
        inside = children
        if meshed or not adopt:
            labels = {"istio.io/dataplane-mode": "ambient"} if meshed else {}
            made = namespace(f"{name}-namespace", args["namespace"], labels, adopt=adopt, opts=children)
            inside = pulumi.ResourceOptions.merge(children, pulumi.ResourceOptions(depends_on=[made]))
        if meshed:
            peer_authentication(f"{name}-peer-authentication", args["namespace"], _MTLS_MODE[phase], opts=inside)
        if waypoint is not None:
            _waypoint(name, args, waypoint, inside)
        self.namespace = pulumi.Output.from_input(args["namespace"])
        self.phase = pulumi.Output.from_input(phase)
        self.register_outputs({"namespace": self.namespace, "phase": self.phase})


def _check(args: AmbientNamespaceArgs, label: str) -> None:
    name, phase, waypoint = args["namespace"], args["phase"], args.get("waypoint")
    if name in SYSTEM_NAMESPACES:
        raise refuse(
            Code.BAD_ARGUMENT,
            label,
            f"{name} is not for workloads: its PeerAuthentication is the whole mesh's, or nothing in it is captured",
            "leave it out; MeshWideMtls sets the mode of the whole mesh",
        )
    if phase not in _PHASES:
        raise refuse(Code.BAD_ARGUMENT, label, f"the phase {phase!r} is unknown", f"one of: {', '.join(_PHASES)}")
    if waypoint is None:
        return
    if phase not in _MTLS_MODE:
        raise refuse(
            Code.BAD_ARGUMENT,
            label,
            "a waypoint takes no traffic of a namespace that is unmeshed",
            "remove the waypoint, or set the phase to permissive",
        )
    check_waypoint(waypoint, label)


def _waypoint(
    name: str, args: AmbientNamespaceArgs, waypoint: NamespaceWaypointArgs, opts: pulumi.ResourceOptions
) -> None:
    ingress = bool(waypoint.get("ingress", False))
    settings = cast("WaypointSettings", {key: value for key, value in waypoint.items() if key != "ingress"})
    below = cast("WaypointArgs", {**settings, "namespace": args["namespace"]})
    if revision := args.get("revision"):
        below["revision"] = revision
    l7_proxy = Waypoint(f"{name}-waypoint", below, opts)
    labels: dict[str, pulumi.Input[str]] = {"istio.io/use-waypoint": l7_proxy.name}
    if ingress:
        labels["istio.io/ingress-use-waypoint"] = "true"
    NamespacePatch(
        f"{name}-use-waypoint",
        metadata={"name": args["namespace"], "labels": labels},
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[l7_proxy])),
    )
