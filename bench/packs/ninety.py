"""Ninety rules: the catalogue's own, and copies of its rules on single resources that look at other types."""

from dataclasses import replace
from itertools import cycle, islice
from typing import Final

from meshwright_policy.catalogue import RULES
from meshwright_policy.record import Rule

TYPES: Final = tuple(f"kubernetes:bench.example.org/v1:Kind{number}" for number in range(25))
"""What the copies look at, three of these each: the types of the bench's resources."""
CRD: Final = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"


def ninety(*, at_crd: bool = False) -> tuple[Rule, ...]:
    """The rules. ``at_crd``: all copies look at CustomResourceDefinitions instead."""
    copied = cycle(rule for rule in RULES if rule.check)
    copies = []
    for number, rule in enumerate(islice(copied, 90 - len(RULES))):
        types = tuple(TYPES[(number * 3 + step) % len(TYPES)] for step in range(3))
        about = {"id": f"MW-BEN-{number:03}", "slug": f"bench-{number}", "applies_to": (CRD,) if at_crd else types}
        copies.append(replace(rule, **about))  # type: ignore[arg-type]
    return (*RULES, *copies)
