"""Waivers: each for one rule and one resource, with a reason and a last day.

They stand in the stack's config (``meshwright:waivers``), or on the Kubernetes object that the finding is about::

    metadata:
      annotations:
        meshwright.dev/waive-MW-IST-002: "the gateway strips it; owner=edge; expires=2026-12-31"
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from meshwright.errors import Code, PolicyPackError, Problem
from meshwright_policy.values import UNKNOWN, day

if TYPE_CHECKING:
    from meshwright_policy.record import Rule

CONFIG: Final = "meshwright:waivers"
ANNOTATION: Final = "meshwright.dev/waive-"
_KEYS: Final = ("rule", "resource", "reason", "owner", "expires", "ticket")
_FIELD = re.compile(r"\s*(owner|expires|ticket)\s*=\s*(.*?)\s*")
_FORM: Final = 'write it as "<reason>; owner=<who>; expires=YYYY-MM-DD"'


@dataclass(frozen=True, slots=True)
class Waiver:
    """One waiver. It is in force up to and including its last day."""

    rule: str
    resource: str
    """A glob over Pulumi's names, Kubernetes names and URNs; of an annotation, the resource's own name."""
    reason: str
    owner: str
    expires: date | None
    """``None``: an annotation that only the update will know."""
    ticket: str = ""
    urn: str = ""
    """Of the resource that carries the annotation; empty for a waiver of the stack's config."""

    def covers(self, rule: str, names: Iterable[str]) -> bool:
        """Whether it is meant for this rule and for what goes by one of these names, of which one is the URN."""
        if self.rule != rule:
            return False
        return self.urn in names if self.urn else any(fnmatchcase(name, self.resource) for name in names)

    def is_in_force(self, today: date) -> bool:
        """Whether its last day is known and hasn't passed."""
        return self.expires is not None and self.expires >= today

    def defect(self, today: date) -> str:
        """Why it doesn't waive; empty where it does."""
        owner = f" by {self.owner}" if self.owner else ""
        if self.expires is None:
            return "what its waiver says is known only at the update"
        return "" if self.is_in_force(today) else f"the waiver{owner} expired on {self.expires}"

    def __str__(self) -> str:
        return f"until {self.expires} by {self.owner or 'nobody named'}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Use:
    """A waiver, and what became of it in one run."""

    waiver: Waiver
    met: bool = False
    """It met a violation, which it waived or, expired, didn't."""
    open: bool = False
    """What it is for is undecided: it may be needed at the update."""


class Ledger:
    """All waivers of a run, and what becomes of each."""

    def __init__(self, of_stack: tuple[Waiver, ...]) -> None:
        self.of_stack = of_stack
        """Those of the stack's config."""
        self._of_resource: dict[str, tuple[Waiver, ...]] = {}
        self._met: set[Waiver] = set()
        self._open: set[Waiver] = set()

    def annotated(self, urn: str, waivers: tuple[Waiver, ...]) -> None:
        """Note what a resource's annotations waive; what was noted of it before is forgotten."""
        self._of_resource.pop(urn, None)
        if waivers:
            self._of_resource[urn] = waivers

    def about(self, urn: str) -> tuple[Waiver, ...]:
        """The waivers that may be for one resource."""
        return (*self.of_stack, *self._of_resource.get(urn, ()))

    def all(self) -> tuple[Waiver, ...]:
        """The waivers of the stack's config, then those of its resources."""
        return (*self.of_stack, *(waiver for waivers in self._of_resource.values() for waiver in waivers))

    def note(self, met: Iterable[Waiver], still_open: Iterable[Waiver]) -> None:
        """Note what one verdict made of its waivers."""
        self._met.update(met)
        self._open.update(still_open)

    def uses(self, judged: frozenset[str]) -> tuple[Use, ...]:
        """What became of the waivers of all rules that were asked: of the others nobody can say what they are for."""
        return tuple(
            Use(waiver, waiver in self._met, waiver in self._open) for waiver in self.all() if waiver.rule in judged
        )


def parse_waivers(text: str, rules: Mapping[str, "Rule"]) -> tuple[Waiver, ...]:
    """The waivers in a JSON text.

    Args:
        text: A list of objects with `rule`, `resource`, `reason`, `expires`, and perhaps `owner` and `ticket`.
        rules: Id or alias -> rule.

    Raises:
        PolicyPackError: Every mistake at once (MW-E085).
    """
    try:
        entries = json.loads(text)
    except ValueError:
        entries = None
    if not isinstance(entries, list):
        raise PolicyPackError(_problem(CONFIG, "is not a list of waivers", "write a list of waivers"))
    waivers: list[Waiver] = []
    problems: list[Problem] = []
    for index, entry in enumerate(entries):
        place = f"{CONFIG}[{index}]"
        if not isinstance(entry, Mapping):
            problems.append(_problem(place, "is no waiver", f"write an object with {', '.join(_KEYS)}"))
            continue
        found = list(_mistakes(place, entry, rules))
        problems += found
        if not found:
            waivers.append(_waiver(entry, rules))
    if problems:
        raise PolicyPackError(problems)
    return tuple(waivers)


def annotated_waivers(
    annotations: Mapping[str, Any], urn: str, name: str, rules: Mapping[str, "Rule"]
) -> tuple[Waiver, ...]:
    """The waivers among a resource's annotations; other annotations are left alone.

    Raises:
        PolicyPackError: Every mistake at once (MW-E085).
    """
    waivers: list[Waiver] = []
    problems: list[Problem] = []
    for key, value in annotations.items():
        if not key.startswith(ANNOTATION):
            continue
        entry = {"rule": key.removeprefix(ANNOTATION), "resource": name}
        if value is UNKNOWN:
            found = list(_wrong_rule(f"{name}, annotation {key}", entry["rule"], rules))
        else:
            entry |= _fields(value)
            found = list(_mistakes(f"{name}, annotation {key}", entry, rules, _FORM))
        problems += found
        if not found:
            waivers.append(_waiver(entry, rules, urn))
    if problems:
        raise PolicyPackError(problems)
    return tuple(waivers)


def _fields(value: Any) -> dict[str, str]:
    """The fields at the end of an annotation, and the reason before them."""
    parts = value.split(";") if isinstance(value, str) else []
    fields: dict[str, str] = {}
    while parts and (match := _FIELD.fullmatch(parts[-1])):
        fields[match[1]] = match[2]
        parts.pop()
    return {"reason": ";".join(parts), **fields}


def _mistakes(place: str, entry: Mapping[str, Any], rules: Mapping[str, "Rule"], form: str = "") -> Iterator[Problem]:
    if strangers := sorted(str(key) for key in entry if key not in _KEYS):
        yield _problem(place, f"has no key {strangers[0]!r}", f"one of: {', '.join(_KEYS)}")
    yield from _wrong_rule(place, entry.get("rule"), rules)
    resource = _text(entry, "resource")
    if not resource.strip("*?"):
        what = f"is for {resource!r}, which is every resource" if resource else "names no resource"
        yield _problem(place, what, "name one resource: a waiver is for one finding")
    if not _text(entry, "reason"):
        yield _problem(place, "gives no reason", form or "add `reason`: why the rule may be broken here")
    if day(entry.get("expires")) is None:
        yield _problem(place, "has no last day", form or "add `expires: YYYY-MM-DD`")


def _wrong_rule(place: str, name: Any, rules: Mapping[str, "Rule"]) -> Iterator[Problem]:
    rule = rules.get(name) if isinstance(name, str) else None
    if rule is None:
        yield _problem(place, f"is for {name!r}, which is no rule", "see meshwright rules list")
    elif not rule.applies_to:
        yield _problem(place, f"is for {rule.id}, which is about waivers", "mend or remove the waiver it speaks of")


def _problem(place: str, what: str, remedy: str) -> Problem:
    return Problem(Code.BAD_WAIVER, f"the waiver {what}", remedy, place)


def _waiver(entry: Mapping[str, Any], rules: Mapping[str, "Rule"], urn: str = "") -> Waiver:
    return Waiver(
        rules[entry["rule"]].id,
        _text(entry, "resource"),
        _text(entry, "reason"),
        _text(entry, "owner"),
        day(entry.get("expires")),
        _text(entry, "ticket"),
        urn,
    )


def _text(entry: Mapping[str, Any], key: str) -> str:
    value = entry.get(key)
    return " ".join(value.split()) if isinstance(value, str) else ""
