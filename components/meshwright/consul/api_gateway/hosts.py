"""Which hosts of routes a listener takes, as Consul's gateway controller compares them."""

from collections.abc import Iterator

from meshwright.consul.api_gateway.args import ConsulApiGatewayArgs, ListenerArgs, RouteArgs


def fits(host: str, hostname: str) -> bool:
    """Whether a listener's hostname takes a host; a wildcard stands for one label (``hostnamesMatch``)."""
    if not hostname:
        return True
    if not hostname.startswith("*."):
        return host == hostname
    return host.partition(".")[2].lower() == hostname.removeprefix("*.").lower()


def listeners_of(route: RouteArgs, args: ConsulApiGatewayArgs) -> Iterator[ListenerArgs]:
    """The listeners that a route is bound to."""
    named, hosts = route.get("listeners"), route.get("hosts") or []
    for listener in args["listeners"]:
        wanted = not named or listener["name"] in named
        if wanted and (not hosts or any(fits(host, listener.get("hostname", "")) for host in hosts)):
            yield listener
