"""A rule's examples as resources: what the documentation shows is what the tests run."""

from typing import Final

import yaml

from meshwright_policy.judge import Outcome, judge_resource, judge_stack
from meshwright_policy.record import Example, Rule, Subject

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
    )


def outcomes(rule: Rule, example: Example) -> tuple[Outcome, ...]:
    """What a rule says about each resource of an example, or about all of them where it is a stack rule."""
    if rule.check_stack is not None:
        return (judge_stack(rule, subjects(example), {}),)
    return tuple(judge_resource(rule, subject, {}) for subject in subjects(example))
