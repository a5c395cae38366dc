"""In which order Istio tries the rules of an HTTPRoute or GRPCRoute: by what they say, not as they are written.

Source: ``sortHTTPRoutes`` in istio's ``pilot/pkg/config/kube/gateway/conversion.go``, as of 1.31. A VirtualService is
tried as it is written.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import Final, NamedTuple

from meshwright.istio.traffic.rules import Condition, Rule

_NONE, _REGEX, _PREFIX, _EXACT = -1, 1, 2, 3
_RANKS: Final = {"exact": _EXACT, "prefix": _PREFIX, "regex": _REGEX}


class Rank(NamedTuple):
    """What Istio sorts by; the greater goes first, and equals stay as they are written."""

    path: int
    length: int
    method: bool
    headers: int
    query: int


class Misplaced(NamedTuple):
    """Two rules, by their places, of which the later would be tried first."""

    earlier: int
    later: int


def rank(condition: Condition, *, grpc: bool) -> Rank:
    """Where Istio puts a condition."""
    kind, length = _grpc_path(condition) if grpc else _path(condition)
    return Rank(kind, length, bool(condition.method), len(condition.headers), len(condition.query))


def misplaced(rules: tuple[Rule, ...], *, grpc: bool) -> Iterator[Misplaced]:
    """The pairs of rules that share requests, and that Istio would try the other way round."""
    for (first, earlier), (second, later) in combinations(enumerate(rules), 2):
        if any(
            rank(two, grpc=grpc) > rank(one, grpc=grpc) and overlap(one, two)
            for one in earlier.conditions
            for two in later.conditions
        ):
            yield Misplaced(first, second)


def overlap(one: Condition, two: Condition) -> bool:
    """Whether one request may fit both. Where that takes regular expressions, it is assumed."""
    return (
        _paths_overlap(one, two)
        and not _differ(one.method, two.method)
        and not _differ(one.grpc_service, two.grpc_service)
        and not _differ(one.grpc_method, two.grpc_method)
        and not _values_differ(one.headers, two.headers)
        and not _values_differ(one.query, two.query)
    )


def _path(condition: Condition) -> tuple[int, int]:
    # A match without a path is one for the prefix "/": the CRD's default.
    return (_RANKS[condition.kind], len(condition.path)) if condition.kind else (_PREFIX, 1)


def _grpc_path(condition: Condition) -> tuple[int, int]:
    """A gRPC call is a request for ``/service/method``, and Istio matches it as such."""
    service, method = condition.grpc_service, condition.grpc_method
    if service and method:
        return _EXACT, len(f"/{service}/{method}")
    if service:
        return _PREFIX, len(f"/{service}/")
    return (_REGEX, len(f"/[^/]+/{method}")) if method else (_NONE, 0)


def _paths_overlap(one: Condition, two: Condition) -> bool:
    if "regex" in (one.kind, two.kind) or not one.kind or not two.kind:
        return True
    if one.kind == two.kind == "exact":
        return one.path == two.path
    if one.kind == two.kind:
        return _is_below(one.path, two.path) or _is_below(two.path, one.path)
    exact, prefix = (one, two) if one.kind == "exact" else (two, one)
    return _is_below(exact.path, prefix.path)


def _is_below(path: str, prefix: str) -> bool:
    return prefix == "/" or path == prefix or path.startswith(f"{prefix}/")


def _differ(one: str, two: str) -> bool:
    return bool(one and two) and one != two


def _values_differ(one: tuple[tuple[str, bool, str], ...], two: tuple[tuple[str, bool, str], ...]) -> bool:
    exact = {name: value for name, is_regex, value in one if not is_regex}
    return any(exact.get(name, value) != value for name, is_regex, value in two if not is_regex)
