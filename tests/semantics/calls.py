"""A request, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple


class Pods(NamedTuple):
    """The pods of one template."""

    namespace: str
    name: str


@dataclass(frozen=True)
class Http:
    method: str = "GET"
    path: str = "/"
    headers: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()
    host: str = "it"


@dataclass(frozen=True)
class Token:
    """A JWT with a good signature."""

    issuer: str
    subject: str = "u"
    claims: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Request:
    caller: Pods
    namespace: str
    """Of what is called."""
    service: str
    """Name of the Service; empty for a call to the pods of `pods`."""
    pods: str
    port: int
    """Of the Service, or of the pod."""
    http: Http | None
    """None for TCP."""
    token: Token | None = None


@dataclass(frozen=True)
class Peer:
    """Who a proxy sees."""

    principal: str
    """``cluster.local/ns/a/sa/b``; empty without mutual TLS."""
    address: str
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def namespace(self) -> str:
        return self.principal.split("/")[2] if self.principal else ""

    @property
    def account(self) -> str:
        return f"{self.namespace}/{self.principal.split('/')[4]}" if self.principal else ""


class End(NamedTuple):
    """Where a part of the requests ends: allowed or not, at which pods, and changed in which way on its way."""

    allowed: bool
    pods: Pods | None
    changes: tuple[str, ...]


Outcome = Mapping[End, Fraction]
"""What share of the requests ends where."""
