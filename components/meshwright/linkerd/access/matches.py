"""What a limited call matches, and which of several matches a proxy takes.

A proxy picks one route first, the most specific one, and only then asks who may (linkerd2-proxy,
``app/inbound/src/policy/http.rs``). A caller that is allowed ``/v1/*`` would lose ``/v1/orders`` to another's route. So
every route also gets the callers of all wider matches. Paths and gRPC methods nest, or have nothing in common, which
makes that exact.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import total_ordering
from typing import Any

PATH = re.compile(r"/[^\s*?#]*", re.ASCII)
GRPC = re.compile(r"[A-Za-z_][\w.]*(/[A-Za-z_]\w*)?", re.ASCII)


@total_ordering
@dataclass(frozen=True, slots=True)
class Path:
    """A path, exact or with all below it; or everything."""

    value: str = "/"
    exact: bool = False

    def covers(self, other: "Path") -> bool:
        """Whether all that the other matches, this one matches too."""
        if self.exact:
            return self == other
        return self.value == "/" or other.value == self.value or other.value.startswith(f"{self.value}/")

    def __lt__(self, other: "Path") -> bool:
        return (self.value, not self.exact) < (other.value, not other.exact)

    def as_match(self) -> dict[str, Any]:
        """As an HTTPRoute has it."""
        return {"path": {"type": "Exact" if self.exact else "PathPrefix", "value": self.value}}


@total_ordering
@dataclass(frozen=True, slots=True)
class Grpc:
    """A gRPC method, all methods of a service, or everything."""

    service: str = ""
    method: str = ""

    def covers(self, other: "Grpc") -> bool:
        """Whether all that the other matches, this one matches too."""
        return self.service in ("", other.service) and self.method in ("", other.method)

    def __lt__(self, other: "Grpc") -> bool:
        return (self.service, self.method) < (other.service, other.method)

    def as_match(self) -> dict[str, Any]:
        """As a GRPCRoute has it."""
        if not self.service:
            return {}
        method = {"method": self.method} if self.method else {}
        return {"method": {"type": "Exact", "service": self.service, **method}}


Target = Path | Grpc


def path(text: str) -> Path:
    """``/a`` or ``/a/*``."""
    if text.endswith("/*"):
        return Path(text[:-2] or "/")
    return Path(text, exact=True)


def grpc(text: str) -> Grpc:
    """``service`` or ``service/method``."""
    service, _, method = text.partition("/")
    return Grpc(service, method)


def is_path(text: str) -> bool:
    """Whether a proxy can match it: an exact path, or a whole part of one with all below it."""
    return PATH.fullmatch(text.removesuffix("/*") or "/") is not None and "//" not in text


def is_grpc(text: str) -> bool:
    """Whether it is a gRPC service or a method of one."""
    return GRPC.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Operation:
    """What a call may do on a port: any of the targets, by any of the methods."""

    targets: tuple[Target, ...]
    methods: frozenset[str] = frozenset()
    """Empty for all."""

    def covers(self, target: Target, method: str) -> bool:
        """Whether all requests of this target and method ("" for every method) are part of it."""
        return (not self.methods or method in self.methods) and any(
            each.covers(target)  # type: ignore[arg-type]  # paths and gRPC never meet on one port
            for each in self.targets
        )


def atoms(operations: Iterable[Operation], everything: Target) -> list[tuple[Target, str]]:
    """All targets with all methods that a port's operations tell apart, and everything else; in a fixed order."""
    known = list(operations)
    methods = sorted({method for each in known for method in each.methods})
    targets = sorted({everything, *(target for each in known for target in each.targets)})
    return [(target, method) for target in targets for method in ["", *methods]]
