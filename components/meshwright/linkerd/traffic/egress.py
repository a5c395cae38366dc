"""What leaves the cluster: an EgressNetwork, and the hosts that may be called through it."""

from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from meshwright.kubernetes.children import below
from meshwright.kubernetes.namespaces import namespace
from meshwright.kubernetes.problems import refuse_all
from meshwright.kubernetes.providers import require_kubernetes_provider
from meshwright.linkerd.labels import EGRESS_NAMESPACE
from meshwright.linkerd.traffic.values import misspelt
from meshwright.linkerd.traffic.ways_out import EgressRoute, LinkerdEgressArgs, egress_troubles

_KINDS = {
    "http": ("gateway.networking.k8s.io/v1", "HTTPRoute"),
    "tls": ("gateway.networking.k8s.io/v1alpha2", "TLSRoute"),
    "tcp": ("gateway.networking.k8s.io/v1alpha2", "TCPRoute"),
}
"""The versions that Linkerd's policy controller watches (``policy-controller/k8s/api/src/lib.rs``)."""


class LinkerdEgress(pulumi.ComponentResource):
    """An EgressNetwork and its routes. Linkerd's word on it: no strong boundary, for a pod can go around its proxy.

    Confine pods with NetworkPolicies where that matters.

    Raises:
        ComponentError: MW-E211 for what can't work, MW-E050 for values that are none, MW-E051 without a provider.
    """

    def __init__(self, name: str, args: LinkerdEgressArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"LinkerdEgress {name}"
        require_kubernetes_provider(opts, label)
        refuse_all(misspelt(args), label)
        refuse_all(egress_troubles(args), label)
        super().__init__("meshwright:index:LinkerdEgress", name, {**args}, opts)
        children, home = below(self, opts), args.get("namespace", EGRESS_NAMESPACE)
        if args.get("create_namespace", home == EGRESS_NAMESPACE):
            made = namespace(f"{name}-namespace", home, {}, adopt=False, opts=children)
            children = pulumi.ResourceOptions.merge(children, pulumi.ResourceOptions(depends_on=[made]))
        # The routes come first: what is denied by the network is open to them from its first moment on.
        routes = [_route(name, home, each, children) for each in args.get("routes") or []]
        CustomResource(
            f"{name}-network",
            api_version="policy.linkerd.io/v1alpha1",
            kind="EgressNetwork",
            metadata={"name": name, "namespace": home},
            spec=_spec(args),
            opts=pulumi.ResourceOptions.merge(children, pulumi.ResourceOptions(depends_on=routes)),
        )
        self.register_outputs({})


def _route(name: str, home: str, route: EgressRoute, opts: pulumi.ResourceOptions) -> CustomResource:
    api_version, kind = _KINDS[route["protocol"]]
    network = {"group": "policy.linkerd.io", "kind": "EgressNetwork", "name": name}
    spec: dict[str, Any] = {"parentRefs": [{**network, "port": int(route["port"])}]}
    if hosts := route.get("hosts"):
        spec["hostnames"] = list(hosts)
    spec["rules"] = [{"backendRefs": [{**network, "port": int(route["port"])}]}]
    return CustomResource(
        f"{name}-{route['name']}",
        api_version=api_version,
        kind=kind,
        metadata={"name": f"{name}-{route['name']}", "namespace": home},
        spec=spec,
        opts=opts,
    )


def _spec(args: LinkerdEgressArgs) -> dict[str, Any]:
    spec: dict[str, Any] = {"trafficPolicy": args["policy"].capitalize()}
    if networks := args.get("networks"):
        spec["networks"] = [dict(each) for each in networks]
    return spec
