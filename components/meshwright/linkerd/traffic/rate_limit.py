"""How many requests a second a server takes."""

from collections.abc import Iterator
from typing import Any, NotRequired, TypedDict

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from meshwright.errors import Code
from meshwright.kubernetes.children import below
from meshwright.kubernetes.problems import refuse_all
from meshwright.kubernetes.providers import require_kubernetes_provider
from meshwright.kubernetes.troubles import Trouble
from meshwright.linkerd.traffic.values import misspelt


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


class LinkerdRateLimit(pulumi.ComponentResource):
    """An HTTPLocalRateLimitPolicy. What goes beyond is answered with 429 by the pod's proxy, each pod for itself.

    Raises:
        ComponentError: MW-E210 for rates that can't be, MW-E050 for values that are none, MW-E051 without a provider.
    """

    def __init__(self, name: str, args: LinkerdRateLimitArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"LinkerdRateLimit {name}"
        require_kubernetes_provider(opts, label)
        refuse_all(misspelt(args), label)
        refuse_all(rate_troubles(args), label)
        super().__init__("meshwright:index:LinkerdRateLimit", name, {**args}, opts)
        CustomResource(
            f"{name}-policy",
            api_version="policy.linkerd.io/v1alpha1",
            kind="HTTPLocalRateLimitPolicy",
            metadata={"name": args["server"], "namespace": args["namespace"]},
            spec=_spec(args),
            opts=below(self, opts),
        )
        self.register_outputs({})


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


def _spec(args: LinkerdRateLimitArgs) -> dict[str, Any]:
    spec: dict[str, Any] = {"targetRef": {"group": "policy.linkerd.io", "kind": "Server", "name": args["server"]}}
    for key in ("total", "identity"):
        if rate := args.get(key):
            spec[key] = {"requestsPerSecond": int(rate)}  # type: ignore[call-overload]
    if overrides := args.get("overrides"):
        spec["overrides"] = [
            {
                "requestsPerSecond": int(each["rate"]),
                "clientRefs": [
                    {
                        "group": "",
                        "kind": "ServiceAccount",
                        "namespace": caller.get("namespace", args["namespace"]),
                        "name": caller["service_account"],
                    }
                    for caller in each["callers"]
                ],
            }
            for each in overrides
        ]
    return spec
