"""What the rules about Consul say: their examples, what they leave open, and what they don't judge."""

from meshwright_policy.consul import RULES
from meshwright_policy.examples import subjects

from ..cases import Case
from . import left_open, more

CASES: list[Case] = [
    *(Case(rule.id, "violated", subjects(rule.bad), rule.bad.says) for rule in RULES),
    *(Case(rule.id, "passed", subjects(rule.good)) for rule in RULES),
    *left_open.CASES,
    *more.CASES,
]
