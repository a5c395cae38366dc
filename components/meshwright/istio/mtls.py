"""Mutual TLS: the PeerAuthentication of the whole mesh, of one namespace, and of some pods and their ports."""

from collections.abc import Iterator
from typing import Any, NotRequired, TypedDict

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from meshwright.errors import Code, Problem
from meshwright.istio.security.objects import security_object
from meshwright.kubernetes.children import below
from meshwright.kubernetes.errors import refuse_all
from meshwright.kubernetes.providers import require_kubernetes_provider
from meshwright.kubernetes.system import SYSTEM_NAMESPACES

_MODES = ("PERMISSIVE", "STRICT")


class MeshWideMtlsArgs(TypedDict):
    """Arguments of `MeshWideMtls`."""

    mode: str
    """``STRICT`` or ``PERMISSIVE``."""
    phases: dict[str, str]
    """The rollout phase of every namespace whose workloads call each other: name to ``unmeshed``, ``permissive`` or
    ``strict``. Policy reads it: strict for all comes last."""
    root_namespace: NotRequired[pulumi.Input[str]]
    """Istio's root namespace. Default: ``istio-system``."""


class MeshWideMtls(pulumi.ComponentResource):
    """The mutual TLS mode of the whole mesh, apart from the namespaces' own.

    Raises:
        ComponentError: MW-E050 for an unknown mode, MW-E051 without a provider.
    """

    def __init__(self, name: str, args: MeshWideMtlsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"MeshWideMtls {name}"
        require_kubernetes_provider(opts, label)
        refuse_all(mode_mistakes(args["mode"]), label)
        super().__init__("meshwright:index:MeshWideMtls", name, {**args}, opts)
        peer_authentication(
            f"{name}-peer-authentication",
            args.get("root_namespace", "istio-system"),
            args["mode"],
            opts=below(self, opts),
        )
        self.register_outputs({})


class WorkloadMtlsArgs(TypedDict):
    """Arguments of `WorkloadMtls`."""

    namespace: str
    """Namespace of the pods; not Istio's root namespace, where ambient ignores a selector."""
    workloads: dict[str, str]
    """Labels of the pods."""
    mode: NotRequired[str]
    """``STRICT`` or ``PERMISSIVE``. Default: the namespace's."""
    ports: NotRequired[dict[str, str]]
    """Port of the pods -> its mode, where that differs."""
    name: NotRequired[str]
    """Name of the PeerAuthentication. Default: the component's."""


class WorkloadMtls(pulumi.ComponentResource):
    """The mutual TLS mode of some pods, or of single ports of theirs: an exception from their namespace's.

    Of two that select the same pod, Istio takes the older one: give a pod one at most.

    Raises:
        ComponentError: MW-E050 for arguments that cannot work, MW-E051 without a provider, MW-E128 for DISABLE.
    """

    def __init__(self, name: str, args: WorkloadMtlsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"WorkloadMtls {name}"
        require_kubernetes_provider(opts, label)
        refuse_all(_workload_mistakes(args), label)
        super().__init__("meshwright:index:WorkloadMtls", name, {**args}, opts)
        spec: dict[str, Any] = {"selector": {"matchLabels": dict(args["workloads"])}}
        if mode := args.get("mode"):
            spec["mtls"] = {"mode": mode}
        if ports := args.get("ports"):
            spec["portLevelMtls"] = {port: {"mode": mode} for port, mode in ports.items()}
        security_object(
            f"{name}-peer-authentication",
            "PeerAuthentication",
            args.get("name", name),
            args["namespace"],
            spec,
            opts=below(self, opts),
        )
        self.register_outputs({})


def mode_mistakes(mode: str) -> Iterator[Problem]:
    """Why a mode is none that ambient knows."""
    if mode == "DISABLE":
        yield Problem(
            Code.MTLS_DISABLE,
            "ambient ignores the mode DISABLE, and calls from ambient to sidecars break on it",
            "PERMISSIVE takes plaintext too; a namespace that is unmeshed has no mutual TLS at all",
        )
    elif mode not in _MODES:
        yield Problem(Code.BAD_ARGUMENT, f"the mode {mode!r} is unknown", f"one of: {', '.join(_MODES)}")


def _workload_mistakes(args: WorkloadMtlsArgs) -> Iterator[Problem]:
    if args["namespace"] in SYSTEM_NAMESPACES:
        message = f"ambient ignores a PeerAuthentication with a selector in {args['namespace']}"
        yield Problem(Code.BAD_ARGUMENT, message, "name the namespace of the pods")
    if not args["workloads"]:
        message = "it selects no pods: it would be for the namespace, which has one already"
        yield Problem(Code.BAD_ARGUMENT, message, "give the labels of the pods")
    modes, ports = [args["mode"]] if args.get("mode") else [], args.get("ports") or {}
    for mode in (*modes, *ports.values()):
        yield from mode_mistakes(mode)
    if not (modes or ports):
        yield Problem(Code.BAD_ARGUMENT, "it has neither a mode nor ports", "give one of the two")
    for port in ports:
        if not (port.isdecimal() and 1 <= int(port) <= 65535):
            yield Problem(Code.BAD_ARGUMENT, f"{port!r} is no port", "a number from 1 to 65535")


def peer_authentication(
    resource_name: str, namespace: pulumi.Input[str], mode: str, *, opts: pulumi.ResourceOptions
) -> CustomResource:
    """The ``default`` PeerAuthentication of a namespace: the name that Istio's guides and tools look for."""
    return security_object(
        resource_name, "PeerAuthentication", "default", namespace, {"mtls": {"mode": mode}}, opts=opts
    )
