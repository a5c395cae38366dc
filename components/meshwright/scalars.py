"""What an unquoted YAML scalar means to Pulumi, which reads stack files with Go's yaml.v3 (its resolve.go).

Only ``true`` and ``false`` are booleans; ``1_000`` and ``017`` are numbers. Dates are left to the caller: yaml.v3 makes
times of them.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

_WORDS: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_BASES: Final = {"0x": 16, "0o": 8, "0b": 2}


def resolve(plain: str) -> Any:
    """The null, boolean, integer or float that a plain scalar stands for; otherwise the text itself."""
    if plain in _WORDS:
        return _WORDS[plain]
    if plain[0] not in "+-.0123456789":
        return plain
    digits = plain.replace("_", "")
    if (number := _integer(digits)) is not None:
        return number
    return float(digits) if _FLOAT.fullmatch(digits) else plain


def _integer(digits: str) -> int | None:
    """Go's ``ParseInt(text, 0, 64)``: prefixes 0x, 0o, 0b and a leading zero for octal; up to 64 bits."""
    unsigned = digits.lstrip("+-")
    if len(digits) - len(unsigned) > 1 or not unsigned:
        return None
    base = _BASES.get(unsigned[:2].lower())
    body = unsigned[2:] if base else unsigned
    base = base or (8 if len(unsigned) > 1 and unsigned[0] == "0" else 10)
    try:
        number = int(body, base) if body.isalnum() and body.isascii() else None
    except ValueError:
        return None
    if number is None:
        return None
    number = -number if digits[0] == "-" else number
    return number if -(2**63) <= number < 2**64 else None
