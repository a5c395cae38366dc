"""The config of routes, as every mesh that reads the Gateway API has them: what a request is like, where it goes."""

import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field

from meshwright.config.base import Mistake, Model, Port, ServiceName, Spelt, Whole, refusal, repeated
from meshwright.errors import Code
from meshwright.gateway_api import spelling
from meshwright.kubernetes.troubles import Trouble


def told(troubles: Iterable[Trouble]) -> Iterator[Mistake]:
    """Troubles as the config's mistakes."""
    return (Mistake(*each) for each in troubles)


def bad_value(what: str, remedy: str) -> Any:
    """What a validator raises for a value that is none; ``what`` goes on after the key."""
    return refusal(Mistake(Code.BAD_VALUE, what, remedy))


def _path(text: str) -> str:
    if not spelling.is_path(text):
        raise bad_value(
            f"is {len(text)} characters, which a proxy would change", "leave out //, /./, /../ and %2F; at most 1024"
        )
    return text


def _regex(text: str) -> str:
    if not spelling.is_regex(text):
        remedy = "leave out lookaround and back-references; close what is open"
        raise bad_value("is no regular expression of RE2", remedy)
    return text


def _named(values: dict[str, str]) -> dict[str, str]:
    for name in values:
        if not re.fullmatch(spelling.HEADER, name, re.ASCII):
            raise bad_value(f'has the name "{name[:40]}", which is none of a header', "use letters, digits and -")
    return values


HttpPath = Annotated[
    str,
    Spelt(spelling.PATH, "path", "begin it with /, and use what RFC 3986 allows", limit=1024),
    AfterValidator(_path),
]
Regex = Annotated[str, AfterValidator(_regex)]
Value = Annotated[str, Spelt(spelling.VALUE, "value of a header", "write printable characters of ASCII", limit=1024)]
V = TypeVar("V", bound=str)
Named = Annotated[dict[str, V], AfterValidator(_named)]
"""Values by the names of headers or query parameters."""
Method = Literal["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]


class RouteMatch(Model):
    """What a request is like. All that is said must hold; at most one of the three paths."""

    path: HttpPath | None = None
    """The whole path."""
    path_prefix: HttpPath | None = None
    """The first elements of the path: /v1 takes /v1 and /v1/items, not /v10."""
    path_regex: Regex | None = None
    """A regular expression for the whole path."""
    methods: tuple[Method, ...] = ()
    """Any of these HTTP methods."""
    headers: Named[Value] = Field(default_factory=dict)
    """Header: value."""
    headers_regex: Named[Regex] = Field(default_factory=dict)
    """Header: regular expression for the whole value."""
    query: Named[Value] = Field(default_factory=dict)
    """Query parameter: value."""
    query_regex: Named[Regex] = Field(default_factory=dict)
    """Query parameter: regular expression for the whole value."""
    grpc_service: (
        Annotated[str, Spelt(spelling.GRPC_SERVICE, "gRPC service", "write it as in the .proto: shop.v1.Cart")] | None
    ) = None
    """Full name of the gRPC service; with protocol: grpc."""
    grpc_method: (
        Annotated[str, Spelt(spelling.GRPC_METHOD, "gRPC method", "write it as in the .proto: GetItem")] | None
    ) = None
    """Name of its method; with protocol: grpc."""

    def mistakes(self) -> Iterator[Mistake]:
        """A method is named once."""
        return repeated("methods", self.methods)


class RouteBackend(Model):
    """A Service of the namespace that requests go to."""

    service: ServiceName = Field(examples=["reviews-v2"])
    """Its name."""
    port: Port | None = None
    """Default: the port that the rules are for."""
    weight: Annotated[Whole, Field(ge=0, le=1_000_000)] = 1
    """Its share of the sum of the weights."""
