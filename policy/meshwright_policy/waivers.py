"""Waivers: the stack's ``meshwright:waivers``, each for one rule, some resources, a reason and until a day."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

import pulumi

from meshwright_policy.values import day


@dataclass(frozen=True, slots=True)
class Waiver:
    """One entry. It waives only where it has a reason and its last day hasn't passed."""

    rule: str
    resource: str
    """A glob over resource names, URNs and the Kubernetes names that a resource is about."""
    reason: str
    owner: str
    expires: date | None

    def covers(self, rule: str, names: Iterable[str]) -> bool:
        """Whether it is meant for this rule and one of these names."""
        return self.rule == rule and any(fnmatchcase(name, self.resource) for name in names)

    def defect(self, today: date) -> str:
        """Why it doesn't waive; empty where it does."""
        owner = f" by {self.owner}" if self.owner else ""
        if not self.reason:
            return f"the waiver{owner} gives no reason and doesn't count"
        if self.expires is None:
            return f"the waiver{owner} has no expiry date and doesn't count"
        return f"the waiver{owner} expired on {self.expires}" if self.expires < today else ""

    def __str__(self) -> str:
        return f"waived until {self.expires} by {self.owner or 'nobody named'}: {self.reason}"


def waivers_of_stack() -> tuple[Waiver, ...]:
    """The waivers in the configuration of the stack that is judged. What isn't one is left to the loader to report."""
    return parse_waivers(pulumi.Config("meshwright").get("waivers") or "[]")


@lru_cache(maxsize=8)
def parse_waivers(text: str) -> tuple[Waiver, ...]:
    """The waivers in a JSON text."""
    try:
        entries = json.loads(text)
    except ValueError:
        return ()
    if not isinstance(entries, list):
        return ()
    return tuple(
        _waiver(entry)
        for entry in entries
        if isinstance(entry, Mapping) and entry.get("rule") and entry.get("resource")
    )


def _waiver(entry: Mapping[str, Any]) -> Waiver:
    def text(key: str) -> str:
        value = entry.get(key)
        return " ".join(value.split()) if isinstance(value, str) else ""

    return Waiver(text("rule"), text("resource"), text("reason"), text("owner"), day(entry.get("expires")))
