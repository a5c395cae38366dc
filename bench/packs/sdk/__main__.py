"""The same ninety rules through the SDK: a policy object each."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))

from bench.packs.ninety import ninety
from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

from meshwright_policy.judge import judge_resource, judge_stack
from meshwright_policy.record import Rule, Subject
from meshwright_policy.stack import Stack
from meshwright_policy.values import UNKNOWN


def plain(value: Any) -> Any:
    """The SDK's view of properties as our rules want it."""
    if isinstance(value, Mapping):
        return {key: element(value, key) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [element(value, index) for index in range(len(value))]
    return value


def element(container: Any, key: Any) -> Any:
    """One element; the SDK raises where it is unknown."""
    try:
        return plain(container[key])
    except UnknownValueError:
        return UNKNOWN


def policy(rule: Rule) -> Policy:
    """One rule as the SDK wants it. A resource of another type is turned away as early as can be."""

    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if args.resource_type not in rule.applies_to:
            args.not_applicable("another type")
        subject = Subject(args.resource_type, args.name, args.urn, plain(args.props))
        for violation in judge_resource(rule, subject, rule.configured({})).violations:
            report(violation.message, None)

    def validate_stack(args: StackValidationArgs, report: ReportViolation) -> None:
        subjects = (
            Subject(resource.resource_type, resource.name, resource.urn, plain(resource.props))
            for resource in args.resources
            if resource.resource_type in rule.applies_to
        )
        for violation in judge_stack(rule, Stack.of_subjects(subjects), rule.configured({})).violations:
            report(violation.message, violation.subject.urn if violation.subject else None)

    level = EnforcementLevel(rule.level.value)
    if rule.check:
        return ResourceValidationPolicy(rule.id, rule.title, validate, level)
    return StackValidationPolicy(rule.id, rule.title, validate_stack, level)


PolicyPack("bench", [policy(rule) for rule in ninety(at_crd="BENCH_AT_CRD" in os.environ)])
