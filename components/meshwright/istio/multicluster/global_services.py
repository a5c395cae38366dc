"""Services that the mesh's other clusters use too."""

from typing import TypedDict

import pulumi
from pulumi_kubernetes.apiextensions import CustomResourcePatch
from pulumi_kubernetes.core.v1 import ServicePatch

from meshwright.istio.labels import GLOBAL
from meshwright.kubernetes.children import below
from meshwright.kubernetes.providers import require_kubernetes_provider


class GlobalServicesArgs(TypedDict):
    """Arguments of `GlobalServices`."""

    namespace: str
    """Where they are, the same in every cluster."""
    services: list[str]
    """Services that exist."""
    waypoints: list[str]
    """The waypoints in front of them, by name; the same in every cluster. ``[]`` for none."""


class GlobalServices(pulumi.ComponentResource):
    """Services of a namespace, and their waypoints, as global ones: requests to them go to any cluster that has them.

    istiod reads the label in its own cluster alone, so say it in each. ``destroy`` takes the labels back.

    Raises:
        ComponentError: MW-E051 without a provider.
    """

    def __init__(self, name: str, args: GlobalServicesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        require_kubernetes_provider(opts, f"GlobalServices {name}")
        super().__init__("meshwright:index:GlobalServices", name, {**args}, opts)
        children, label = below(self, opts), {GLOBAL: "true"}
        for service in args["services"]:
            metadata = {"name": service, "namespace": args["namespace"], "labels": label}
            ServicePatch(f"{name}-{service}", metadata=metadata, opts=children)
        for waypoint in args["waypoints"]:
            CustomResourcePatch(
                f"{name}-waypoint-{waypoint}",
                api_version="gateway.networking.k8s.io/v1",
                kind="Gateway",
                metadata={"name": waypoint, "namespace": args["namespace"], "labels": label},
                opts=children,
            )
        self.register_outputs({})
