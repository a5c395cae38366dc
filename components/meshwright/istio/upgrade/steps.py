"""The steps of an upgrade as data: what changes in the stack file, what has to hold before and after, the way back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["done", "next", "later"]


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of the stack file, below ``meshwright:mesh``."""

    set: Mapping[str, Any] = field(default_factory=dict)
    """Key -> what it says from now on, whole."""
    remove: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.set or self.remove)

    def applied(self, mesh: Mapping[str, Any]) -> dict[str, Any]:
        """The mesh's config after the change."""
        kept = {key: value for key, value in mesh.items() if key not in self.remove}
        return {**kept, **self.set}


@dataclass(frozen=True, slots=True)
class Check:
    """Something to look at before the next step."""

    command: str
    passes: str
    """What it says if all is well."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that behaves in another way from this step on."""

    name: str
    what: str
    do: str
    undo: str
    source: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step: one edit, one previewed update, one gate."""

    id: str
    title: str
    why: str
    edit: Edit
    changes: tuple[str, ...]
    """What the preview shows: `istiod-1-31-1: created`."""
    do: tuple[str, ...]
    """What is done by hand, in order, beside the update."""
    checks: tuple[Check, ...]
    rollback: str
    notes: tuple[Note, ...] = ()
    state: State = "later"


@dataclass(frozen=True, slots=True)
class Hop:
    """The way from one version to the next, at most one minor up."""

    start: str
    target: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class UpgradePlan:
    """The way from what a stack runs to what it is to run."""

    stack: str
    start: str
    target: str
    hops: tuple[Hop, ...]
    facts: tuple[str, ...]
    """What there is to know before: ends of life, advisories, faults, mirrors."""
    as_of: str
    """The day by which ends of life are judged."""
