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
from meshwright.istio.health.verdicts import ask

if TYPE_CHECKING:
    from meshwright.istio.health.snapshot import Snapshot
    from meshwright.istio.health.verdicts import Check, Result

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


def ask_all(snapshot: Snapshot) -> tuple[Result, ...]:
    """Ask every check of one snapshot."""
    return tuple(ask(check, snapshot) for check in CHECKS)
