"""A rule's verdict on one resource or one stack, waivers included."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from meshwright_policy.record import (
    Answer,
    Config,
    NotApplicableError,
    Rule,
    Subject,
    Undecided,
    Violation,
)
from meshwright_policy.values import at, today

if TYPE_CHECKING:
    from meshwright_policy.waivers import Waiver


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rule has found. Nothing at all means that it passed."""

    violations: tuple[Violation, ...] = ()
    undecided: str = ""
    waived: tuple[str, ...] = ()
    """A line for each waived violation: until when, by whom, why, and what it is about."""
    not_applicable: str = ""

    @property
    def verdict(self) -> str:
        """The worst that was found: violated, undecided, waived, not_applicable or passed."""
        for name in ("violated", "undecided", "waived", "not_applicable"):
            if getattr(self, "violations" if name == "violated" else name):
                return name
        return "passed"


class RuleError(Exception):
    """A rule raised: an error in the rule, and never a pass."""


def judge_resource(rule: Rule, subject: Subject, config: Config, waivers: tuple["Waiver", ...] = ()) -> Outcome:
    """The verdict of a resource rule. Raises `RuleError`."""
    if rule.check is None or subject.type not in rule.applies_to:
        return Outcome(not_applicable=f"{rule.id} does not look at {subject.type}")
    check = rule.check
    return _judge(rule, lambda: check(subject, rule.configured(config)), subject, waivers)


def judge_stack(
    rule: Rule, subjects: tuple[Subject, ...], config: Config, waivers: tuple["Waiver", ...] = ()
) -> Outcome:
    """The verdict of a stack rule. Raises `RuleError`."""
    check = rule.check_stack
    of_interest = tuple(subject for subject in subjects if subject.type in rule.applies_to)
    if check is None or not of_interest:
        return Outcome(not_applicable=f"{rule.id} finds nothing that it looks at")
    return _judge(rule, lambda: check(of_interest, rule.configured(config)), None, waivers)


def _judge(rule: Rule, check: Any, subject: Subject | None, waivers: tuple["Waiver", ...]) -> Outcome:
    try:
        answers: tuple[Answer, ...] = tuple(check())
    except NotApplicableError as reason:
        return Outcome(not_applicable=str(reason))
    except Exception as error:
        # The text of the error may hold a value of the resource's, and that may be a secret.
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        line = f"{place.tb_frame.f_code.co_name}, line {place.tb_lineno}" if place is not None else "an unknown place"
        where = subject.name if subject is not None else "the stack"
        raise RuleError(f"rule {rule.id} failed on {where}: {type(error).__name__} in {line}") from error
    violations, waived = _waive(rule, answers, subject, waivers)
    undecided = "; ".join(answer.reason for answer in answers if isinstance(answer, Undecided))
    return Outcome(tuple(violations), undecided, tuple(waived))


def _waive(
    rule: Rule, answers: tuple[Answer, ...], subject: Subject | None, waivers: tuple["Waiver", ...]
) -> tuple[list[Violation], list[str]]:
    violations: list[Violation] = []
    waived: list[str] = []
    for violation in answers:
        if not isinstance(violation, Violation):
            continue
        about = violation.subject or subject
        names = [name for one in (about, *violation.others) if one is not None for name in _names(one)]
        meant = [waiver for waiver in waivers if waiver.covers(rule.id, names)]
        if in_force := next((waiver for waiver in meant if not waiver.defect(today())), None):
            place = f" at {about.urn}" if about is not None else ""
            waived.append(f"{in_force} ({violation.message}){place}")
        else:
            defects = "".join(f"; {waiver.defect(today())}" for waiver in meant)
            violations.append(replace(violation, message=violation.message + defects))
    return violations, waived


def _names(subject: Subject) -> Iterator[str]:
    yield subject.name
    yield subject.urn
    for path in (("namespace",), ("metadata", "name"), ("metadata", "namespace")):
        value = at(subject.properties, *path)
        if isinstance(value, str):
            yield value
