"""What a `LinkerdEgress` is told, and what can't work in it: asked of the config, and again of the component."""

from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from typing import NotRequired, TypedDict

from meshwright.errors import Code
from meshwright.kubernetes.troubles import Trouble

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


def unserved(args: LinkerdEgressArgs, values: Mapping[str, object]) -> Iterator[Trouble]:
    """Routes of kinds that neither the standard bundle nor the chart serves as v1alpha2, which Linkerd reads.

    Args:
        args: What is asked for.
        values: Of the chart linkerd-crds.
    """
    for index, route in enumerate(args.get("routes") or []):
        key = {"tls": "enableTlsRoutes", "tcp": "enableTcpRoutes"}.get(route["protocol"])
        if key and not values.get(key):
            kind = route["protocol"].upper() + "Route"
            message = (
                f"is {route['protocol']}, and the standard Gateway API has no {kind} v1alpha2, which Linkerd reads"
            )
            remedy = f"set values: {{crds: {{{key}: true}}}}"
            yield Trouble(Code.EGRESS_NETWORK, message, remedy, ("routes", index, "protocol"))
