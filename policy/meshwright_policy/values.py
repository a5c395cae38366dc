"""Reading property values of which some may be unknown during a preview.

Pulumi's SDK raises at the first unknown value that a rule touches, even where the known part settles the matter. Here
an unknown value is `UNKNOWN`, a value like others: a rule decides what it can, and says what it couldn't.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

_DAY = re.compile(r"(20\d{2}-\d{2}-\d{2})(?:T00:00:00Z?)?")
_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")


class Unknown:
    """A value that only the update will know."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


def at(value: Any, *path: str) -> Any:
    """What stands at a path of keys: `UNKNOWN` below an unknown value, ``None`` where there is nothing."""
    for key in path:
        if value is UNKNOWN:
            return UNKNOWN
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def elements(value: Any) -> list[Any]:
    """The elements of a list; an unknown list counts as one unknown element, anything else as none."""
    if value is UNKNOWN:
        return [UNKNOWN]
    return value if isinstance(value, list) else []


def day(value: Any) -> date | None:
    """A date of this century from ``YYYY-MM-DD``, or from its midnight, as Pulumi passes on an unquoted YAML date."""
    match = _DAY.fullmatch(value) if isinstance(value, str) else None
    try:
        return date.fromisoformat(match.group(1)) if match else None
    except ValueError:
        return None


def shown(value: Any, otherwise: str) -> str:
    """A Kubernetes name as it is; anything else, which might be a secret, as ``otherwise``."""
    return value if isinstance(value, str) and _NAME.fullmatch(value) else otherwise


def listed(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else "".join(words)


def today() -> date:
    """The day by which dates are judged (MESHWRIGHT_AS_OF, or today's date in UTC)."""
    from meshwright.config import clock

    return clock.today()
