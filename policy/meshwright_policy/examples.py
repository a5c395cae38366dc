"""A rule's examples as resources: what the documentation shows is what the tests run."""

import json
from dataclasses import replace
from typing import Final

import yaml

from meshwright_policy.catalogue import BY_NAME, RULES
from meshwright_policy.judge import Outcome, judge_resource, judge_stack
from meshwright_policy.record import Example, Rule, Subject
from meshwright_policy.stack import Stack
from meshwright_policy.waivers import Ledger, Waiver, parse_waivers

JUDGED_ON: Final = "2026-11-23"
"""The day by which the examples are judged (MESHWRIGHT_AS_OF)."""


def subjects(example: Example) -> tuple[Subject, ...]:
    """The resources of an example."""
    resources = yaml.safe_load(example.text)
    return tuple(
        Subject(
            type=resource["type"],
            name=name,
            urn=f"urn:pulumi:example::example::{resource['type']}::{name}",
            properties=resource["properties"],
        )
        for name, resource in resources.items()
        if name != "waivers"
    )


def waivers(example: Example) -> tuple[Waiver, ...]:
    """The waivers of an example, which stand under `waivers` beside its resources."""
    # YAML's dates are no JSON: they are written as the stack file's loader has them.
    return parse_waivers(json.dumps(yaml.safe_load(example.text).get("waivers", []), default=str), BY_NAME)


def outcomes(rule: Rule, example: Example) -> tuple[Outcome, ...]:
    """What a rule says about each resource of an example, or about all of them where it is a stack rule."""
    if rule.check_stack is not None:
        return (judge_stack(rule, stack(example), rule.configured({})),)
    whole = Stack.of_subjects(subjects(example))
    return tuple(
        judge_resource(rule, replace(subject, stack=whole), rule.configured({}))
        for subject in subjects(example)
        if subject.type in rule.applies_to
    )


def stack(example: Example) -> Stack:
    """The resources of an example, and what its waivers waive of the findings of resource rules."""
    given = waivers(example)
    ledger = Ledger(given)
    for rule in RULES if given else ():
        for subject in subjects(example):
            outcome = judge_resource(rule, subject, rule.configured({}), given)
            ledger.note(outcome.met, outcome.still_open)
    return Stack.of_subjects(subjects(example), ledger.uses(frozenset(BY_NAME)))
