"""What a `LinkerdRateLimit` is told, and what its rates can't be: asked of the config, and again of the component."""

from collections.abc import Iterator
from typing import NotRequired, TypedDict

from meshwright.errors import Code
from meshwright.kubernetes.troubles import Trouble


class Caller(TypedDict):
    """A service account that calls."""

    service_account: str
    """Its name."""
    namespace: NotRequired[str]
    """Default: the server's."""


class Override(TypedDict):
    """Another rate for some callers."""

    rate: int
    """Requests a second, for all of them together."""
    callers: list[Caller]
    """Who they are."""


class LinkerdRateLimitArgs(TypedDict):
    """Arguments of `LinkerdRateLimit`."""

    namespace: str
    """Where the Server is."""
    server: str
    """Its name. Linkerd limits rates at a Server, and at nothing else; each Server has one such policy at most."""
    total: NotRequired[int]
    """Requests a second that each pod takes from all callers. Default: no limit."""
    identity: NotRequired[int]
    """Requests a second that each pod takes from one caller, by its identity. Default: no limit."""
    overrides: NotRequired[list[Override]]
    """Callers with a rate of their own."""


def rate_troubles(args: LinkerdRateLimitArgs) -> Iterator[Trouble]:
    """What Linkerd's webhook would refuse, and what would do nothing."""
    total, overrides = args.get("total"), args.get("overrides") or []
    if not (total or args.get("identity") or overrides):
        yield Trouble(Code.RATE_LIMIT, "limits nothing", "say total, identity or overrides")
    rates = [
        (("identity",), args.get("identity")),
        *((("overrides", i, "rate"), e["rate"]) for i, e in enumerate(overrides)),
    ]
    for at, rate in rates:
        if total and rate and rate > total:
            message = f"is {int(rate)}, more than total ({int(total)}), which Linkerd refuses"
            yield Trouble(Code.RATE_LIMIT, message, "make it total's or less", at)
    for index, each in enumerate(overrides):
        if not each["callers"]:
            yield Trouble(Code.RATE_LIMIT, "is for nobody", "name service accounts", ("overrides", index, "callers"))
