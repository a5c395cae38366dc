"""A rule's verdict on one resource or one stack, waivers included."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from meshwright.errors import MeshwrightError
from meshwright_policy.record import (
    Answer,
    Config,
    NotApplicableError,
    PutOffError,
    Rule,
    Subject,
    Undecided,
    Violation,
)
from meshwright_policy.stack import Stack
from meshwright_policy.values import at, today
from meshwright_policy.waivers import Waiver


@dataclass(frozen=True, slots=True)
class Waived:
    """A violation, and the waiver in force for it."""

    violation: Violation
    waiver: Waiver

    def __str__(self) -> str:
        return f"waived {self.waiver} ({self.violation.message})"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rule has found. Nothing at all means that it passed."""

    violations: tuple[Violation, ...] = ()
    undecided: tuple[Undecided, ...] = ()
    waived: tuple[Waived, ...] = ()
    not_applicable: str = ""
    put_off: str = ""
    """What it waits for: the rule is to be asked again when the stack is complete."""
    met: tuple[Waiver, ...] = ()
    """Waivers that are meant for a violation, in force or not."""
    still_open: tuple[Waiver, ...] = ()
    """Waivers that are meant for what is undecided."""

    @property
    def verdict(self) -> str:
        """The worst that was found: violated, undecided, waived, not_applicable, put_off or passed."""
        for name in ("violated", "undecided", "waived", "not_applicable", "put_off"):
            if getattr(self, "violations" if name == "violated" else name):
                return name
        return "passed"


class RuleError(Exception):
    """A rule raised: an error in the rule, and never a pass."""


def judge_resource(rule: Rule, subject: Subject, config: Config, waivers: tuple[Waiver, ...] = ()) -> Outcome:
    """The verdict of a resource rule. ``config`` has every option. Raises `RuleError`."""
    check = rule.check
    if check is None or subject.type not in rule.applies_to:
        return Outcome(not_applicable=f"{rule.id} does not look at {subject.type}")
    return _judge(rule, lambda: check(subject, config), subject, waivers)


def judge_stack(rule: Rule, stack: Stack, config: Config, waivers: tuple[Waiver, ...] = ()) -> Outcome:
    """The verdict of a stack rule. ``config`` has every option. Raises `RuleError`."""
    check = rule.check_stack
    if check is None or (rule.applies_to and not stack.holds(*rule.applies_to)):
        return Outcome(not_applicable=f"{rule.id} finds nothing that it looks at")
    return _judge(rule, lambda: check(stack, config), None, waivers)


def _judge(
    rule: Rule, check: Callable[[], Iterator[Answer]], subject: Subject | None, waivers: tuple[Waiver, ...]
) -> Outcome:
    try:
        answers: tuple[Answer, ...] = tuple(check())
    except NotApplicableError as reason:
        return Outcome(not_applicable=str(reason))
    except PutOffError as reason:
        return Outcome(put_off=str(reason))
    except Exception as error:
        where = subject.name if subject is not None else "the stack"
        raise RuleError(f"rule {rule.id} failed on {where}: {_cause(error)}") from error
    return _waive(rule, answers, subject, waivers) if answers else _PASSED


_PASSED = Outcome()


def _cause(error: Exception) -> str:
    if isinstance(error, MeshwrightError):
        return str(error)
    # The text of any other error may hold a value of the resource's, and that may be a secret.
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    line = f"{place.tb_frame.f_code.co_name}, line {place.tb_lineno}" if place is not None else "an unknown place"
    return f"{type(error).__name__} in {line}"


def _waive(rule: Rule, answers: tuple[Answer, ...], subject: Subject | None, waivers: tuple[Waiver, ...]) -> Outcome:
    violations: list[Violation] = []
    waived: list[Waived] = []
    met: list[Waiver] = []
    still_open: list[Waiver] = []
    for answer in answers:
        about = [one for one in (answer.subject or subject, *getattr(answer, "others", ())) if one is not None]
        names = [name for one in about for name in _names(one)]
        meant = [waiver for waiver in waivers if waiver.covers(rule.id, names)]
        if isinstance(answer, Undecided):
            # What is open for the stack as a whole may turn out to be about any of its resources.
            still_open += meant if about else [waiver for waiver in waivers if waiver.rule == rule.id]
            continue
        met += meant
        if in_force := next((waiver for waiver in meant if waiver.is_in_force(today())), None):
            waived.append(Waived(answer, in_force))
        else:
            defects = "".join(f"; {waiver.defect(today())}" for waiver in meant)
            violations.append(replace(answer, message=answer.message + defects))
    undecided = tuple(answer for answer in answers if isinstance(answer, Undecided))
    return Outcome(tuple(violations), undecided, tuple(waived), met=tuple(met), still_open=tuple(still_open))


def _names(subject: Subject) -> Iterator[str]:
    """What a waiver may call a resource: by Pulumi's names, by its own, or by that of the namespace it stands for."""
    yield subject.name
    yield subject.urn
    for path in (("namespace",), ("metadata", "name")):
        value = at(subject.properties, *path)
        if isinstance(value, str):
            yield value
