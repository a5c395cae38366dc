"""All checks, in the order in which they are reported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meshwright.linkerd.health import certificates, control_plane, injection, network, policy, webhooks, workloads

if TYPE_CHECKING:
    from meshwright.health.verdicts import Check

PAGE: Final = "docs/linkerd/check.md"
"""Has a section for each check."""

CHECKS: Final[tuple[Check, ...]] = (
    *certificates.CHECKS,
    *webhooks.CHECKS,
    *control_plane.CHECKS,
    *injection.CHECKS,
    *network.CHECKS,
    *workloads.CHECKS,
    *policy.CHECKS,
)
