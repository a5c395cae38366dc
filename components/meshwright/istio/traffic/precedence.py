"""In which order Istio tries the rules of an HTTPRoute or GRPCRoute: by what they say, not as they are written.

Source: ``sortHTTPRoutes`` in istio's ``pilot/pkg/config/kube/gateway/conversion.go``, as of 1.31. A VirtualService is
tried as it is written.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import Final, NamedTuple

from meshwright.gateway_api.overlap import overlap
from meshwright.gateway_api.rules import Condition, Rule

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
