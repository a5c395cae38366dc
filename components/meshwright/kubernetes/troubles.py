"""What can't work in rules that a config and a component both take, before either has made an error of it.

A `Trouble` goes on after the key path of a value, as the config's mistakes do: ``routes[0].timeout`` ``is "5 s"``.
"""

from typing import NamedTuple

from meshwright.errors import Code

Path = tuple[str | int, ...]


class Trouble(NamedTuple):
    """What can't work, and what would."""

    code: Code
    message: str
    remedy: str
    at: Path = ()
    """The key path from the component's arguments."""
