"""The rules as policies of the Pulumi SDK.

The SDK knows four outcomes: a violation, an unknown value, not applicable and silence. They are violated, undecided,
not applicable and passed. Waived is "not applicable" with a reason that begins with "waived"; since the engine drops
such reasons, each waived violation is also said on standard error, which Pulumi shows.
"""

import sys
from collections.abc import Mapping
from contextlib import suppress
from threading import Thread
from typing import Any, Final

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyConfigSchema,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    Severity,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, UnknownValueError

from meshwright.errors import MeshwrightError
from meshwright_policy.catalogue import RULES
from meshwright_policy.judge import Outcome, judge_resource, judge_stack
from meshwright_policy.record import Rule, Subject
from meshwright_policy.values import plain, today
from meshwright_policy.versions import known
from meshwright_policy.waivers import waivers_of_stack

NAME: Final = "meshwright"
OURS: Final = "meshwright:index:"


class CannotDecideError(UnknownValueError):
    """What the SDK takes for "this can't be judged yet", with our reason instead of a path."""

    def __init__(self, reason: str) -> None:
        super().__init__(UNKNOWN_STRING_VALUE, [])
        self.message = reason


class Memory:
    """The inputs of our components, as resource policies saw them.

    Stack policies get outputs, and a component's outputs leave out most of what it was given.
    """

    def __init__(self) -> None:
        self._inputs: dict[str, Mapping[str, Any]] = {}

    def keep(self, subject: Subject) -> None:
        """Remember the inputs of a component of ours."""
        if subject.type.startswith(OURS):
            self._inputs[subject.urn] = subject.properties

    def complete(self, urn: str, outputs: Mapping[str, Any]) -> dict[str, Any]:
        """The outputs of a resource, with its remembered inputs where it doesn't give them out."""
        return {**outputs, **self._inputs.get(urn, {})}


def policy(rule: Rule, memory: Memory) -> Policy:
    """One rule as a policy. Its name is the rule's id: what a person sees, waives and looks up is one word."""
    about: dict[str, Any] = {
        "name": rule.id,
        "description": rule.title,
        "enforcement_level": EnforcementLevel(rule.level.value),
        "config_schema": PolicyConfigSchema({name: dict(schema) for name, schema in rule.config.items()})
        if rule.config
        else None,
        "display_name": rule.title,
        "severity": Severity(rule.severity.value),
        "tags": [rule.subject, rule.slug],
        "remediation_steps": rule.remedy,
        "url": rule.url,
    }

    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if args.resource_type not in rule.applies_to:
            args.not_applicable(f"{rule.id} does not look at {args.resource_type}")
        subject = Subject(args.resource_type, args.name, args.urn, plain(args.props))
        memory.keep(subject)
        _answer(rule, judge_resource(rule, subject, args.get_config(), waivers_of_stack()), args, report)

    def validate_stack(args: StackValidationArgs, report: ReportViolation) -> None:
        subjects = tuple(
            Subject(
                resource.resource_type,
                resource.name,
                resource.urn,
                memory.complete(resource.urn, plain(resource.props)),
                resource.parent.urn if resource.parent else "",
            )
            for resource in args.resources
            if resource.resource_type in rule.applies_to
        )
        _answer(rule, judge_stack(rule, subjects, args.get_config(), waivers_of_stack()), args, report)

    if rule.check is not None:
        return ResourceValidationPolicy(validate=validate, **about)
    return StackValidationPolicy(validate=validate_stack, **about)


def _answer(
    rule: Rule, outcome: Outcome, args: ResourceValidationArgs | StackValidationArgs, report: ReportViolation
) -> None:
    for line in outcome.waived:
        sys.stderr.write(f"{rule.id} {line}\n")
    for violation in outcome.violations:
        text = f"{violation.message}\n→ {rule.remedy} ({rule.url})"
        report(text, violation.subject.urn if violation.subject else None)
    if outcome.undecided and not outcome.violations:
        # One exception tells it all: the SDK takes no second one.
        raise CannotDecideError("\n".join((outcome.undecided, *outcome.waived)))
    if outcome.waived:
        args.not_applicable("\n".join(outcome.waived))
    if outcome.not_applicable:
        args.not_applicable(outcome.not_applicable)


def serve() -> None:
    """Start the pack's server; it runs until the process is ended."""
    Thread(target=_prepare, daemon=True).start()
    memory = Memory()
    PolicyPack(
        NAME,
        [policy(rule, memory) for rule in RULES],
        description="Keeps the adoption of a service mesh honest, before the change is made.",
        display_name="meshwright",
        tags=["service-mesh", "istio", "kubernetes"],
    )


def _prepare() -> None:
    """Read the clock and the catalog while the program that will be judged still runs."""
    # What is wrong with them is reported by the rule that needs them.
    with suppress(MeshwrightError):
        today()
        known()
