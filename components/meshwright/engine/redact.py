"""Secret values taken out of text: what a program or a policy pack prints, logs or raises.

Pulumi does the same (sdk/go/common/util/logging, pkg/engine/events.go), with two differences: it takes a secret that is
JSON as one string, where here the strings in it are secret too; and it knows the JSON form of a string with quotes or
line ends, where here Python's own form is known too.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from meshwright.engine.graph import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from meshwright.engine.graph import Value

_FEWEST_BYTES: Final = 3  # shorter secrets stay, as with Pulumi: taking them out would spoil every text
_SWITCHES: Final = frozenset({"true", "false"})


class Redact:
    """Replaces secrets by ``[secret]``; to be called with a text.

    Args:
        secrets: Plain texts. Those shorter than three bytes, ``true`` and ``false`` are let stand.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for text in secrets for plain in _strings_of(text) for form in _forms(plain)}
        self.longest = max(map(len, forms), default=0)
        """Characters of the longest text that is replaced; 0 where there is none."""
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def __call__(self, text: str) -> str:
        """The text without secrets."""
        return self._pattern.sub("[secret]", text) if self._pattern else text


def secrets_in(value: Value) -> Iterator[str]:
    """The strings in all the `Secret` values in a value."""
    if isinstance(value, Secret):
        yield from _strings(value.value)
    elif isinstance(value, dict):
        for item in value.values():
            yield from secrets_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from secrets_in(item)


def _strings(value: Value) -> Iterator[str]:
    if isinstance(value, Secret):
        value = value.value
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def _strings_of(text: str) -> Iterator[str]:
    """A secret, and the strings in it where it is an object or a list as JSON."""
    yield text
    if text.lstrip()[:1] in ("{", "["):
        try:
            yield from _strings(json.loads(text))
        except (ValueError, RecursionError):
            return


def _forms(plain: str) -> Iterator[str]:
    if len(plain.encode("utf-8", "surrogatepass")) >= _FEWEST_BYTES and plain.lower() not in _SWITCHES:
        yield from (plain, json.dumps(plain)[1:-1], json.dumps(plain, ensure_ascii=False)[1:-1], repr(plain)[1:-1])
