"""How the values of routes are spelt, strictly: so that a rule says the same whichever API it ends up in.

Sources: GEP-2257 (durations); the CRDs of Gateway API 1.6.1 and Istio 1.31; ``pkg/config/validation`` of Istio 1.31.
"""

import re
from typing import Final

DURATION: Final = r"([0-9]{1,5}(h|m|s|ms)){1,4}"
HEADER: Final = r"[A-Za-z0-9!#$%&'*+\-.^_`|~]{1,256}"
"""The name of a header or of a query parameter."""
VALUE: Final = r"[!-~]([ -~]{0,1022}[!-~])?"
"""What a header or a query parameter is compared with: what can be sent as it is."""
PATH: Final = r"/([-A-Za-z0-9._~!$&'()*+,;=:@/]|%[0-9a-fA-F]{2})*"
GRPC_SERVICE: Final = r"\.?[A-Za-z_][A-Za-z_0-9]*(\.[A-Za-z_][A-Za-z_0-9]*)*"
GRPC_METHOD: Final = r"[A-Za-z_][A-Za-z_0-9]*"

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
IDEMPOTENT_METHODS: Final = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"})
"""Requests that may be sent twice (RFC 9110, 9.2.2)."""

_MILLISECONDS: Final = {"h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_NOT_IN_PATH: Final = re.compile(r"//|/\.\.?(/|$)|%2f", re.IGNORECASE)
# RE2, which Envoy uses, knows no lookaround, no references to groups and no possessive quantifiers.
_NOT_IN_RE2: Final = re.compile(r"\(\?(?:[=!>(#]|<[=!]|P=)|(?<!\\)(?:\\\\)*\\[1-9]|(?<!\\)[*+?}]\+")


def milliseconds(duration: str) -> int:
    """How long a duration such as ``1m30s`` is."""
    return sum(int(number) * _MILLISECONDS[unit] for number, unit in re.findall(r"(\d+)(ms|h|m|s)", duration))


def is_duration(text: object) -> bool:
    """Whether it is a duration of a millisecond or more."""
    return isinstance(text, str) and bool(re.fullmatch(DURATION, text, re.ASCII)) and milliseconds(text) > 0


def is_path(text: object) -> bool:
    """Whether it is an absolute path without anything that a proxy would normalise."""
    fits = isinstance(text, str) and len(text) <= 1024 and re.fullmatch(PATH, text, re.ASCII)
    return bool(fits) and not _NOT_IN_PATH.search(str(text))


def is_regex(text: object) -> bool:
    """Whether it is a regular expression that RE2 takes too."""
    if not isinstance(text, str) or not 0 < len(text) <= 1024 or _NOT_IN_RE2.search(text):
        return False
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError):
        return False
    return True
