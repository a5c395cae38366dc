"""All checks, in the order in which they are reported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meshwright.consul.health import certificates, config_entries, crds, injector, servers, vault

if TYPE_CHECKING:
    from meshwright.health.verdicts import Check

PAGE: Final = "docs/consul/check.md"
"""Has a section for each check."""

CHECKS: Final[tuple[Check, ...]] = (
    *servers.CHECKS,
    *certificates.CHECKS,
    *vault.CHECKS,
    *injector.CHECKS,
    *config_entries.CHECKS,
    *crds.CHECKS,
)
