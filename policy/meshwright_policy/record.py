"""What a rule is: the record behind the pack, its documentation and its reports, and the words a check answers with."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from meshwright_policy.stack import Stack


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
    stack: "Stack | None" = field(default=None, repr=False, compare=False)
    """Resources of the types in its rule's ``context``: those that came before it, and at the end all."""


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
    subject: Subject | None = None
    """The resource that it is about, where a stack rule knows it."""


class NotApplicableError(Exception):
    """The rule has nothing to say about this resource; the text says why."""


class PutOffError(Exception):
    """What came before the resource doesn't settle the matter: it is asked again at the end, with the whole stack."""


Answer: TypeAlias = Violation | Undecided
Config: TypeAlias = Mapping[str, Any]
ResourceCheck: TypeAlias = Callable[[Subject, Config], Iterator[Answer]]
StackCheck: TypeAlias = Callable[["Stack", Config], Iterator[Answer]]


@dataclass(frozen=True, slots=True)
class Example:
    """Resources in the form of Pulumi YAML's ``resources`` section; the tests run it."""

    text: str
    says: str = ""
    """The first violation's message; empty for a good example."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """A requirement of a security framework that a rule answers, in whole or in the part that ``why`` names."""

    framework: str
    """Such as ``PCI DSS``."""
    version: str
    id: str
    """Its number in the framework's own text."""
    why: str
    """One clause: what of the requirement the rule keeps."""
    source: str
    """URL of the framework."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. Exactly one of ``check`` and ``check_stack`` is given."""

    id: str
    """``MW-<subject>-<number>``; never reused. It is also the policy's name in the pack."""
    aliases: tuple[str, ...] = ()
    """Ids that it had before: waivers, and whoever looks it up, may go on to use them."""
    slug: str
    title: str
    """What holds where the rule passes: a positive sentence."""
    severity: Severity
    level: Level
    applies_to: tuple[str, ...]
    """Type tokens; other resources are not applicable. Empty for a rule about the stack's waivers."""
    context: tuple[str, ...] = ()
    """Type tokens of other resources that a resource rule takes into account."""
    why: str
    remedy: str
    """What to do, in the imperative."""
    bad: Example
    good: Example
    references: tuple[str, ...]
    """URLs."""
    frameworks: tuple[Requirement, ...] = ()
    """Requirements that the rule really answers; most rules answer none."""
    notes: str = ""
    """How it decides, where that isn't plain, and what it can't see."""
    config: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Option -> JSON schema, each with a description and a default."""
    check: ResourceCheck | None = None
    """Sees a resource's inputs, before it is created or changed. With a ``context`` it may put its answer off."""
    check_stack: StackCheck | None = None
    """Sees the whole stack, at the end."""

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
