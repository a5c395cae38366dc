"""Whether each value in the arguments of a component is one that there is.

The types of the config have asked that already; a program in Python has not.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_network
from typing import Any, Final

from meshwright.errors import Code
from meshwright.gateway_api import spelling
from meshwright.kubernetes.troubles import Path, Trouble
from meshwright.linkerd.traffic.annotations import is_condition, is_duration

_LABEL: Final = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
HOST: Final = rf"(\*\.)?{_LABEL}(\.{_LABEL})+"
DURATION_REMEDY: Final = 'write one number and one unit, ms, s, m, h or d: "90s"'

Check = tuple[Callable[[Any], bool], str]
"""Whether a value is right, and what would be."""


def misspelt(value: object, at: Path = ()) -> Iterator[Trouble]:
    """The values that are none, at any depth."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key in _NAMED:
                yield from _in_names(item, _NAMED[key], (*at, key))
            elif key in CHECKS:
                yield from _by(CHECKS[key], item, (*at, key))
            else:
                yield from misspelt(item, (*at, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from misspelt(item, (*at, index))


def _by(check: Check, value: object, at: Path) -> Iterator[Trouble]:
    is_right, remedy = check
    values = enumerate(value) if isinstance(value, list | tuple) else [(None, value)]
    for index, each in values:
        if not is_right(each):
            place = at if index is None else (*at, index)
            yield Trouble(Code.BAD_ARGUMENT, f"is {each!r}"[:200], remedy, place)


def _in_names(values: Mapping[str, Any], check: Check, at: Path) -> Iterator[Trouble]:
    for name, value in values.items():
        if not _spelt(spelling.HEADER)(name):
            yield Trouble(Code.BAD_ARGUMENT, f"has the name {name!r}"[:200], "use letters, digits and -", at)
        yield from _by(check, value, (*at, name))


def is_network(text: object) -> bool:
    """Whether it is a range of addresses that begins where its mask says."""
    try:
        return isinstance(text, str) and "/" in text and bool(ip_network(text))
    except ValueError:
        return False


def _spelt(pattern: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and bool(re.fullmatch(pattern, value, re.ASCII))


def _number(least: int, most: int) -> Check:
    def is_right(value: Any) -> bool:
        # Numbers of a hosted component arrive as floats.
        return (
            isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most and value % 1 == 0
        )

    return is_right, f"a whole number from {least} to {most}"


def _share(most: int) -> Check:
    def is_right(value: Any) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most

    return is_right, f"a number from 0 to {most}"


def _one_of(*words: str) -> Check:
    return (lambda value: value in words), f"one of: {', '.join(words)}"


_DURATION: Final[Check] = (is_duration, DURATION_REMEDY)
_PATH: Final[Check] = (spelling.is_path, "begin it with /, without //, /./, /../, %2F, ? or #")
_REGEX: Final[Check] = (spelling.is_regex, "write a regular expression without lookaround and back-references")
_TEXT: Final[Check] = (_spelt(spelling.VALUE), "write 1 to 1024 printable characters of ASCII")
_NAME: Final[Check] = (_spelt(_LABEL), "write a name as Kubernetes has it: lower-case letters, digits and '-'")
_NETWORK: Final[Check] = (is_network, 'write a range of addresses: "10.0.0.0/16"')
_RATE: Final[Check] = _number(1, 2**32 - 1)

_NAMED: Final[Mapping[str, Check]] = {
    "headers": _TEXT,
    "query": _TEXT,
    "headers_regex": _REGEX,
    "query_regex": _REGEX,
}
CHECKS: Final[Mapping[str, Check]] = {
    **dict.fromkeys(("namespace", "service", "server", "service_account"), _NAME),
    "port": _number(1, 65535),
    "protocol": _one_of("http", "grpc", "tls", "tcp"),
    **dict.fromkeys(
        ("timeout", "request", "response", "idle", "min_penalty", "max_penalty", "window", "penalty"), _DURATION
    ),
    "max_retry_after": _DURATION,
    **dict.fromkeys(("path", "path_prefix"), _PATH),
    "path_regex": _REGEX,
    "methods": _one_of(*spelling.METHODS),
    "grpc_service": (_spelt(spelling.GRPC_SERVICE), "write it as in the .proto: shop.v1.Cart"),
    "grpc_method": (_spelt(spelling.GRPC_METHOD), "write it as in the .proto: GetItem"),
    "weight": _number(0, 1_000_000),
    "limit": _number(1, 10),
    "on": (is_condition, "one of: 5xx, gateway-error, 503, 500-504, or a condition of gRPC"),
    "mode": _one_of("consecutive", "unified"),
    "max_failures": _number(0, 2**31 - 1),
    "jitter_ratio": _share(100),
    "success_rate": _share(1),
    "min_requests": _number(1, 1_000_000),
    **dict.fromkeys(("total", "identity", "rate"), _RATE),
    "policy": _one_of("allow", "deny"),
    **dict.fromkeys(("cidr", "except"), _NETWORK),
    "hosts": (_spelt(HOST), 'write a name as DNS has it: "api.example.com", or "*.example.com"'),
}
"""Key -> how its value is spelt. A list is asked item by item."""
