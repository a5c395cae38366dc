"""How each platform's DNS is told to ask Consul's for its names."""

import ipaddress
from collections.abc import Iterator
from typing import Final

from meshwright.errors import Code
from meshwright.kubernetes.troubles import Trouble

FORWARDING: Final = ("aks", "gke", "k3d", "k3s", "openshift")
"""Platforms with a place of its own for this. Elsewhere all of CoreDNS's configuration is one text, which belongs to
who installed it."""


def server_block(domain: str, address: str) -> str:
    """For CoreDNS. Answers are kept for half a minute at most: instances come and go."""
    return f"{domain}:53 {{\n    errors\n    cache 30\n    forward . {address}\n}}\n"


def forwarding_troubles(platform: str, domain: str, address: str) -> Iterator[Trouble]:
    """An address that is none, and a platform that has no place for it."""
    try:
        ipaddress.ip_address(address)
    except ValueError:
        message = f'is "{address}", which is no address'
        yield Trouble(
            Code.BAD_ARGUMENT, message, "write a free one of the cluster's Services: 10.100.0.53", ("address",)
        )
        return
    if platform not in FORWARDING:
        message = f"is {platform}, whose CoreDNS has one text, which belongs to who installed it"
        block = " ".join(server_block(domain, address).split())
        yield Trouble(Code.BAD_ARGUMENT, message, f"add this to its Corefile: {block}", ("platform",))
