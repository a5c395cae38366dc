"""Rules about Consul and its Vault, one file a subject; `objects` is what all of them read."""

from typing import Final

from meshwright_policy.consul import (
    authority,
    availability,
    exposure,
    install,
    intentions,
    security,
    vault,
    vault_engines,
    workloads,
)
from meshwright_policy.record import Rule

RULES: Final[tuple[Rule, ...]] = (
    *vault.RULES,
    *vault_engines.RULES,
    *authority.RULES,
    *security.RULES,
    *install.RULES,
    *availability.RULES,
    *exposure.RULES,
    *intentions.RULES,
    *workloads.RULES,
)
