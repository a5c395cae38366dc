"""Rules about Istio, one file a subject; `mesh`, `charts` and `dataplane` are the pictures of a stack for all."""

from typing import Final

from meshwright_policy.istio import (
    allow_lists,
    attachment,
    authorization,
    availability,
    bypass,
    capture,
    certificates,
    cilium,
    install,
    mesh_wide,
    mtls,
    multicluster,
    network,
    routing,
    sidecars,
    unsupported,
    use_waypoint,
    versions,
    waypoint_paths,
    waypoints,
)
from meshwright_policy.record import Rule

RULES: Final[tuple[Rule, ...]] = (
    *mesh_wide.RULES,
    *waypoints.RULES,
    *authorization.RULES,
    *use_waypoint.RULES,
    *waypoint_paths.RULES,
    *bypass.RULES,
    *attachment.RULES,
    *mtls.RULES,
    *sidecars.RULES,
    *capture.RULES,
    *routing.RULES,
    *network.RULES,
    *cilium.RULES,
    *availability.RULES,
    *install.RULES,
    *versions.RULES,
    *unsupported.RULES,
    *certificates.RULES,
    *multicluster.RULES,
    *allow_lists.RULES,
)
