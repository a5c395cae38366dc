"""Rules about Istio ambient that take the whole stack into account, one file a subject."""

from typing import Final

from meshwright_policy.istio import (
    allow_lists,
    attachment,
    availability,
    bypass,
    capture,
    certificates,
    cilium,
    install,
    mtls,
    multicluster,
    network,
    routing,
    sidecars,
    unsupported,
    use_waypoint,
    versions,
    waypoint_paths,
)
from meshwright_policy.record import Rule

RULES: Final[tuple[Rule, ...]] = (
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
