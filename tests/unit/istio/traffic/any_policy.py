"""Any traffic of a service that a stack file may ask for, and any request."""

import re
from itertools import product
from typing import Any

from hypothesis import strategies as st
from pydantic import ValidationError

from meshwright.config.istio_traffic import ServiceTraffic
from meshwright.gateway_api import spelling
from meshwright.istio.traffic.arguments import TrafficPolicyArgs
from meshwright.istio.traffic.spelling import ACCOUNT, PATH_PATTERN

PATHS = ("/", "/a", "/a/", "/ab", "/a/b", "/a/b/c", "/b")
METHODS = ("GET", "PUT", "POST")
NAMES = ("x", "y")
VALUES = ("1", "2")
SERVICES = ("cart", "cart-v1", "cart-v2")
DURATIONS = st.sampled_from(["1ms", "500ms", "2s", "1m30s", "99999h"])


def _maybe(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=keys)


def _values(strategy: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, str]]:
    return st.dictionaries(st.sampled_from(NAMES), strategy, max_size=2)


_REGEX = st.sampled_from(["1", "[12]", ".*", "2+"])
HTTP_MATCHES = _maybe(
    path_prefix=st.sampled_from(PATHS),
    methods=st.lists(st.sampled_from(METHODS), min_size=1, max_size=2, unique=True),
    headers=_values(st.sampled_from(VALUES)),
    query=_values(st.sampled_from(VALUES)),
) | _maybe(
    path=st.sampled_from(PATHS),
    headers_regex=_values(_REGEX),
    query_regex=_values(_REGEX),
)
GRPC_MATCHES = _maybe(
    grpc_service=st.sampled_from(["a", "a.b", "c"]),
    grpc_method=st.sampled_from(["Get", "Put"]),
    headers=_values(st.sampled_from(VALUES)),
)
_BACKENDS = st.lists(
    st.builds(
        lambda service, rest: {"service": service, **rest},
        st.sampled_from(SERVICES),
        _maybe(weight=st.integers(0, 1_000_000), port=st.integers(1, 65535)),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda each: each["service"],
)
_ON = st.lists(st.sampled_from(["connect-failure", "reset-before-request", "5xx", "503"]), min_size=1, max_size=2)
_RETRIES = st.builds(
    lambda attempts, rest: {"attempts": attempts, **rest},
    st.integers(1, 10),
    _maybe(retry_on=_ON, per_try_timeout=DURATIONS, backoff=DURATIONS, idempotent=st.booleans()),
) | st.just({"attempts": 0})
_PERCENT = st.integers(1, 100)
_FAULTS = _maybe(
    delay=st.fixed_dictionaries({"duration": DURATIONS, "percent": _PERCENT}),
    abort=st.fixed_dictionaries({"status": st.integers(200, 599), "percent": _PERCENT}),
)
_LIMIT = st.integers(1, 2**31 - 1)
_POOLS = _maybe(max_connections=_LIMIT, max_pending_requests=_LIMIT, max_requests=_LIMIT, connect_timeout=DURATIONS)
_OUTLIERS = _maybe(consecutive_5xx=_LIMIT, interval=DURATIONS, max_ejection_percent=_PERCENT)


def _routes(matches: st.SearchStrategy[dict[str, Any]], *, alpha: bool) -> st.SearchStrategy[list[dict[str, Any]]]:
    more = {"retries": _RETRIES, "fault": _FAULTS} if alpha else {}
    mirror = st.fixed_dictionaries({"service": st.just("shadow")}, optional={"percent": _PERCENT})
    route = _maybe(
        match=st.lists(matches, min_size=1, max_size=2), to=_BACKENDS, timeout=DURATIONS, mirror=mirror, **more
    )
    return st.lists(route, max_size=4)


def traffic(protocol: str, *, alpha: bool) -> st.SearchStrategy[dict[str, Any]]:
    """The config of a service's traffic; it may be one that is refused."""
    matches = GRPC_MATCHES if protocol == "grpc" else HTTP_MATCHES
    return st.builds(
        lambda routes, rest: {"service": "cart", "port": 80, "protocol": protocol, "routes": routes, **rest},
        _routes(matches, alpha=alpha),
        _maybe(timeout=DURATIONS, connection_pool=_POOLS, outlier_detection=_OUTLIERS),
    )


def _spelt(pattern: str) -> st.SearchStrategy[str]:
    return st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True)


_NAMED = st.dictionaries(_spelt(spelling.HEADER), _spelt(spelling.VALUE), max_size=3)
_WILD_PATHS = _spelt(spelling.PATH)
WILD = st.builds(
    lambda match, timeout: {
        "service": "cart",
        "port": 80,
        "protocol": "grpc" if {"grpc_service", "grpc_method"} & match.keys() else "http",
        "routes": [{"match": [match], "timeout": timeout} if "path" in match else {"match": [match]}],
    },
    _maybe(path=_WILD_PATHS, headers=_NAMED, query=_NAMED)
    | _maybe(path_prefix=_WILD_PATHS)
    | _maybe(grpc_service=_spelt(spelling.GRPC_SERVICE), grpc_method=_spelt(spelling.GRPC_METHOD), headers=_NAMED),
    _spelt(spelling.DURATION),
)
"""The config of one route with values as odd as they may be spelt; the odder of them are refused."""


def routing(protocol: str) -> st.SearchStrategy[dict[str, Any]]:
    """The config of routes alone, of which many share requests."""
    matches = GRPC_MATCHES if protocol == "grpc" else HTTP_MATCHES
    route = st.builds(
        lambda match: {"match": match, "to": [{"service": "cart-v2"}]}, st.lists(matches, min_size=1, max_size=2)
    )
    return st.builds(
        lambda routes: {"service": "cart", "port": 80, "protocol": protocol, "routes": routes},
        st.lists(route, min_size=1, max_size=3),
    )


ANY = st.one_of(*(traffic(protocol, alpha=alpha) for protocol in ("http", "grpc") for alpha in (True, False)), WILD)


_HOSTS = st.builds(
    lambda host, callers, rest: {"host": host, "callers": callers, **rest},
    st.sampled_from(["api.example.com", "a-b.example.org", "*.example.com", "1.2.example"]),
    st.lists(
        st.builds(
            lambda space, rest: {"namespace": space, **rest},
            st.sampled_from(["shop", "web"]),
            _maybe(service_accounts=st.lists(_spelt(ACCOUNT), max_size=2)),
        ),
        min_size=1,
        max_size=2,
    ),
    _maybe(port=st.integers(1, 65535), outlier_detection=_OUTLIERS)
    | _maybe(originate_tls=st.booleans(), target_port=st.integers(1, 65535), connection_pool=_POOLS)
    | _maybe(methods=st.just(["GET"]), paths=st.lists(_spelt(PATH_PATTERN), min_size=1, max_size=2))
    | st.fixed_dictionaries({"protocol": st.sampled_from(["tls", "tcp"])}, optional={"port": st.integers(1, 65535)}),
)
EGRESS = st.builds(
    lambda hosts, rest: {"hosts": hosts, **rest},
    st.lists(_HOSTS, min_size=1, max_size=2, unique_by=lambda each: each["host"]),
    _maybe(confine=st.just(["shop"]), waypoint=st.just({"min_replicas": 3})),
)
"""The config of egress; it may be one that is refused."""


def accepted(config: dict[str, Any]) -> TrafficPolicyArgs | None:
    """The arguments that a config becomes; None for one that is refused."""
    try:
        return {**ServiceTraffic.model_validate(config).arguments("shop"), "waypoint": "waypoint"}
    except ValidationError:
        return None


_SENT: tuple[dict[str, str], ...] = ({}, {"x": "1"}, {"x": "2"}, {"y": "1"}, {"x": "1", "y": "1"}, {"x": "2", "y": "2"})
HTTP_REQUESTS = [
    {"path": path, "method": method, "headers": headers, "query": query}
    for path, method, headers, query in product(PATHS, METHODS, _SENT, _SENT[:4])
]
GRPC_REQUESTS = [
    {"path": path, "method": "POST", "headers": headers, "query": {}}
    for path, headers in product(["/a/Get", "/a/Put", "/a.b/Get", "/c/Put", "/d/Get"], _SENT)
]
