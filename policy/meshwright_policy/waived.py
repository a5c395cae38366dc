"""Waivers themselves: none outlives its last day, and none is kept that nothing needs."""

from collections.abc import Iterator

from meshwright_policy.record import (
    Answer,
    Config,
    Example,
    Level,
    NotApplicableError,
    Rule,
    Severity,
    Subject,
    Undecided,
    Violation,
)
from meshwright_policy.stack import Stack
from meshwright_policy.values import today
from meshwright_policy.waivers import Use, Waiver


def _about(waiver: Waiver) -> Subject | None:
    """The resource whose annotation it is; nothing for one of the stack's config."""
    if not waiver.urn:
        return None
    return Subject(waiver.urn.split("::")[2].rsplit("$", 1)[-1], waiver.resource, waiver.urn, {})


def _named(waiver: Waiver) -> str:
    owner = f" by {waiver.owner}" if waiver.owner else ""
    return f"the waiver of {waiver.rule} for {waiver.resource}{owner}"


def _given(stack: Stack) -> tuple[Use, ...]:
    if not stack.waivers:
        raise NotApplicableError("the stack has no waivers")
    return stack.waivers


def _expired(stack: Stack, _: Config) -> Iterator[Answer]:
    for use in _given(stack):
        waiver = use.waiver
        if waiver.expires is None:
            what = f"what {_named(waiver)} says is known only at the update"
            yield Undecided(what, _about(waiver))
        elif waiver.expires < today():
            yield Violation(f"{_named(waiver)} expired on {waiver.expires}", _about(waiver))


def _unused(stack: Stack, _: Config) -> Iterator[Answer]:
    for use in _given(stack):
        expires = use.waiver.expires
        if use.met or (expires is not None and expires < today()):
            continue
        if use.open:
            yield Undecided(f"whether {_named(use.waiver)} is needed is known only at the update", _about(use.waiver))
        else:
            yield Violation(f"{_named(use.waiver)} waives nothing", _about(use.waiver))


_EXAMPLE = """\
waivers:
  - {{rule: MW-IST-001, resource: {resource}, reason: the beta needs it, owner: edge, expires: {expires}}}
catalog:
  type: meshwright:index:Waypoint
  properties: {{namespace: catalog, reason: needed}}
"""

EXPIRED = Rule(
    id="MW-WVR-001",
    slug="waiver-in-time",
    title="No waiver is past its last day",
    severity=Severity.MEDIUM,
    level=Level.MANDATORY,
    applies_to=(),
    why=(
        "A waiver says until when a finding may stand. When that day has passed without a decision, nobody answers for "
        "the finding any more."
    ),
    remedy="mend what it waived and remove it, or decide anew and give it a new last day",
    notes=(
        "What an expired waiver was for stands as well, as a finding of its own rule, and names the waiver. Only "
        "waivers of rules that are asked are looked at."
    ),
    bad=Example(
        _EXAMPLE.format(resource="catalog", expires="2026-11-22"),
        "the waiver of MW-IST-001 for catalog by edge expired on 2026-11-22",
    ),
    good=Example(_EXAMPLE.format(resource="catalog", expires="2026-12-31")),
    references=(),
    check_stack=_expired,
)
UNUSED = Rule(
    id="MW-WVR-002",
    slug="waiver-needed",
    title="Every waiver waives something",
    severity=Severity.LOW,
    level=Level.ADVISORY,
    applies_to=(),
    why=(
        "A waiver that nothing needs is forgotten, until the finding comes back and passes without anybody having "
        "looked. Most often it names a resource that was renamed or mended."
    ),
    remedy="remove it, or correct the name of its resource",
    notes=(
        "A waiver of a rule that is undecided is undecided too: the update will tell whether it is needed. Of an "
        "expired one MW-WVR-001 speaks. Only waivers of rules that are asked are looked at."
    ),
    bad=Example(
        _EXAMPLE.format(resource="catalogue", expires="2026-12-31"),
        "the waiver of MW-IST-001 for catalogue by edge waives nothing",
    ),
    good=Example(_EXAMPLE.format(resource="catalog", expires="2026-12-31")),
    references=(),
    check_stack=_unused,
)

RULES = (EXPIRED, UNUSED)
