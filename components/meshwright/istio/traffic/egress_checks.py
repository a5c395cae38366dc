"""What the way out of the mesh can't be."""

from collections.abc import Iterator
from typing import NotRequired, TypedDict

from meshwright.errors import Code
from meshwright.istio.traffic.arguments import ConnectionPool, OutlierDetection
from meshwright.kubernetes.troubles import Trouble

PORTS = {"http": 80, "tls": 443}
"""Protocol -> the port on which programs ask for it."""


class Caller(TypedDict):
    """Who may call a host."""

    namespace: str
    """Its namespace."""
    service_accounts: NotRequired[list[str]]
    """Only these. Default: all of the namespace."""


class EgressHost(TypedDict):
    """A host outside of the mesh."""

    host: str
    """Its DNS name; ``*.example.com`` for all below one, with plain HTTP only."""
    callers: list[Caller]
    """Who may call it. Nobody else may."""
    protocol: NotRequired[str]
    """What callers speak: ``http``, ``tls`` (theirs, end to end) or ``tcp``. Default: ``http``."""
    port: NotRequired[int]
    """The port that callers use. Default: 80 for ``http``, 443 for ``tls``."""
    originate_tls: NotRequired[bool]
    """The waypoint speaks TLS to the host, for callers that speak plain HTTP to the waypoint. Default: false."""
    target_port: NotRequired[int]
    """The host's port. Default: 443 with `originate_tls`, else `port`."""
    methods: NotRequired[list[str]]
    """Only these HTTP methods. Default: all."""
    paths: NotRequired[list[str]]
    """Only these paths; ``*`` at an end stands for anything. Default: all."""
    connection_pool: NotRequired[ConnectionPool]
    outlier_detection: NotRequired[OutlierDetection]


def protocol_of(host: EgressHost) -> str:
    """What callers speak to the host."""
    return host.get("protocol", "http")


def port_of(host: EgressHost) -> int:
    """The port that callers use."""
    return int(host.get("port") or PORTS[protocol_of(host)])


def host_troubles(host: EgressHost) -> Iterator[Trouble]:
    """What can't work of one host."""
    protocol, name = protocol_of(host), host["host"]
    if name.endswith((".local", ".svc", ".localhost")):
        message = f'is "{name}", which is inside of the cluster'
        yield Trouble(Code.EGRESS_HOST, message, "name a host outside; services of the mesh need no egress", ("host",))
    if name.rpartition(".")[2].isdigit():
        message = f'is "{name}", an address: ztunnel and waypoints find hosts by name'
        yield Trouble(Code.EGRESS_HOST, message, "give the host's DNS name", ("host",))
    if not host["callers"]:
        yield Trouble(
            Code.EMPTY_TRAFFIC_RULE,
            "lists nobody who may call the host",
            "list callers, or remove it",
            ("callers",),
        )
    if protocol == "tcp" and "port" not in host:
        yield Trouble(Code.EGRESS_HOST, "is tcp, which has no usual port", "add port", ("protocol",))
    if name.startswith("*."):
        yield from _wildcard(host)
    if host.get("originate_tls") and protocol != "http":
        message = f"is for callers that speak plain HTTP, and protocol is {protocol}"
        yield Trouble(Code.EGRESS_HOST, message, "set protocol: http, or remove originate_tls", ("originate_tls",))
    for key in ("methods", "paths"):
        if host.get(key) and protocol != "http":
            message = f"is for HTTP, and of {protocol} the waypoint sees the connection alone: nothing would ever match"
            remedy = f"remove {key}, or let callers speak http with originate_tls: true"
            yield Trouble(Code.EGRESS_HOST, message, remedy, (key,))
    if protocol == "http" and not host.get("originate_tls"):
        yield from _plain_to_tls(host)


def _plain_to_tls(host: EgressHost) -> Iterator[Trouble]:
    """HTTP where TLS is spoken: the waypoint would read the callers' handshake as a request, or send the host one."""
    if int(host.get("target_port", 0)) == 443:
        message = "is 443, where the host speaks TLS, and the waypoint would speak plain HTTP to it"
        yield Trouble(Code.EGRESS_HOST, message, "add originate_tls: true", ("target_port",))
    elif "target_port" not in host and port_of(host) == 443:
        message = "is 443, where callers and host speak TLS, and protocol is http"
        remedy = "set protocol: tls; or remove port, add originate_tls: true, and let callers speak plain HTTP"
        yield Trouble(Code.EGRESS_HOST, message, remedy, ("port",))


def _wildcard(host: EgressHost) -> Iterator[Trouble]:
    """A waypoint finds the host of a wildcard by the Host header alone; for TLS that is a feature flag, off by default.

    Source: ``buildWaypointInboundVIP`` and ``buildDFPCluster`` in istio's ``pilot/pkg/networking/core``, as of 1.31.
    """
    if protocol_of(host) != "http":
        message = f'is "{host["host"]}": for a wildcard a waypoint takes plain HTTP alone, and goes by the Host header'
        yield Trouble(Code.EGRESS_HOST, message, "name each host", ("host",))
    for key in ("originate_tls", "target_port"):
        if host.get(key):
            message = "has no effect for a wildcard: the waypoint goes by the Host header, port included"
            yield Trouble(Code.EGRESS_HOST, message, f"name each host, or remove {key}", (key,))


def hosts_troubles(hosts: list[EgressHost]) -> Iterator[Trouble]:
    """What can't work of the hosts together, and of each."""
    seen: dict[str, int] = {}
    for index, host in enumerate(hosts):
        name = host["host"].lower()
        if name in seen:
            message = f'is "{name}", as is hosts[{seen[name]}].host: what Istio makes of two is undefined'
            yield Trouble(Code.HOST_TAKEN, message, "keep one", ("hosts", index, "host"))
        seen.setdefault(name, index)
        for trouble in host_troubles(host):
            yield trouble._replace(at=("hosts", index, *trouble.at))
    if not hosts:
        yield Trouble(Code.EMPTY_TRAFFIC_RULE, "is empty", "name a host, or remove egress", ("hosts",))
