"""Network policies with which a namespace that denies by default stays in the mesh."""

from collections.abc import Iterable, Iterator
from ipaddress import ip_network
from typing import Any, Final, NotRequired, TypedDict

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.networking.v1 import NetworkPolicy

from meshwright.errors import Code
from meshwright.istio.labels import DATAPLANE_MODE, GATEWAY_CLASS_NAME, GATEWAY_NAME, WAYPOINT_CLASSES
from meshwright.istio.network_rules import DIRECTIONS, Addresses, Direction, MeshPods, Peer, Pods, Rule, rules
from meshwright.kubernetes.children import below
from meshwright.kubernetes.errors import refuse
from meshwright.kubernetes.providers import require_kubernetes_provider

KINDS: Final = ("kubernetes", "cilium")
_NAMESPACE_NAME: Final = "kubernetes.io/metadata.name"


class ClusterDns(TypedDict):
    """The pods that answer the cluster's DNS."""

    namespace: str
    labels: dict[str, str]
    port: NotRequired[int]
    """The pods' own. Default: 53; OpenShift's listen on 5353."""


class WaypointBackend(TypedDict):
    """What waypoints call besides istiod and workloads."""

    namespace: str
    port: int
    """The pods' own, not their Service's."""


class AmbientNetworkPolicyArgs(TypedDict):
    """Arguments of `AmbientNetworkPolicy`."""

    namespace: str
    """The namespace; it must exist."""
    kind: NotRequired[str]
    """``kubernetes``: networking.k8s.io/v1, or ``cilium``: CiliumNetworkPolicy. Default: ``kubernetes``."""
    isolate: NotRequired[str]
    """``ingress``, ``egress`` or ``both``: what is denied but for these rules and those of other policies. Default:
    ``both``."""
    istio_namespace: NotRequired[str]
    """Where istiod runs. Default: ``istio-system``."""
    peers: NotRequired[list[str]]
    """Other namespaces whose pods use port 15008, such as those with sidecars. Default: none beside the mesh's."""
    dns: NotRequired[ClusterDns]
    """Default: ``k8s-app: kube-dns`` in ``kube-system``, port 53."""
    dns_addresses: NotRequired[list[str]]
    """Addresses of DNS caches on the nodes, such as ``169.254.20.10``. Default: none."""
    prometheus_namespace: NotRequired[str]
    """Where Prometheus runs, which scrapes waypoints. Default: nobody may."""
    waypoint_backends: NotRequired[list[WaypointBackend]]
    """Collectors of logs and traces, external authorization, another CA than istiod. Default: none."""


class AmbientNetworkPolicy(pulumi.ComponentResource):
    """Denies by default, and allows what ambient needs: HBONE, the kubelet's probes, DNS, and the waypoints' own calls.

    Policies add up. These two isolate every pod of the namespace; plaintext callers, databases and whatever else is not
    meshed need policies of yours beside them.

    Raises:
        ComponentError: MW-E050 for arguments that cannot work, MW-E051 without a provider.
    """

    def __init__(self, name: str, args: AmbientNetworkPolicyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"AmbientNetworkPolicy {name}"
        require_kubernetes_provider(opts, label)
        _check(args, label)
        super().__init__("meshwright:index:AmbientNetworkPolicy", name, {**args}, opts)
        allowed, children = rules(args), below(self, opts)
        for object_name, of_waypoints in (("ambient", False), ("ambient-waypoints", True)):
            ours = [rule for rule in allowed if rule.waypoints is of_waypoints]
            if not ours:
                continue
            metadata = {"name": object_name, "namespace": args["namespace"]}
            if args.get("kind", "kubernetes") == "cilium":
                CustomResource(
                    f"{name}-{object_name}",
                    api_version="cilium.io/v2",
                    kind="CiliumNetworkPolicy",
                    metadata=metadata,
                    spec=cilium_spec(ours, waypoints=of_waypoints),
                    opts=children,
                )
            else:
                spec = kubernetes_spec(ours, waypoints=of_waypoints)
                NetworkPolicy(f"{name}-{object_name}", metadata=metadata, spec=spec, opts=children)
        self.register_outputs({})


def _check(args: AmbientNetworkPolicyArgs, label: str) -> None:
    for key, value, known in (
        ("kind", args.get("kind", "kubernetes"), KINDS),
        ("isolate", args.get("isolate", "both"), DIRECTIONS),
    ):
        if value not in known:
            raise refuse(Code.BAD_ARGUMENT, label, f"{key} {value!r} is unknown", f"one of: {', '.join(known)}")
    for address in args.get("dns_addresses") or ():
        try:
            ip_network(address)
        except ValueError:
            message = f"the DNS address {address!r} is no IP address"
            raise refuse(Code.BAD_ARGUMENT, label, message, "write it as 169.254.20.10") from None


def _waypoint_pods() -> dict[str, Any]:
    return {"matchExpressions": [{"key": GATEWAY_CLASS_NAME, "operator": "In", "values": list(WAYPOINT_CLASSES)}]}


def _directions(ours: Iterable[Rule]) -> list[Direction]:
    present = {rule.direction for rule in ours}
    return [direction for direction in DIRECTIONS["both"] if direction in present]


def kubernetes_spec(ours: list[Rule], *, waypoints: bool) -> dict[str, Any]:
    """The spec of a NetworkPolicy with these rules."""
    side = {"ingress": "from", "egress": "to"}
    spec: dict[str, Any] = {
        "podSelector": _waypoint_pods() if waypoints else {},
        "policyTypes": [direction.capitalize() for direction in _directions(ours)],
    }
    for rule in ours:
        entry: dict[str, Any] = {side[rule.direction]: [each for peer in rule.peers for each in _kubernetes_peer(peer)]}
        if rule.ports:
            entry["ports"] = [{"port": number, "protocol": protocol} for number, protocol in rule.ports]
        spec.setdefault(rule.direction, []).append(entry)
    return spec


def _kubernetes_peer(peer: Peer) -> Iterator[dict[str, Any]]:
    if isinstance(peer, Addresses):
        yield from ({"ipBlock": {"cidr": network}} for network in peer.networks)
    elif isinstance(peer, Pods):
        pods: dict[str, Any] = {"podSelector": {"matchLabels": dict(peer.labels)}} if peer.labels else {}
        yield {"namespaceSelector": {"matchLabels": {_NAMESPACE_NAME: peer.namespace}}, **pods}
    else:
        ambient = {"matchLabels": {DATAPLANE_MODE: "ambient"}}
        yield {"namespaceSelector": ambient}
        yield {"namespaceSelector": {}, "podSelector": ambient}
        of_gateways = {"matchExpressions": [{"key": GATEWAY_NAME, "operator": "Exists"}]}
        yield {"namespaceSelector": {}, "podSelector": of_gateways}


def cilium_spec(ours: list[Rule], *, waypoints: bool) -> dict[str, Any]:
    """The spec of a CiliumNetworkPolicy with these rules."""
    spec: dict[str, Any] = {"endpointSelector": _waypoint_pods() if waypoints else {}}
    for rule in ours:
        spec.setdefault(rule.direction, []).extend(_cilium_rules(rule))
    return spec


def _cilium_rules(rule: Rule) -> Iterator[dict[str, Any]]:
    # Endpoints and addresses of one Cilium rule would both have to match.
    side = {"ingress": "from", "egress": "to"}[rule.direction]
    endpoints = [each for peer in rule.peers if not isinstance(peer, Addresses) for each in _cilium_endpoints(peer)]
    networks = [network for peer in rule.peers if isinstance(peer, Addresses) for network in peer.networks]
    ports = [{"port": str(number), "protocol": protocol} for number, protocol in rule.ports]
    to_ports = {"toPorts": [{"ports": ports}]} if ports else {}
    if endpoints:
        yield {f"{side}Endpoints": endpoints, **to_ports}
    if networks:
        yield {f"{side}CIDR": networks, **to_ports}


def _cilium_endpoints(peer: MeshPods | Pods) -> Iterator[dict[str, Any]]:
    namespace = "k8s:io.kubernetes.pod.namespace"
    if isinstance(peer, Pods):
        labels = {f"k8s:{key}": value for key, value in peer.labels}
        yield {"matchLabels": {namespace: peer.namespace, **labels}}
        return
    # Without a word of the namespace Cilium means the policy's own.
    anywhere = {"key": namespace, "operator": "Exists"}
    of_gateways = {"key": f"k8s:{GATEWAY_NAME}", "operator": "Exists"}
    for of_pod_or_namespace in (f"k8s:io.cilium.k8s.namespace.labels.{DATAPLANE_MODE}", f"k8s:{DATAPLANE_MODE}"):
        yield {"matchLabels": {of_pod_or_namespace: "ambient"}, "matchExpressions": [anywhere]}
    yield {"matchExpressions": [anywhere, of_gateways]}
