"""What an upgrade of Istio has to reckon with: changes of behaviour, and faults that are no advisories."""

from collections.abc import Mapping
from typing import Literal

from meshwright.catalog.models import Advisory, Dated, Entry, Minor, Text

Stage = Literal["bundle", "istiod", "cni", "ztunnel", "waypoints"]
"""A step of an upgrade: the Gateway API's CRDs, the three charts, and what follows a tag."""


class Behaviour(Dated):
    """Something that a minor does in another way than the one before it."""

    parts: list[Stage]
    """The steps with which it comes."""
    what: Text
    do: Text
    """What to look at, or to do."""
    undo: str = ""
    """The setting that keeps the old way; empty for none."""


class UpgradeFacts(Entry):
    """All that is known of upgrades."""

    behaviour: Mapping[Minor, Mapping[str, Behaviour]]
    """The minor that is upgraded to -> what is new with it, by name."""
    fixes: Mapping[str, Advisory]
    """Faults of ambient that are no advisories."""

    def faults(self, minor: str, version: str) -> Mapping[str, Advisory]:
        """The faults that a version is known to have."""
        return {name: each for name, each in self.fixes.items() if minor in each.fixed and each.affects(minor, version)}
