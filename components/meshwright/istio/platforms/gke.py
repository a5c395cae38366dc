"""The firewall rules that a mesh on GKE needs."""

from typing import NotRequired, TypedDict

import pulumi

from meshwright.istio.platforms.ports import BETWEEN_NODES
from meshwright.kubernetes.children import below
from meshwright.kubernetes.providers import require_provider

_WEBHOOKS = 15017


class GkeMeshFirewallArgs(TypedDict):
    """Arguments of `GkeMeshFirewall`."""

    network: pulumi.Input[str]
    """Name or address of the cluster's network."""
    control_plane_cidr: pulumi.Input[str]
    """The control plane's range (``masterIpv4CidrBlock``)."""
    node_tags: list[str]
    """The nodes' network tags."""
    pod_cidrs: NotRequired[list[str]]
    """The pods' ranges, where the network denies by default. Default: none; GKE's own rules let pods reach each
    other."""
    webhook_ports: NotRequired[list[int]]
    """The webhooks' ports. Default: istiod's, 15017."""


class GkeMeshFirewall(pulumi.ComponentResource):
    """15017 from the control plane to the nodes, and 15008 and 15012 between pods where the network denies by default.

    The rule that GKE makes for a private cluster opens 443 and 10250 alone, so that the API server can't reach istiod's
    webhooks and nobody can write Istio's objects (cloud.google.com/service-mesh/docs/private-cluster-open-port). Give
    the component to the mesh in ``depends_on``.

    The ResourceQuota for node-critical pods, which GKE asks for outside of kube-system, comes with the charts of
    istio-cni and ztunnel where the platform is ``gke``.

    Raises:
        ComponentError: MW-E051 without a GCP provider.
    """

    def __init__(self, name: str, args: GkeMeshFirewallArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        require_provider(opts, f"GkeMeshFirewall {name}", "gcp")
        super().__init__("meshwright:index:GkeMeshFirewall", name, {**args}, opts)
        children = below(self, opts)
        webhooks = [args["control_plane_cidr"]]
        ports = args.get("webhook_ports")
        purpose = "API server to the mesh's webhooks" if ports else "API server to istiod's webhooks"
        _allow(f"{name}-webhooks", args, webhooks, ports or [_WEBHOOKS], purpose, children)
        if pods := args.get("pod_cidrs"):
            _allow(f"{name}-pods", args, list(pods), list(BETWEEN_NODES), "HBONE between pods, and to istiod", children)
        self.register_outputs({})


def _allow(
    name: str,
    args: GkeMeshFirewallArgs,
    sources: "list[pulumi.Input[str]]",
    ports: list[int],
    purpose: str,
    opts: pulumi.ResourceOptions,
) -> None:
    # By its token: nothing else here needs the 40 MB of GCP's SDK.
    pulumi.CustomResource(
        "gcp:compute/firewall:Firewall",
        name,
        {
            "network": args["network"],
            "direction": "INGRESS",
            "description": purpose,
            "sourceRanges": sources,
            "targetTags": args["node_tags"],
            "allows": [{"protocol": "tcp", "ports": [str(port) for port in ports]}],
        },
        opts,
    )
