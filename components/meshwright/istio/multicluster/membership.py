"""A cluster as a member of a mesh of several: what its charts and its root namespace have to know."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NotRequired, TypedDict

from meshwright.errors import Code
from meshwright.istio.labels import NETWORK
from meshwright.istio.multicluster.topology import SINCE, topology_mistakes
from meshwright.kubernetes.errors import refuse
from meshwright.versions import version_key


class MembershipArgs(TypedDict):
    """A cluster's place in a mesh of several."""

    mesh: str
    """The mesh's id, the same in all of its clusters."""
    cluster: str
    """The cluster's name, which no other of them has."""
    network: str
    """The network of its pods, which no other of them shares: traffic between networks takes the east-west gateways."""
    topology: NotRequired[str]
    """``multi-primary``, an istiod in each cluster. ``primary-remote`` isn't supported by ambient."""
    remote_ingress: NotRequired[bool]
    """Ingress gateways send requests to other clusters too. Default: false, which is what istiod does unless it is
    told, whatever the notes of 1.29 say (``pilot/pkg/features/ambient.go``)."""
    baggage: NotRequired[bool]
    """Waypoints learn who called from another network, for their metrics. Default: false, as istiod."""


@dataclass(frozen=True, slots=True)
class Membership:
    """A membership that can work; the one without any says nothing."""

    cluster: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    """For Istio's root namespace."""
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Chart, by its short name -> values."""


def plan_membership(args: MembershipArgs | None, source: str | None, version: str, label: str) -> Membership:
    """The membership that the arguments ask for.

    Args:
        args: The cluster's place; None where the mesh has one cluster.
        source: Where the certificates come from.
        version: Istio's version, in full.
        label: The component, for messages.

    Raises:
        ComponentError: MW-E151 for what ambient doesn't support.
    """
    if args is None:
        return Membership()
    for message, remedy in topology_mistakes(args.get("topology", "multi-primary"), source):
        raise refuse(Code.CLUSTER_TOPOLOGY, label, message, remedy)
    if version_key(version) < version_key(SINCE):
        message = f"Istio {version} joins no clusters with ambient beyond alpha"
        raise refuse(Code.CLUSTER_TOPOLOGY, label, message, f"use {SINCE} or newer")
    flags = {
        "AMBIENT_ENABLE_MULTI_NETWORK": "true",
        "AMBIENT_ENABLE_MULTI_NETWORK_INGRESS": _flag(args.get("remote_ingress", False)),
        "AMBIENT_ENABLE_BAGGAGE": _flag(args.get("baggage", False)),
    }
    cluster = {"multiCluster": {"clusterName": args["cluster"]}}
    istiod = {"global": {"meshID": args["mesh"], "network": args["network"], **cluster}, "env": flags}
    # Istio's own page leaves both out. ztunnel would say that it is in the cluster "Kubernetes", on no network.
    ztunnel = {**cluster, "network": args["network"]}
    return Membership(args["cluster"], {NETWORK: args["network"]}, {"istiod": istiod, "ztunnel": ztunnel})


def _flag(on: bool) -> str:
    return "true" if on else "false"
