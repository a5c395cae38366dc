"""All checks, in the order in which they are reported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meshwright.istio.health import (
    certificates,
    control_plane,
    gateway_api,
    network,
    nodes,
    security,
    sidecars,
    waypoints,
)

if TYPE_CHECKING:
    from meshwright.health.verdicts import Check

PAGE: Final = "docs/istio/checks.md"
"""Has a section for each check."""

CHECKS: Final[tuple[Check, ...]] = (
    *control_plane.CHECKS,
    *gateway_api.CHECKS,
    *nodes.CHECKS,
    *network.CHECKS,
    *waypoints.CHECKS,
    *security.CHECKS,
    *certificates.CHECKS,
    *sidecars.CHECKS,
)
