"""The ports between nodes, and from the control plane to them."""

from typing import Final

from meshwright.istio.labels import HBONE_PORT

BETWEEN_NODES: Final = {
    HBONE_PORT: "HBONE: mutual TLS between workloads",
    15012: "ztunnel and waypoints to istiod (xDS, CA)",
}
"""Port, TCP -> what it is for, in letters that AWS takes in a description."""
FROM_CONTROL_PLANE: Final = {
    15017: "API server to the webhooks of istiod",
    15012: "control plane to istiod (xDS, CA)",
}
"""Port, TCP -> what it is for, likewise."""
