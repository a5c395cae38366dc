"""The namespaces of Linkerd's own parts, with the labels that the charts write under the CLI alone."""

from typing import NotRequired, TypedDict

import pulumi

from meshwright.kubernetes.children import below
from meshwright.kubernetes.namespaces import namespace
from meshwright.kubernetes.providers import require_kubernetes_provider
from meshwright.linkerd.labels import (
    ADMISSION_WEBHOOKS,
    CONTROL_PLANE_NAMESPACE,
    INJECT,
    IS_CONTROL_PLANE,
    NAMESPACE,
    POD_SECURITY,
)


class LinkerdSystemNamespaceArgs(TypedDict):
    """Arguments of `LinkerdSystemNamespace`."""

    namespace: NotRequired[str]
    """Default: ``linkerd``."""
    cni: NotRequired[bool]
    """linkerd2-cni redirects traffic, so that the control plane's pods need no privileges. Default: false."""
    adopt: NotRequired[bool]
    """It exists, and stays when the stack goes. Default: false."""


class LinkerdSystemNamespace(pulumi.ComponentResource):
    """The control plane's namespace.

    The chart renders it for ``linkerd install`` alone (``templates/namespace.yaml``). Without its labels, trust-manager
    finds no namespace for the bundle, and with webhooks that fail closed the injector waits for itself.

    Raises:
        ComponentError: MW-E051 without a Kubernetes provider.
    """

    namespace: pulumi.Output[str]
    """Its name."""

    def __init__(self, name: str, args: LinkerdSystemNamespaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        require_kubernetes_provider(opts, f"LinkerdSystemNamespace {name}")
        super().__init__("meshwright:index:LinkerdSystemNamespace", name, {**args}, opts)
        own = args.get("namespace", NAMESPACE)
        namespace(
            f"{name}-namespace",
            own,
            labels(own, cni=args.get("cni", False)),
            adopt=args.get("adopt", False),
            opts=below(self, opts),
            annotations={INJECT: "disabled"},
        )
        self.namespace = pulumi.Output.from_input(own)
        self.register_outputs({"namespace": self.namespace})


def labels(own: str, *, cni: bool) -> dict[str, str]:
    """The labels of the control plane's namespace, as the chart's ``templates/namespace.yaml`` has them."""
    return {
        IS_CONTROL_PLANE: "true",
        ADMISSION_WEBHOOKS: "disabled",
        CONTROL_PLANE_NAMESPACE: own,
        # linkerd-init needs NET_ADMIN.
        POD_SECURITY: "restricted" if cni else "privileged",
    }
