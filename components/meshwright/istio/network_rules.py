"""What a namespace of ambient pods has to allow when it denies by default, whatever its network policies look like.

A captured pod keeps its own address on the network, but not its ports: what is meshed goes to 15008 of the called, and
not to the service's port. The kubelet's probes come from a link-local address (istio.io, ambient and network policy;
istio#49277, istio#52208).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING, Final, Literal

from meshwright.istio.labels import HBONE_PORT, ISTIOD_PORT, PROBE_ADDRESSES, WAYPOINT_METRICS_PORT

if TYPE_CHECKING:
    from meshwright.istio.network_policy import AmbientNetworkPolicyArgs

Direction = Literal["ingress", "egress"]
DIRECTIONS: Final[dict[str, tuple[Direction, ...]]] = {
    "ingress": ("ingress",),
    "egress": ("egress",),
    "both": ("ingress", "egress"),
}
CLUSTER_DNS: Final = ("kube-system", (("k8s-app", "kube-dns"),), 53)


@dataclass(frozen=True, slots=True)
class MeshPods:
    """Pods that speak HBONE: in enrolled namespaces, enrolled by themselves, and those of gateways and waypoints."""


@dataclass(frozen=True, slots=True)
class Pods:
    """Pods of one namespace, all of them unless labels are given."""

    namespace: str
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Addresses:
    """Addresses that are no pod's, as networks: ``169.254.7.127/32``."""

    networks: tuple[str, ...]


Peer = MeshPods | Pods | Addresses


@dataclass(frozen=True, slots=True)
class Rule:
    """Traffic that is allowed."""

    direction: Direction
    peers: tuple[Peer, ...]
    ports: tuple[tuple[int, str], ...] = ()
    """Number and protocol, of the pods, not of their Service; empty: every port."""
    waypoints: bool = False
    """For the namespace's waypoints alone."""


def rules(args: "AmbientNetworkPolicyArgs") -> tuple[Rule, ...]:
    """The rules of the directions that are isolated."""
    isolated = DIRECTIONS[args.get("isolate", "both")]
    return tuple(rule for rule in (*_of_all_pods(args), *_of_waypoints(args)) if rule.direction in isolated)


def _of_all_pods(args: "AmbientNetworkPolicyArgs") -> Iterator[Rule]:
    mesh: tuple[Peer, ...] = (MeshPods(), *(Pods(name) for name in args.get("peers") or ()))
    hbone = ((HBONE_PORT, "TCP"),)
    yield Rule("ingress", mesh, hbone)
    yield Rule("ingress", (Addresses(tuple(str(ip_network(address)) for address in PROBE_ADDRESSES)),))
    yield Rule("egress", mesh, hbone)
    dns = args.get("dns")
    namespace, labels, port = (
        (dns["namespace"], tuple(sorted(dns["labels"].items())), int(dns.get("port", 53))) if dns else CLUSTER_DNS
    )
    yield Rule("egress", (Pods(namespace, labels),), ((port, "UDP"), (port, "TCP")))
    if caches := args.get("dns_addresses"):
        yield Rule("egress", (Addresses(tuple(str(ip_network(each)) for each in caches)),), ((53, "UDP"), (53, "TCP")))


def _of_waypoints(args: "AmbientNetworkPolicyArgs") -> Iterator[Rule]:
    """A waypoint is a pod of the namespace that isn't captured: it fetches its configuration and certificate itself."""
    istiod = Pods(args.get("istio_namespace", "istio-system"), (("app", "istiod"),))
    yield Rule("egress", (istiod,), ((ISTIOD_PORT, "TCP"),), waypoints=True)
    for backend in args.get("waypoint_backends") or ():
        yield Rule("egress", (Pods(backend["namespace"]),), ((int(backend["port"]), "TCP"),), waypoints=True)
    if monitoring := args.get("prometheus_namespace"):
        yield Rule("ingress", (Pods(monitoring),), ((WAYPOINT_METRICS_PORT, "TCP"),), waypoints=True)
