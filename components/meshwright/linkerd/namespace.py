"""A namespace on its way into Linkerd: unmeshed, audit, authenticated, deny."""

from typing import NotRequired, TypedDict

import pulumi

from meshwright.errors import Code
from meshwright.kubernetes.children import below
from meshwright.kubernetes.errors import refuse, refuse_all
from meshwright.kubernetes.namespaces import namespace
from meshwright.kubernetes.providers import require_kubernetes_provider
from meshwright.linkerd.injection import DEFAULT_POLICY, NOT_FOR_WORKLOADS, InjectionArgs, annotations, mistakes
from meshwright.phases import LADDERS

_PHASES = LADDERS["linkerd"].phases


class LinkerdPhaseRecord(TypedDict):
    """A phase that the namespace was in."""

    phase: str
    """``unmeshed``, ``audit``, ``authenticated`` or ``deny``."""
    since: NotRequired[str]
    """The day it began, ``YYYY-MM-DD``."""


class LinkerdNamespaceArgs(TypedDict):
    """Arguments of `LinkerdNamespace`."""

    namespace: str
    """Name of the namespace."""
    phase: str
    """``unmeshed``: no proxies. ``audit``: all is let in, and what a stricter phase would refuse is logged.
    ``authenticated``: callers of the mesh alone. ``deny``: what a policy allows, and nothing else."""
    since: NotRequired[str]
    """The day the phase began, ``YYYY-MM-DD``. Policy judges the soak by it."""
    previous: NotRequired[LinkerdPhaseRecord]
    """The phase before this one. Policy judges the order of phases by it."""
    adopt: NotRequired[bool]
    """The namespace exists: it is annotated, and stays when the stack goes. Default: false."""
    injection: NotRequired[InjectionArgs]
    """How its pods get their proxies. Default: as the control plane is set."""


class LinkerdNamespace(pulumi.ComponentResource):
    """A namespace with the annotations of its phase.

    They are read when a pod is made. Ports that a `LinkerdAccess` of the same phase names change at once, by their
    Servers; all others, and pods without a proxy, change with a restart, of which `restart` tells.

    Raises:
        ComponentError: MW-E050 for arguments that cannot work, MW-E051 without a provider, MW-E204 for injection.
    """

    namespace: pulumi.Output[str]
    """Name of the namespace."""
    phase: pulumi.Output[str]
    """Its phase."""
    restart: pulumi.Output[str]
    """What has to be restarted for the phase to hold everywhere; empty where nothing has."""

    def __init__(self, name: str, args: LinkerdNamespaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"LinkerdNamespace {name}"
        require_kubernetes_provider(opts, label)
        _check(args, label)
        super().__init__("meshwright:index:LinkerdNamespace", name, {**args}, opts)
        phase, adopt = args["phase"], bool(args.get("adopt", False))
        meshed = phase in DEFAULT_POLICY
        if meshed or not adopt:
            marks = annotations(phase, args.get("injection") or {}) if meshed else {}
            where = f"{name}-namespace"
            namespace(where, args["namespace"], {}, adopt=adopt, opts=below(self, opts), annotations=marks)
        self.namespace = pulumi.Output.from_input(args["namespace"])
        self.phase = pulumi.Output.from_input(phase)
        self.restart = pulumi.Output.from_input(restart(args))
        self.register_outputs({"namespace": self.namespace, "phase": self.phase, "restart": self.restart})


def restart(args: LinkerdNamespaceArgs) -> str:
    """What has to be restarted for the namespace's phase to hold everywhere, told by the phase before it."""
    phase, before = args["phase"], (args.get("previous") or {"phase": "unmeshed"})["phase"]
    if phase == before:
        return ""
    pods = f"all workloads of {args['namespace']}"
    if phase == "unmeshed":
        return f"{pods}, to run without proxies"
    if before == "unmeshed":
        return f"{pods}, to get proxies"
    return f"{pods}, for ports that no Server names: their proxies keep {DEFAULT_POLICY[before]} until then"


def _check(args: LinkerdNamespaceArgs, label: str) -> None:
    name, phase, before = args["namespace"], args["phase"], args.get("previous")
    if name in NOT_FOR_WORKLOADS:
        message = f"{name} is not for workloads: Linkerd injects nothing into it, or must not"
        raise refuse(Code.BAD_ARGUMENT, label, message, "leave it out")
    for each in (phase, before["phase"] if before else phase):
        if each not in _PHASES:
            message = f"the phase {each!r} is unknown"
            raise refuse(Code.BAD_ARGUMENT, label, message, f"one of: {', '.join(_PHASES)}")
    if phase == "unmeshed" and args.get("injection"):
        message = "injection is for proxies, and the namespace is unmeshed"
        raise refuse(Code.BAD_ARGUMENT, label, message, "remove injection, or set the phase to audit")
    refuse_all(mistakes(args.get("injection") or {}), label)
