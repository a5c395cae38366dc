"""What a rule is: the record behind the pack, its documentation and its reports, and the words a check answers with."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias


class Level(StrEnum):
    """What a violation does. Mandatory: it fails open or cuts traffic, and stops the change."""

    ADVISORY = "advisory"
    MANDATORY = "mandatory"


class Severity(StrEnum):
    """How bad a violation is, in the SDK's words."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Subject:
    """One resource as a rule sees it. Values are plain; an unknown one is `values.UNKNOWN`."""

    type: str
    name: str
    """Pulumi's name for it."""
    urn: str
    properties: Mapping[str, Any]
    parent: str = ""
    """URN of its parent; known to stack rules alone."""


@dataclass(frozen=True, slots=True)
class Violation:
    """What is wrong. ``message`` has no full stop and no value that may be secret."""

    message: str
    subject: Subject | None = None
    """The resource that it is about; a resource rule leaves it out."""
    others: tuple[Subject, ...] = ()
    """Resources that have a part in it: a waiver for one of them waives it too."""


@dataclass(frozen=True, slots=True)
class Undecided:
    """Why the known part doesn't settle the matter."""

    reason: str


class NotApplicableError(Exception):
    """The rule has nothing to say about this resource; the text says why."""


Answer: TypeAlias = Violation | Undecided
Config: TypeAlias = Mapping[str, Any]
ResourceCheck: TypeAlias = Callable[[Subject, Config], Iterator[Answer]]
StackCheck: TypeAlias = Callable[[tuple[Subject, ...], Config], Iterator[Answer]]


@dataclass(frozen=True, slots=True)
class Example:
    """Resources in the form of Pulumi YAML's ``resources`` section; the tests run it."""

    text: str
    says: str = ""
    """The first violation's message; empty for a good example."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. Exactly one of ``check`` and ``check_stack`` is given."""

    id: str
    """``MW-<subject>-<number>``; never reused. It is also the policy's name in the pack."""
    slug: str
    title: str
    """What holds where the rule passes: a positive sentence."""
    severity: Severity
    level: Level
    applies_to: tuple[str, ...]
    """Type tokens; other resources are not applicable."""
    why: str
    remedy: str
    """What to do, in the imperative."""
    bad: Example
    good: Example
    references: tuple[str, ...]
    """URLs."""
    notes: str = ""
    """How it decides, where that isn't plain, and what it can't see."""
    config: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Option -> JSON schema, each with a description and a default."""
    check: ResourceCheck | None = None
    """Sees a resource's inputs, before it is created or changed."""
    check_stack: StackCheck | None = None
    """Sees all resources of ``applies_to``, at the end."""

    @property
    def url(self) -> str:
        """Its page, from the root of the repository."""
        return f"docs/rules/{self.id}.md"

    @property
    def subject(self) -> str:
        """The middle part of the id, lower-case."""
        return self.id.split("-")[1].lower()

    def configured(self, given: Config) -> dict[str, Any]:
        """The configuration with defaults filled in: nobody else does it where a pack isn't run by the Pulumi CLI."""
        return {option: given.get(option, schema["default"]) for option, schema in self.config.items()}
