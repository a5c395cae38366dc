"""How versions are ordered: the one place that says so."""

import re

_NUMBERS = re.compile(r"\d+(?:\.\d+)*")


def version_key(version: str) -> tuple[int, ...]:
    """Order versions by their numbers: 1.9.9 < 1.10.0, edge-25.10.7 < edge-26.8.3.

    A pre-release counts as its release: 1.6.1-rc.1 is (1, 6, 1). Text without a number is the empty tuple.
    """
    numbers = _NUMBERS.search(version)
    return tuple(map(int, numbers[0].split("."))) if numbers else ()
