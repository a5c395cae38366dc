"""What leaves the cluster: an EgressNetwork, and the hosts that may be called through it."""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any, NotRequired, TypedDict

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from meshwright.errors import Code
from meshwright.kubernetes.children import below
from meshwright.kubernetes.namespaces import namespace
from meshwright.kubernetes.problems import refuse_all
from meshwright.kubernetes.providers import require_kubernetes_provider
from meshwright.kubernetes.troubles import Trouble
from meshwright.linkerd.labels import EGRESS_NAMESPACE
from meshwright.linkerd.traffic.values import misspelt

_KINDS = {
    "http": ("gateway.networking.k8s.io/v1", "HTTPRoute"),
    "tls": ("gateway.networking.k8s.io/v1alpha2", "TLSRoute"),
    "tcp": ("gateway.networking.k8s.io/v1alpha2", "TCPRoute"),
}
"""The versions that Linkerd's policy controller watches (``policy-controller/k8s/api/src/lib.rs``)."""

Network = TypedDict("Network", {"cidr": str, "except": NotRequired[list[str]]})
"""A range of addresses outside of the cluster, and what in it is none."""


class EgressRoute(TypedDict):
    """Something outside that may be called."""

    name: str
    """Of the route."""
    port: int
    """The port that is called."""
    protocol: str
    """``http``, ``tls`` or ``tcp``. TLSRoute and TCPRoute are read as v1alpha2, which no standard bundle serves: the
    chart linkerd-crds has their CRDs (``enableTlsRoutes``, ``enableTcpRoutes``)."""
    hosts: NotRequired[list[str]]
    """Names that are asked for, in HTTP or in TLS. For ``tcp`` there are none."""


class LinkerdEgressArgs(TypedDict):
    """Arguments of `LinkerdEgress`."""

    policy: str
    """What becomes of calls that no route takes: ``allow`` or ``deny``."""
    namespace: NotRequired[str]
    """Whose pods it is for. Default: ``linkerd-egress``, which stands for all namespaces; one of a namespace's own goes
    before it."""
    create_namespace: NotRequired[bool]
    """Make the namespace. Default: true for ``linkerd-egress``, false for others."""
    networks: NotRequired[list[Network]]
    """Which addresses. Default: all that are none of the cluster's networks."""
    routes: NotRequired[list[EgressRoute]]
    """What may be called."""


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


def egress_troubles(args: LinkerdEgressArgs) -> Iterator[Trouble]:
    """What Linkerd would refuse, ignore, or take for something else."""
    for index, network in enumerate(args.get("networks") or []):
        outer = ip_network(network["cidr"])
        for place, inner in enumerate(network.get("except") or []):
            part = ip_network(inner)
            if part.version != outer.version or not part.subnet_of(outer):  # type: ignore[arg-type]
                message = f"is {inner}, which is no part of {outer}"
                yield Trouble(Code.EGRESS_NETWORK, message, "remove it", ("networks", index, "except", place))
    seen: dict[str, int] = {}
    for index, route in enumerate(args.get("routes") or []):
        if (first := seen.setdefault(route["name"], index)) != index:
            message = f'is "{route["name"]}", as is routes[{first}].name'
            yield Trouble(Code.EGRESS_NETWORK, message, "give each a name of its own", ("routes", index, "name"))
        for trouble in _in_route(route):
            yield trouble._replace(at=("routes", index, *trouble.at))
    if args["policy"] == "allow" and args.get("routes"):
        message = "is allow, beside routes: they would allow what is allowed anyway"
        yield Trouble(Code.EGRESS_NETWORK, message, "write deny, or remove the routes", ("policy",))


def _in_route(route: EgressRoute) -> Iterator[Trouble]:
    hosts, protocol = route.get("hosts"), route["protocol"]
    if protocol == "grpc":
        yield Trouble(Code.EGRESS_NETWORK, "is grpc", "write http, which takes gRPC too", ("protocol",))
    if protocol == "tcp" and hosts:
        message, remedy = "are named, and plain TCP names none", "remove them, and confine the networks instead"
        yield Trouble(Code.EGRESS_NETWORK, message, remedy, ("hosts",))
    if protocol == "tls" and not hosts:
        message, remedy = "names no host: every name would be allowed", "name hosts, or use protocol: tcp"
        yield Trouble(Code.EGRESS_NETWORK, message, remedy)


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
