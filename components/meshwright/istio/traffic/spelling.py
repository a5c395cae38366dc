"""How the values of traffic rules are spelt.

Each is the stricter of what the Gateway API and Istio take, so that a rule says the same whichever API it ends up in.
Sources: GEP-2257 (durations); the CRDs of Gateway API 1.6.1 and Istio 1.31; ``pkg/config/validation`` of Istio 1.31.
"""

import re
from ipaddress import ip_network
from typing import Final

DURATION: Final = r"([0-9]{1,5}(h|m|s|ms)){1,4}"
HEADER: Final = r"[A-Za-z0-9!#$%&'*+\-.^_`|~]{1,256}"
"""The name of a header or of a query parameter."""
VALUE: Final = r"[!-~]([ -~]{0,1022}[!-~])?"
"""What a header or a query parameter is compared with: what can be sent as it is."""
PATH: Final = r"/([-A-Za-z0-9._~!$&'()*+,;=:@/]|%[0-9a-fA-F]{2})*"
PATH_PATTERN: Final = r"\*|/[^*\s]{0,1023}\*?|\*[^*\s]{1,1023}"
"""A path of an AuthorizationPolicy: as it is, or with ``*`` at one end."""
ACCOUNT: Final = r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?"
"""A service account, without its namespace."""
GRPC_SERVICE: Final = r"\.?[A-Za-z_][A-Za-z_0-9]*(\.[A-Za-z_][A-Za-z_0-9]*)*"
GRPC_METHOD: Final = r"[A-Za-z_][A-Za-z_0-9]*"

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
IDEMPOTENT_METHODS: Final = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"})
"""Requests that may be sent twice (RFC 9110, 9.2.2)."""

SAFE_RETRY_ON: Final = ("connect-failure", "refused-stream", "reset-before-request")
"""Conditions under which the application has not seen the request: Envoy's router filter, ``x-envoy-retry-on``."""
SAFE_RETRY_ON_GRPC: Final = ("connect-failure", "refused-stream")
"""Without ``reset-before-request``, which doesn't go well with streams of gRPC: Istio leaves it out for them too
(``BuildDefaultHTTPInboundRoute`` in istio's ``pilot/pkg/networking/core/route/route.go``)."""
RETRY_ON: Final = (
    *SAFE_RETRY_ON, "5xx", "gateway-error", "reset", "retriable-4xx", "envoy-ratelimited", "http3-post-connect-failure",
    "cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable",
)  # fmt: skip
"""What Istio takes, beside status codes."""

GRPC_STATUSES: Final = (
    "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
    "UNAUTHENTICATED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
    "INTERNAL", "UNAVAILABLE", "DATA_LOSS",
)  # fmt: skip
"""What a fault may answer a gRPC call with."""
DISTRIBUTIONS: Final = ("PreferSameZone", "PreferSameNode")
"""Values of Istio's annotation for traffic distribution; ``PreferClose`` is an old name of the first."""

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


def is_retry_condition(text: object) -> bool:
    """Whether it is one of `RETRY_ON`, or a status code such as ``503``."""
    return text in RETRY_ON or (isinstance(text, str) and bool(re.fullmatch(r"[45][0-9]{2}", text, re.ASCII)))


def is_cidr(text: object) -> bool:
    """Whether it is a range of IP addresses that begins where its mask says."""
    try:
        return isinstance(text, str) and "/" in text and bool(ip_network(text))
    except ValueError:
        return False
