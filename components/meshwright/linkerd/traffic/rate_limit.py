"""How many requests a second a server takes."""

from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from meshwright.kubernetes.children import below
from meshwright.kubernetes.problems import refuse_all
from meshwright.kubernetes.providers import require_kubernetes_provider
from meshwright.linkerd.traffic.rates import LinkerdRateLimitArgs, rate_troubles
from meshwright.linkerd.traffic.values import misspelt


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
