"""The annotations by which Linkerd is told of retries, timeouts and circuit breaking, and how their values are spelt.

Source: linkerd2 ``policy-controller/k8s/index/src/outbound/index.rs`` and ``index/{http,grpc}.rs``, as of edge-26.8.3.
What the controller can't parse it drops with a line in its log, and the setting as a whole with it.
"""

import re
from collections.abc import Mapping
from typing import Final

from meshwright.linkerd.labels import (
    FAILURE_ACCRUAL,
    RETRY_GRPC,
    RETRY_HTTP,
    RETRY_LIMIT,
    RETRY_TIMEOUT,
    TIMEOUT_IDLE,
    TIMEOUT_REQUEST,
    TIMEOUT_RESPONSE,
)
from meshwright.linkerd.traffic.arguments import CircuitBreaker, LoadBias, Retries, Timeouts

_ALPHA: Final = "balancer.alpha.linkerd.io"
_TIMEOUTS: Final = {"request": TIMEOUT_REQUEST, "response": TIMEOUT_RESPONSE, "idle": TIMEOUT_IDLE}
_BREAKER: Final[Mapping[str, str]] = {
    "max_failures": f"{FAILURE_ACCRUAL}-consecutive-max-failures",
    "min_penalty": f"{FAILURE_ACCRUAL}-consecutive-min-penalty",
    "max_penalty": f"{FAILURE_ACCRUAL}-consecutive-max-penalty",
    "jitter_ratio": f"{FAILURE_ACCRUAL}-consecutive-jitter-ratio",
    "success_rate": f"{_ALPHA}/failure-accrual-success-rate-threshold",
    "window": f"{_ALPHA}/failure-accrual-success-rate-window",
    "min_requests": f"{_ALPHA}/failure-accrual-success-rate-min-requests",
    "honor_retry_after": f"{_ALPHA}/failure-accrual-honor-retry-after",
}
_BIAS: Final[Mapping[str, str]] = {
    "penalty": f"{_ALPHA}/load-biaser-penalty",
    "max_retry_after": f"{_ALPHA}/load-biaser-max-retry-after",
}
PENALIZE_FAILURES: Final = f"{_ALPHA}/penalize-failures"

DURATION: Final = r"[1-9][0-9]{0,6}(ms|s|m|h|d)"
"""One number and one unit. The Gateway API's ``1m30s`` is none: an annotation with it is dropped as a whole, and so is
``timeouts.request`` of a route, without a word (``parse_duration``)."""
HTTP_CONDITION: Final = r"5xx|gateway-error|[1-5][0-9]{2}(-[1-5][0-9]{2})?"
GRPC_CONDITIONS: Final = ("cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable")
_MILLISECONDS: Final = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def milliseconds(duration: str) -> int:
    """How long a duration of Linkerd's is."""
    number, unit = re.fullmatch(r"(\d+)([a-z]+)", duration).groups()  # type: ignore[union-attr]
    return int(number) * _MILLISECONDS[unit]


def is_duration(text: object) -> bool:
    """Whether Linkerd takes it, and it is longer than nothing."""
    return isinstance(text, str) and bool(re.fullmatch(DURATION, text, re.ASCII))


def is_condition(text: object) -> bool:
    """Whether a response of HTTP or gRPC can be named so; a range goes upwards."""
    if text in GRPC_CONDITIONS:
        return True
    if not isinstance(text, str) or not re.fullmatch(HTTP_CONDITION, text, re.ASCII):
        return False
    first, dash, last = text.partition("-")
    return not dash or not last.isdigit() or int(first) <= int(last)


def of_requests(retries: Retries | None, timeouts: Timeouts | None, *, grpc: bool) -> dict[str, str]:
    """What a Service or a route says of retries and timeouts."""
    found = {_TIMEOUTS[key]: str(value) for key, value in (timeouts or {}).items()}
    if retries:
        found[RETRY_GRPC if grpc else RETRY_HTTP] = ",".join(retries["on"])
        found[RETRY_LIMIT] = str(int(retries.get("limit", 1)))
        if timeout := retries.get("timeout"):
            found[RETRY_TIMEOUT] = timeout
    return dict(sorted(found.items()))


def of_balancer(breaker: CircuitBreaker | None, bias: LoadBias | None) -> dict[str, str]:
    """What a Service says of its pods that fail. It is read from the Service that is called, and from no route."""
    found: dict[str, str] = {}
    if breaker:
        found[FAILURE_ACCRUAL] = breaker["mode"]
        found |= {_BREAKER[key]: _text(value) for key, value in breaker.items() if key in _BREAKER}
    if bias is not None:
        found[PENALIZE_FAILURES] = "true"
        found |= {_BIAS[key]: _text(value) for key, value in bias.items()}
    return dict(sorted(found.items()))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    # Numbers of a hosted component arrive as floats, and Linkerd reads no "7.0" as a count.
    return str(int(value)) if isinstance(value, float) and value == int(value) else str(value)
