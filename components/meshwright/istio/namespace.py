"""A namespace on its way into the mesh: unmeshed, permissive, strict."""

from typing import TYPE_CHECKING, NotRequired, TypedDict, cast

import pulumi

from meshwright.errors import Code
from meshwright.istio import labels
from meshwright.istio.mtls import peer_authentication
from meshwright.istio.security.migration import RequireSettings
from meshwright.istio.security.require_waypoint import RequireWaypoint, RequireWaypointArgs
from meshwright.istio.security.require_waypoint import mistakes as require_mistakes
from meshwright.istio.use_rules import UseWaypointArgs
from meshwright.istio.use_rules import mistakes as use_mistakes
from meshwright.istio.use_waypoint import patches
from meshwright.istio.waypoint import Waypoint, WaypointArgs, WaypointSettings
from meshwright.istio.waypoint import check as check_waypoint
from meshwright.kubernetes.children import below
from meshwright.kubernetes.errors import refuse, refuse_all
from meshwright.kubernetes.namespaces import namespace
from meshwright.kubernetes.providers import require_kubernetes_provider
from meshwright.kubernetes.system import SYSTEM_NAMESPACES
from meshwright.phases import LADDERS

if TYPE_CHECKING:
    from meshwright.istio.security.waypoints import FrontWaypointArgs

_MTLS_MODE = {"permissive": "PERMISSIVE", "strict": "STRICT"}
_PHASES = LADDERS["istio-ambient"].phases


class PhaseRecord(TypedDict):
    """A phase that the namespace was in."""

    phase: str
    """``unmeshed``, ``permissive`` or ``strict``."""
    since: NotRequired[str]
    """The day it began, ``YYYY-MM-DD``."""


class CanaryArgs(TypedDict):
    """A second waypoint of the same settings, which takes a share of new connections (alpha)."""

    weight: int
    """Its share in percent, 0 to 100."""
    istio_version: str
    """Istio's version; 1.31 or later."""
    revision: NotRequired[str]
    """Control-plane revision or tag of the canary. Default: the namespace's."""
    name: NotRequired[str]
    """Name of its Gateway. Default: the waypoint's with ``-canary``."""


class NamespaceWaypointArgs(WaypointSettings):
    """The namespace's own waypoint."""

    services: NotRequired[list[str]]
    """The services that use it, which must exist. Default: the whole namespace."""
    canary: NotRequired[CanaryArgs]
    """A second waypoint for a share of the traffic. Default: none."""
    require: NotRequired[RequireSettings]
    """Nobody reaches the workloads past the waypoint, but those named here. Default: whoever addresses a pod does."""

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
    trust_domain: NotRequired[str]
    """The mesh's. Default: ``cluster.local``."""
    workloads: NotRequired[dict[str, dict[str, str]]]
    """Service -> the labels of its pods. Default for a service: ``{"app": <service>}``."""
    waypoint: NotRequired[NamespaceWaypointArgs]
    """An L7 proxy for the namespace. Default: none; ztunnel alone gives mutual TLS and L4 policy."""


class AmbientNamespace(pulumi.ComponentResource):
    """A namespace with the labels and the PeerAuthentication of its phase, and a waypoint where one is asked for.

    The namespace is told to use its waypoint only after Istio has programmed it: until then ztunnel would send traffic
    past the waypoint and past its policies (istio.io#17520).

    Raises:
        ComponentError: MW-E050 for arguments that cannot work, MW-E051 without a provider; for its waypoint the codes
            of `UseWaypoint` and `RequireWaypoint`.
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
            marks = {labels.DATAPLANE_MODE: "ambient"} if meshed else {}
            made = namespace(f"{name}-namespace", args["namespace"], marks, adopt=adopt, opts=children)
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
    refuse_all(use_mistakes(_use(args, waypoint)), label)
    if "require" in waypoint:
        refuse_all(require_mistakes(_require(args, waypoint)), label)


def _waypoint(
    name: str, args: AmbientNamespaceArgs, waypoint: NamespaceWaypointArgs, opts: pulumi.ResourceOptions
) -> None:
    kept = WaypointSettings.__annotations__
    settings = cast("WaypointArgs", {key: value for key, value in waypoint.items() if key in kept})
    settings["namespace"] = args["namespace"]
    if revision := args.get("revision"):
        settings["revision"] = revision
    made = [Waypoint(f"{name}-waypoint", settings, opts)]
    if canary := waypoint.get("canary"):
        beside = cast("WaypointArgs", {**settings, "name": _canary_name(waypoint)})
        if revision := canary.get("revision"):
            beside["revision"] = revision
        made.append(Waypoint(f"{name}-waypoint-canary", beside, opts))
    ready = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=made))
    used = patches(f"{name}-use-waypoint", {**_use(args, waypoint), "waypoint": made[0].name}, ready)
    if "require" in waypoint:
        # Before its users use it, it would deny them all.
        after = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=used))
        RequireWaypoint(f"{name}-require-waypoint", _require(args, waypoint), after)


def _use(args: AmbientNamespaceArgs, waypoint: NamespaceWaypointArgs) -> UseWaypointArgs:
    use: UseWaypointArgs = {"namespace": args["namespace"], "waypoint": waypoint.get("name", "waypoint")}
    use["waypoint_for"] = waypoint.get("waypoint_for", "service")
    use["ingress"] = bool(waypoint.get("ingress", False))
    if services := waypoint.get("services"):
        use["services"] = services
    if canary := waypoint.get("canary"):
        use["canary"] = {
            "name": _canary_name(waypoint),
            "weight": canary["weight"],
            "istio_version": canary["istio_version"],
        }
    return use


def _require(args: AmbientNamespaceArgs, waypoint: NamespaceWaypointArgs) -> RequireWaypointArgs:
    front: FrontWaypointArgs = {"name": waypoint.get("name", "waypoint")}
    front["waypoint_for"] = waypoint.get("waypoint_for", "service")
    if services := waypoint.get("services"):
        front["services"] = services
    if "canary" in waypoint:
        front["canary"] = _canary_name(waypoint)
    required = cast("RequireWaypointArgs", {**waypoint["require"], "namespace": args["namespace"], "waypoint": front})
    if workloads := args.get("workloads"):
        required["workloads"] = workloads
    if trust_domain := args.get("trust_domain"):
        required["trust_domain"] = trust_domain
    return required


def _canary_name(waypoint: NamespaceWaypointArgs) -> str:
    return waypoint["canary"].get("name", f"{waypoint.get('name', 'waypoint')}-canary")
