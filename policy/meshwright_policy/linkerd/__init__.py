"""Rules about Linkerd, one file a subject; `objects` is what all of them read."""

from typing import Final

from meshwright_policy.linkerd import access, certificates, install, multicluster, ports, versions, workloads
from meshwright_policy.record import Rule

RULES: Final[tuple[Rule, ...]] = (
    *certificates.RULES,
    *install.RULES,
    *ports.RULES,
    *access.RULES,
    *multicluster.RULES,
    *versions.RULES,
    *workloads.RULES,
)
