"""Services that linked clusters use too."""

from typing import TypedDict

import pulumi
from pulumi_kubernetes.core.v1 import ServicePatch

from meshwright.errors import Code
from meshwright.kubernetes.children import below
from meshwright.kubernetes.errors import refuse
from meshwright.kubernetes.providers import require_kubernetes_provider
from meshwright.linkerd.multicluster.modes import LABELS, mode_mistakes


class LinkerdExportsArgs(TypedDict):
    """Arguments of `LinkerdExports`."""

    namespace: str
    """Where they are. A linked cluster mirrors them into its namespace of this name, which it must have."""
    services: list[str]
    """Services that exist."""
    mode: str
    """``hierarchical``: through the gateway, as ``<service>-<cluster>``. ``flat``: from pod to pod, by the
    same name.
    ``federated``: from pod to pod, with those of the other clusters as one ``<service>-federated``."""


class LinkerdExports(pulumi.ComponentResource):
    """Services of a namespace as linked clusters use them. ``destroy`` takes the labels back.

    Raises:
        ComponentError: MW-E051 without a provider, MW-E217 for a mode that doesn't exist.
    """

    def __init__(self, name: str, args: LinkerdExportsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"LinkerdExports {name}"
        require_kubernetes_provider(opts, label)
        for message, remedy in mode_mistakes((args["mode"],)):
            raise refuse(Code.LINK_MODE, label, message, remedy)
        super().__init__("meshwright:index:LinkerdExports", name, {**args}, opts)
        key, value = LABELS[args["mode"]]
        for service in args["services"]:
            metadata = {"name": service, "namespace": args["namespace"], "labels": {key: value}}
            ServicePatch(f"{name}-{service}", metadata=metadata, opts=below(self, opts))
        self.register_outputs({})
