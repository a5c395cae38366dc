"""The kubelet's probes of captured pods, on a cluster with Cilium."""

from typing import TypedDict

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from meshwright.istio.labels import PROBE_ADDRESSES
from meshwright.kubernetes.children import below
from meshwright.kubernetes.providers import require_kubernetes_provider


class CiliumProbePolicyArgs(TypedDict):
    """Arguments of `CiliumProbePolicy`: there are none; the addresses are Istio's own."""


class CiliumProbePolicy(pulumi.ComponentResource):
    """A CiliumClusterwideNetworkPolicy that lets the kubelet's probes reach captured pods.

    Cilium knows the node's own addresses and lets its probes pass; istio-cni makes them come from a link-local address
    that Cilium does not know, and the first policy that denies by default stops them (istio.io, platform
    prerequisites; istio#49277). The policy itself denies nothing: ``enableDefaultDeny`` is false both ways.

    Raises:
        ComponentError: MW-E051 without a provider.
    """

    def __init__(self, name: str, args: CiliumProbePolicyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        require_kubernetes_provider(opts, f"CiliumProbePolicy {name}")
        super().__init__("meshwright:index:CiliumProbePolicy", name, {**args}, opts)
        addresses = [f"{address}/{128 if ':' in address else 32}" for address in PROBE_ADDRESSES]
        CustomResource(
            f"{name}-policy",
            api_version="cilium.io/v2",
            kind="CiliumClusterwideNetworkPolicy",
            metadata={"name": "allow-ambient-hostprobes"},
            spec={
                "description": "Lets the kubelet's probes, as istio-cni translates them, reach captured pods",
                "enableDefaultDeny": {"egress": False, "ingress": False},
                "endpointSelector": {},
                "ingress": [{"fromCIDR": addresses}],
            },
            opts=below(self, opts),
        )
        self.register_outputs({})
