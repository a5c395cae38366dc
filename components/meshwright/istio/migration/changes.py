"""What a migration applies and deletes, by the step of the plan in which it does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from meshwright.istio.migration.objects import Identity, identity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meshwright.istio.migration.objects import Body


@dataclass(slots=True)
class Change:
    """Objects to apply, then objects to delete."""

    apply: dict[Identity, Body] = field(default_factory=dict)
    delete: list[Identity] = field(default_factory=list)

    def put(self, body: Body) -> Identity:
        """Apply an object; the last word on it counts."""
        found = identity(body)
        self.apply[found] = body
        return found

    def remove(self, gone: Identity) -> None:
        """Delete an object."""
        if gone not in self.delete:
            self.delete.append(gone)

    def __bool__(self) -> bool:
        return bool(self.apply or self.delete)


@dataclass(slots=True)
class Changes:
    """All changes of a migration, by step."""

    localise: Change = field(default_factory=Change)
    """Policies of the root namespace become policies of each namespace, so that one can move after the other."""
    prepare: Change = field(default_factory=Change)
    """Waypoints, and policies attached to them: none has an effect before a Service uses its waypoint."""
    route: Change = field(default_factory=Change)
    """HTTPRoutes in the place of VirtualServices; sidecars follow both."""
    activate: Change = field(default_factory=Change)
    """Services say that they use their waypoint; sidecars take no notice."""
    switch: dict[str, Change] = field(default_factory=dict)
    """By namespace: the policies that hold while its pods are replaced."""
    enrol: dict[str, Change] = field(default_factory=dict)
    """By namespace: its labels, and those of its pods."""
    finish: Change = field(default_factory=Change)
    """What was for callers with sidecars alone goes."""

    def while_moving(self, namespace: str) -> Change:
        """The change of policies when a namespace moves; the last one for a namespace that doesn't, as Istio's own."""
        return self.switch.get(namespace, self.finish)

    def begin(self, namespaces: Iterable[str]) -> None:
        """The namespaces that move, in their order."""
        for name in namespaces:
            self.switch[name], self.enrol[name] = Change(), Change()
