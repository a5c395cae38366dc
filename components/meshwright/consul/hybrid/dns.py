"""Consul's names for pods without a proxy."""

import json
from typing import Any, Final, NotRequired, TypedDict, cast

import pulumi
from pulumi_kubernetes.apiextensions import CustomResourcePatch
from pulumi_kubernetes.core.v1 import ConfigMap, ConfigMapPatch

from meshwright.consul.hybrid.corefile import forwarding_troubles, server_block
from meshwright.kubernetes.children import below
from meshwright.kubernetes.problems import refuse_all
from meshwright.kubernetes.providers import require_kubernetes_provider

_NAMESPACE: Final = "kube-system"


class ConsulDnsForwardingArgs(TypedDict):
    """Arguments of `ConsulDnsForwarding`."""

    platform: str
    """``aks``, ``gke`` with kube-dns, ``k3s``, ``k3d`` or ``openshift``."""
    address: str
    """Of the Service consul-dns: the chart's ``dns.clusterIP``."""
    domain: NotRequired[str]
    """Of Consul's DNS. Default: ``consul``."""


class ConsulDnsForwarding(pulumi.ComponentResource):
    """The cluster's DNS asks Consul's for its names. Pods with transparent proxies do without.

    Where the object is the platform's, one key of it is ours, and goes when this does.

    Raises:
        ComponentError: MW-E050 for an address that is none, or a platform that has no place for it; MW-E051 without a
            provider.
    """

    def __init__(self, name: str, args: ConsulDnsForwardingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label, domain, address = f"ConsulDnsForwarding {name}", args.get("domain", "consul"), args["address"]
        require_kubernetes_provider(opts, label)
        refuse_all(forwarding_troubles(args["platform"], domain, address), label)
        super().__init__("meshwright:index:ConsulDnsForwarding", name, cast("dict[str, Any]", args), opts)
        children = below(self, opts)
        block = {"consul.server": server_block(domain, address)}
        custom = {"name": "coredns-custom", "namespace": _NAMESPACE}
        if args["platform"] == "aks":
            ConfigMapPatch(name, metadata=custom, data=block, opts=children)
        elif args["platform"] == "gke":
            stub = {"stubDomains": json.dumps({domain: [address]})}
            ConfigMapPatch(name, metadata={"name": "kube-dns", "namespace": _NAMESPACE}, data=stub, opts=children)
        elif args["platform"] == "openshift":
            CustomResourcePatch(
                name,
                api_version="operator.openshift.io/v1",
                kind="DNS",
                metadata={"name": "default"},
                spec={"servers": [{"name": domain, "zones": [domain], "forwardPlugin": {"upstreams": [address]}}]},
                opts=children,
            )
        else:
            ConfigMap(name, metadata=custom, data=block, opts=children)
        self.register_outputs({})
