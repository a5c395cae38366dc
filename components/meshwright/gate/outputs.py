"""Where a report goes: `FORMAT` for standard output, `FORMAT=FILE` for a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from meshwright.errors import Code, ConfigError, Problem
from meshwright.report import FORMATS

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Target:
    """One report that is asked for."""

    format: str
    file: Path | None = None


def parse_targets(texts: Sequence[str]) -> tuple[Target, ...]:
    """What ``--format`` says, each time it is given; text on standard output where none goes there.

    Raises:
        ConfigError: MW-E042 there is no such format, or more than one goes to the same place.
    """
    targets = [_target(text) for text in texts]
    if all(target.file is not None for target in targets):
        targets.append(Target("text"))
    places = [target.file and target.file.absolute() for target in targets]
    for place in places:
        if places.count(place) > 1:
            where = f"the file {place.name}" if place else "standard output"
            raise ConfigError(
                Problem(Code.UNKNOWN_CHOICE, f"two formats go to {where}", "give each a file: --format sarif=FILE")
            )
    return tuple(targets)


def _target(text: str) -> Target:
    name, equals, file = text.partition("=")
    if name not in FORMATS:
        raise ConfigError(Problem(Code.UNKNOWN_CHOICE, f'--format is "{text}"', f"one of: {', '.join(FORMATS)}"))
    if equals and not file:
        remedy = f"name a file: --format {name}=FILE"
        raise ConfigError(Problem(Code.UNKNOWN_CHOICE, f'--format is "{text}", without a file', remedy))
    return Target(name, Path(file) if equals else None)
