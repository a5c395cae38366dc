"""Who can reach a gateway. The chart makes a load balancer that lets everybody in. Without Pulumi: config asks too."""

from collections.abc import Collection, Iterator
from ipaddress import collapse_addresses, ip_network


def exposure_mistakes(source_ranges: Collection[str], public: str | None) -> Iterator[tuple[str, str]]:
    """Why a gateway can't be reached like this: what is wrong, and what would be right.

    Mutual TLS keeps strangers out of the mesh. That they reach a proxy's TLS handshake and its probe port at all is
    what ranges are for.

    Args:
        source_ranges: Networks that may connect, in CIDR form.
        public: Why it is open to all on purpose; None where it isn't.
    """
    if public is not None and not public.strip():
        yield "public has no reason", "say why every network may connect"
    if not source_ranges and public is None:
        yield (
            "the gateway would take connections from every network",
            "name the other clusters' networks in source_ranges, or say in public why it is open",
        )
    networks = []
    for text in source_ranges:
        try:
            networks.append(ip_network(text))
        except ValueError:
            yield f"{text!r} is no network", "write it as 10.20.0.0/16"
    for version in (4, 6):
        # Two halves of everything are everything.
        whole = collapse_addresses([each for each in networks if each.version == version])  # type: ignore[type-var]
        if public is None and any(each.prefixlen == 0 for each in whole):
            yield (
                "source_ranges let every network connect",
                "name the other clusters' networks, or say in public why it is open",
            )
