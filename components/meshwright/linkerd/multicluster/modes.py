"""The ways in which a service of one cluster is used in another. Without Pulumi: config and components ask.

Sources: linkerd2 ``multicluster/cmd/link-gen.go`` (the selectors), ``multicluster/service-mirror/cluster_watcher.go``,
linkerd.io features/multicluster.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from meshwright.linkerd.labels import EXPORTED, FEDERATED

HIERARCHICAL: Final = "hierarchical"
FLAT: Final = "flat"
FEDERATED_MODE: Final = "federated"
MODES: Final = (HIERARCHICAL, FLAT, FEDERATED_MODE)
LABELS: Final[Mapping[str, tuple[str, str]]] = {
    HIERARCHICAL: (EXPORTED, "true"),
    FLAT: (EXPORTED, "remote-discovery"),
    FEDERATED_MODE: (FEDERATED, "member"),
}
"""Mode -> the label of a Service that is used so."""
SELECTORS: Final[Mapping[str, str]] = {
    HIERARCHICAL: "selector",
    FLAT: "remoteDiscoverySelector",
    FEDERATED_MODE: "federatedServiceSelector",
}
"""Mode -> the field of a Link that picks those Services."""
POD_TO_POD: Final = frozenset((FLAT, FEDERATED_MODE))
"""Modes in which a pod calls the other cluster's pods by their own addresses."""


def mode_mistakes(modes: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Why these can't be a Link's modes: what is wrong, and what would be right."""
    if not modes:
        yield "a Link of no mode mirrors nothing", f"one or more of: {', '.join(MODES)}"
    for mode in modes:
        if mode not in MODES:
            yield f"the mode {mode!r} is unknown", f"one of: {', '.join(MODES)}"


def selector(mode: str) -> dict[str, Any]:
    """What a Link picks in a mode."""
    key, value = LABELS[mode]
    return {"matchLabels": {key: value}}
