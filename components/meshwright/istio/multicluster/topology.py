"""Which meshes of several clusters ambient supports. Without Pulumi: config and components ask it."""

from collections.abc import Iterator
from typing import Final

TOPOLOGIES: Final = ("multi-primary",)
SINCE: Final = "1.29"
"""The minor in which multi-primary on several networks became beta."""
_PRIMARY_REMOTE = (
    "primary-remote doesn't work with ambient: the east-west gateway of ambient can't show istiod to another cluster"
)


def topology_mistakes(topology: str, source: str | None) -> Iterator[tuple[str, str]]:
    """Why clusters can't be joined in this way: what is wrong, and what would be right.

    Args:
        topology: One of `TOPOLOGIES`, or what somebody may have read of sidecars.
        source: Where the certificates come from; None where nothing is said of it.
    """
    if topology == "primary-remote":
        yield _PRIMARY_REMOTE, "run an istiod in each cluster: multi-primary"
    elif topology not in TOPOLOGIES:
        yield f"the topology {topology!r} is unknown", f"one of: {', '.join(TOPOLOGIES)}"
    if source not in ("cacerts", "istio-csr"):
        yield (
            "each cluster would make a root of its own, and trust no other's workloads",
            "say in certificates where they come from, with one root for all clusters: cacerts or istio-csr",
        )
