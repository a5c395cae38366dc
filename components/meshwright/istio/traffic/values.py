"""Whether each value in the arguments of a component is one that there is.

The types of the config have asked that already; a program in Python has not.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from meshwright.errors import Code
from meshwright.gateway_api import spelling
from meshwright.istio.traffic.spelling import (
    ACCOUNT,
    DISTRIBUTIONS,
    GRPC_STATUSES,
    PATH_PATTERN,
    RETRY_ON,
    is_cidr,
    is_retry_condition,
)
from meshwright.kubernetes import labels
from meshwright.kubernetes.troubles import Path, Trouble

_LABEL: Final = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_HOST: Final = rf"(\*\.)?{_LABEL}(\.{_LABEL})+"

Check = tuple[Callable[[Any], bool], str]
"""Whether a value is right, and what would be."""


def misspelt(value: object, protocols: tuple[str, ...], at: Path = ()) -> Iterator[Trouble]:
    """The values that are none, at any depth."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key in _NAMED:
                yield from _in_names(item, _NAMED[key], (*at, key))
            elif key == "selector":
                yield from _in_selector(item, (*at, key))
            elif key == "protocol":
                yield from _by(_one_of(protocols), item, (*at, key))
            elif key in _CHECKS:
                yield from _by(_CHECKS[key], item, (*at, key))
            else:
                yield from misspelt(item, protocols, (*at, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from misspelt(item, protocols, (*at, index))


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
            remedy = "use letters, digits and !#$%&'*+-.^_`|~"
            yield Trouble(Code.BAD_ARGUMENT, f"has the name {name!r}"[:200], remedy, at)
        yield from _by(check, value, (*at, name))


def _in_selector(selector: Mapping[str, Any], at: Path) -> Iterator[Trouble]:
    """Labels: their keys are the user's, whatever ours are called."""
    if not selector:
        yield Trouble(Code.BAD_ARGUMENT, "is empty: the Service would have no pods", "say which pods they are", at)
    for message, remedy in labels.misspelt(selector):
        yield Trouble(Code.BAD_ARGUMENT, message, remedy, at)


def _spelt(pattern: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and bool(re.fullmatch(pattern, value, re.ASCII))


def _between(least: int, most: int) -> Callable[[Any], bool]:
    # Numbers of a hosted component arrive as floats.
    return lambda value: (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and value == int(value)
        and least <= value <= most
    )


def _one_of(words: tuple[str, ...]) -> Check:
    return (lambda value: value in words), f"one of: {', '.join(words)}"


def _number(least: int, most: int) -> Check:
    return _between(least, most), f"a whole number from {least} to {most}"


_DURATION: Final[Check] = (spelling.is_duration, 'write a duration of the Gateway API: "500ms", "3s", "1m30s"')
_PATH: Final[Check] = (spelling.is_path, "begin it with /, without //, /./, /../, %2F, ? or #")
_REGEX: Final[Check] = (spelling.is_regex, "write a regular expression of RE2: no lookaround, no back-references")
_TEXT: Final[Check] = (_spelt(spelling.VALUE), "write 1 to 1024 printable characters of ASCII")
_PERCENT, _COUNT, _PORT = _number(1, 100), _number(1, 2**31 - 1), _number(1, 65535)
_NAME: Final[Check] = (_spelt(_LABEL), "write a name as Kubernetes has it: lower-case letters, digits and '-'")

_NAMED: Final[Mapping[str, Check]] = {
    "headers": _TEXT,
    "query": _TEXT,
    "headers_regex": _REGEX,
    "query_regex": _REGEX,
}
_CHECKS: Final[Mapping[str, Check]] = {
    **dict.fromkeys(("namespace", "service", "confine"), _NAME),
    **dict.fromkeys(("port", "target_port"), _PORT),
    **dict.fromkeys(
        ("timeout", "per_try_timeout", "backoff", "duration", "connect_timeout", "interval", "base_ejection_time"),
        _DURATION,
    ),
    **dict.fromkeys(("path", "path_prefix"), _PATH),
    **dict.fromkeys(("percent", "max_ejection_percent"), _PERCENT),
    "min_health_percent": _number(0, 100),
    **dict.fromkeys(
        (
            *("max_connections", "max_pending_requests", "max_requests", "max_retries"),
            *("consecutive_5xx", "consecutive_gateway_errors"),
        ),
        _COUNT,
    ),
    "path_regex": _REGEX,
    "methods": _one_of(spelling.METHODS),
    "grpc_service": (_spelt(spelling.GRPC_SERVICE), "write it as in the .proto: shop.v1.Cart"),
    "grpc_method": (_spelt(spelling.GRPC_METHOD), "write it as in the .proto: GetItem"),
    "weight": _number(0, 1_000_000),
    "attempts": _number(0, 10),
    "retry_on": (is_retry_condition, f"one of: {', '.join(RETRY_ON)}, or a status code, 400 to 599"),
    "status": _number(200, 599),
    "grpc_status": _one_of(GRPC_STATUSES),
    "traffic_distribution": _one_of(DISTRIBUTIONS),
    "service_accounts": (_spelt(ACCOUNT), "write a name as Kubernetes has it, without the namespace"),
    "paths": (_spelt(PATH_PATTERN), 'write a path, or one with * at an end: "/v1/*"'),
    "confine_except": (is_cidr, 'write a range of addresses: "10.0.0.0/16"'),
    "host": (_spelt(_HOST), 'write a name as DNS has it: "api.example.com", or "*.example.com"'),
}
"""Key -> how its value is spelt. A list is asked item by item."""
