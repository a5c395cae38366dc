"""Which route Linkerd takes for a request that fits several: by what they say, not as they are written.

Source: ``RequestMatch`` and ``PathMatch`` in linkerd2-proxy's ``linkerd/http/route/src/http/match.rs`` and
``match/path.rs``, ``RouteMatch`` in ``grpc/match.rs``. Of the path only the length that matched counts, whatever its
kind: an exact path and a prefix of the same length are equals. Among equals the older object goes first.
"""

import re
from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

from meshwright.gateway_api.overlap import overlap
from meshwright.gateway_api.rules import Condition, Rule


class Misplaced(NamedTuple):
    """Two rules, by their places, of which the later may be taken."""

    earlier: int
    later: int


def misplaced(rules: tuple[Rule, ...], groups: tuple[int, ...], *, grpc: bool) -> Iterator[Misplaced]:
    """The pairs of rules that share requests, and that Linkerd may take the other way round.

    Args:
        rules: In the order in which they are meant.
        groups: For each, the object that it stands in: equals within one are taken as they are written.
        grpc: Whether they are for gRPC.
    """
    for (first, earlier), (second, later) in combinations(enumerate(rules), 2):
        least = 0 if groups[first] == groups[second] else 1
        if any(
            overlap(one, two) and before(one, two, grpc=grpc) < least
            for one in earlier.conditions
            for two in later.conditions
        ):
            yield Misplaced(first, second)


def before(one: Condition, two: Condition, *, grpc: bool) -> int:
    """Positive where a request that fits both is taken by the first, negative by the second, 0 for equals."""
    ours, theirs = (
        (_rest_of_grpc(one), _rest_of_grpc(two)) if grpc else ((_path(one, two), *_rest(one)), (0, *_rest(two)))
    )
    return (ours > theirs) - (ours < theirs)


def _path(one: Condition, two: Condition) -> int:
    """How the paths of two that overlap compare."""
    length, other = _prefix(one), _prefix(two)
    if length is None and other is None:
        return 0  # both match the whole path
    if length is not None and other is not None:
        return (length > other) - (length < other)
    whole, prefix, sign = (one, two, 1) if length is None else (two, one, -1)
    return 0 if _is_as_short(whole, prefix) else sign


def _prefix(condition: Condition) -> int | None:
    """The length that a prefix matches; None for what matches the whole path. No path is the prefix ``/``."""
    if condition.kind in ("exact", "regex"):
        return None
    return max(1, len(condition.path.rstrip("/")))


def _is_as_short(whole: Condition, prefix: Condition) -> bool:
    """Whether there is a path that both match to its end."""
    path = prefix.path.rstrip("/") or "/"
    return whole.path == path if whole.kind == "exact" else re.fullmatch(whole.path, path) is not None


def _rest(condition: Condition) -> tuple[int, int, bool]:
    return len(condition.headers), len(condition.query), bool(condition.method)


def _rest_of_grpc(condition: Condition) -> tuple[int, ...]:
    return len(condition.grpc_service), len(condition.grpc_method), len(condition.headers)
