"""What routes say, with their defaults filled in: one list of rules, in the order in which they are tried."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from meshwright.gateway_api.arguments import Backend, Match, Route


@dataclass(frozen=True, slots=True)
class Target:
    """A port of a Service, and its share."""

    service: str
    port: int
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Condition:
    """One way in which a request can fit: a match with at most one path and at most one method."""

    kind: Literal["", "exact", "prefix", "regex"] = ""
    """Of the path."""
    path: str = ""
    method: str = ""
    headers: tuple[tuple[str, bool, str], ...] = ()
    """Name in lower case, whether the value is a regular expression, value; by name."""
    query: tuple[tuple[str, bool, str], ...] = ()
    grpc_service: str = ""
    grpc_method: str = ""

    @property
    def takes_all(self) -> bool:
        """Whether every request fits."""
        return self in (Condition(), Condition("prefix", "/"))


@dataclass(frozen=True, slots=True)
class Rule:
    """A route with its defaults filled in."""

    conditions: tuple[Condition, ...]
    to: tuple[Target, ...]

    @property
    def by_regex(self) -> bool:
        """Whether a path is compared with a regular expression."""
        return any(each.kind == "regex" for each in self.conditions)


def completed(routes: Sequence[Route], service: str, port: int) -> tuple[Rule, ...]:
    """The rules of routes, and after them one for what fits none of them, where that can be."""
    rules = [rule_of(each, service, port) for each in routes]
    if not rules or not any(each.takes_all for each in rules[-1].conditions):
        rules.append(rule_of({}, service, port))
    return tuple(rules)


def rule_of(route: Route, service: str, port: int) -> Rule:
    """The rule of one route.

    Args:
        route: The route.
        service: What is addressed: where requests go by default.
        port: The port that a backend has by default.
    """
    matches: list[Match] = route.get("match") or [{}]
    backends: list[Backend] = route.get("to") or [{"service": service}]
    return Rule(
        conditions=tuple(each for match in matches for each in _conditions(match)),
        to=tuple(Target(each["service"], int(each.get("port", port)), int(each.get("weight", 1))) for each in backends),
    )


def _conditions(match: Match) -> Iterator[Condition]:
    kind, path = _path(match)
    for method in match.get("methods") or [""]:
        yield Condition(
            kind=kind,
            path=path,
            method=method,
            headers=_values(match.get("headers"), match.get("headers_regex"), lower=True),
            query=_values(match.get("query"), match.get("query_regex"), lower=False),
            grpc_service=match.get("grpc_service", ""),
            grpc_method=match.get("grpc_method", ""),
        )


def _path(match: Match) -> tuple[Literal["", "exact", "prefix", "regex"], str]:
    if exact := match.get("path"):
        return "exact", exact
    if prefix := match.get("path_prefix"):
        return "prefix", prefix.rstrip("/") or "/"
    if regex := match.get("path_regex"):
        return "regex", regex
    return "", ""


def _values(
    exact: Mapping[str, str] | None, regex: Mapping[str, str] | None, *, lower: bool
) -> tuple[tuple[str, bool, str], ...]:
    both = [(False, exact or {}), (True, regex or {})]
    return tuple(
        sorted(
            (name.lower() if lower else name, is_regex, value)
            for is_regex, values in both
            for name, value in values.items()
        )
    )
