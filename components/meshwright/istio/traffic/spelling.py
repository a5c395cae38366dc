"""How the values of traffic rules are spelt that Istio alone has.

Sources: the CRDs and ``pkg/config/validation`` of Istio 1.31; Envoy's router filter.
"""

import re
from ipaddress import ip_network
from typing import Final

PATH_PATTERN: Final = r"\*|/[^*\s]{0,1023}\*?|\*[^*\s]{1,1023}"
"""A path of an AuthorizationPolicy: as it is, or with ``*`` at one end."""
ACCOUNT: Final = r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?"
"""A service account, without its namespace."""

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


def is_retry_condition(text: object) -> bool:
    """Whether it is one of `RETRY_ON`, or a status code such as ``503``."""
    return text in RETRY_ON or (isinstance(text, str) and bool(re.fullmatch(r"[45][0-9]{2}", text, re.ASCII)))


def is_cidr(text: object) -> bool:
    """Whether it is a range of IP addresses that begins where its mask says."""
    try:
        return isinstance(text, str) and "/" in text and bool(ip_network(text))
    except ValueError:
        return False
