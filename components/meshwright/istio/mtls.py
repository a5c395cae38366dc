"""Mutual TLS: the PeerAuthentication of one namespace, and the one of the whole mesh."""

from typing import NotRequired, TypedDict

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from meshwright.errors import Code
from meshwright.kubernetes.children import below
from meshwright.kubernetes.errors import refuse
from meshwright.kubernetes.providers import require_kubernetes_provider

# DISABLE is left out on purpose: ambient ignores it, and calls from ambient to sidecars break (istio.io, L4 policy).
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
        if args["mode"] not in _MODES:
            raise refuse(
                Code.BAD_ARGUMENT, label, f"the mode {args['mode']!r} is unknown", f"one of: {', '.join(_MODES)}"
            )
        super().__init__("meshwright:index:MeshWideMtls", name, {**args}, opts)
        peer_authentication(
            f"{name}-peer-authentication",
            args.get("root_namespace", "istio-system"),
            args["mode"],
            opts=below(self, opts),
        )
        self.register_outputs({})


def peer_authentication(
    resource_name: str, namespace: pulumi.Input[str], mode: str, *, opts: pulumi.ResourceOptions
) -> CustomResource:
    """The ``default`` PeerAuthentication of a namespace: the name that Istio's guides and tools look for."""
    return CustomResource(
        resource_name,
        api_version="security.istio.io/v1",
        kind="PeerAuthentication",
        metadata={"name": "default", "namespace": namespace},
        spec={"mtls": {"mode": mode}},
        opts=opts,
    )
