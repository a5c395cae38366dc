"""All rules, in the order of their ids. A new subject is a file of its own and a line here.

`RULES` is what the pack serves, ``meshwright rules`` lists, ``docs/rules`` describes and reports refer to.
"""

from typing import Final

from meshwright_policy import adoption, consul, istio, linkerd, versions, waived
from meshwright_policy.record import Rule

RULES: Final[tuple[Rule, ...]] = tuple(
    sorted(
        (
            *adoption.RULES,
            *consul.RULES,
            *istio.RULES,
            *linkerd.RULES,
            *versions.RULES,
            *waived.RULES,
        ),
        key=lambda rule: rule.id,
    )
)
BY_NAME: Final[dict[str, Rule]] = {name: rule for rule in RULES for name in (*rule.aliases, rule.id)}
"""Id or alias -> rule."""
