"""All rules, in the order of their ids. A new subject is a file of its own and a line here."""

from meshwright_policy import adoption, authorization, mesh_wide, versions, waypoints
from meshwright_policy.record import Rule

RULES: tuple[Rule, ...] = tuple(
    sorted(
        (*adoption.RULES, *mesh_wide.RULES, *waypoints.RULES, *authorization.RULES, *versions.RULES),
        key=lambda rule: rule.id,
    )
)
