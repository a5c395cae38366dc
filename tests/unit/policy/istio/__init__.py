"""What the rules about Istio's whole stack say: their examples, and the tables of the files beside this one."""

from meshwright_policy.examples import subjects
from meshwright_policy.istio import RULES

from ..cases import Case
from . import charts, policies, routes, waypoints

CASES: list[Case] = [
    *(Case(rule.id, "violated", subjects(rule.bad), rule.bad.says) for rule in RULES),
    *(Case(rule.id, "passed", subjects(rule.good)) for rule in RULES),
    *waypoints.CASES,
    *policies.CASES,
    *routes.CASES,
    *charts.CASES,
]
