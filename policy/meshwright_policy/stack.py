"""The stack as its rules see it: resources by type, each made plain once, and only when a rule asks."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias, TypeVar

from meshwright_policy.record import Subject
from meshwright_policy.waivers import Use

Made = TypeVar("Made")
Lazy: TypeAlias = Callable[[], Subject]


class Stack:
    """All resources of a stack, and the waivers that were given for them.

    Args:
        resources: Type token and a function that makes the subject, for each resource in the stack's order. The
            function is called once, when a rule asks for the type.
        waivers: Each waiver with what became of it.
        complete: Whether nothing can follow.
    """

    def __init__(
        self, resources: Iterable[tuple[str, Lazy]], waivers: tuple[Use, ...] = (), *, complete: bool = True
    ) -> None:
        self.waivers = waivers
        self.complete = complete
        self._of_type: defaultdict[str, list[int]] = defaultdict(list)
        self._resources: list[Lazy | Subject] = []
        self._derived: dict[Callable[[Stack], Any], Any] = {}
        for place, (token, make) in enumerate(resources):
            self._of_type[token].append(place)
            self._resources.append(make)

    @classmethod
    def of_subjects(
        cls, subjects: Iterable[Subject], waivers: tuple[Use, ...] = (), *, complete: bool = True
    ) -> "Stack":
        """A stack of resources that are at hand."""
        lazy = ((subject.type, lambda subject=subject: subject) for subject in subjects)
        return cls(lazy, waivers, complete=complete)

    def of(self, *tokens: str) -> tuple[Subject, ...]:
        """The resources of some types, in the stack's order."""
        places = {place for token in tokens for place in self._of_type.get(token, ())}
        return tuple(self._subject(place) for place in sorted(places))

    def holds(self, *tokens: str) -> bool:
        """Whether there is a resource of one of these types."""
        return any(token in self._of_type for token in tokens)

    def derived(self, make: Callable[["Stack"], Made]) -> Made:
        """What a function makes of the stack: made once, for all rules that ask for the same."""
        if make not in self._derived:
            self._derived[make] = make(self)
        made: Made = self._derived[make]
        return made

    def _subject(self, place: int) -> Subject:
        found = self._resources[place]
        if not isinstance(found, Subject):
            found = self._resources[place] = found()
        return found
