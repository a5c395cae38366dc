"""What a terminating gateway leads to."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, NotRequired, TypedDict, cast

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from meshwright.consul.hybrid.external import GatewayLink
from meshwright.consul.labels import API_VERSION, NAMESPACE, TERMINATING_GATEWAY
from meshwright.errors import Code
from meshwright.kubernetes.children import below
from meshwright.kubernetes.problems import refuse_all
from meshwright.kubernetes.providers import require_kubernetes_provider
from meshwright.kubernetes.troubles import Trouble


class ConsulTerminatingGatewayArgs(TypedDict):
    """Arguments of `ConsulTerminatingGateway`."""

    gateway: NotRequired[str]
    """Its service's name in Consul: one of `Consul`'s ``terminating_gateways``. Default: ``terminating-gateway``."""
    services: list[GatewayLink]
    """All it leads to: what components have as ``link``. A gateway has one list."""
    namespace: NotRequired[str]
    """Where the object stands. Default: ``consul``."""


class ConsulTerminatingGateway(pulumi.ComponentResource):
    """The list of services that a terminating gateway leads to. Consul's injector gives the gateway the right to each.

    Give it the services in ``depends_on``: a name that Consul doesn't know leads nowhere until it does.

    Raises:
        ComponentError: MW-E051 without a provider, MW-E260 for a list that can't be.
    """

    def __init__(
        self, name: str, args: ConsulTerminatingGatewayArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        label = f"ConsulTerminatingGateway {name}"
        require_kubernetes_provider(opts, label)
        refuse_all(_troubles(args), label)
        super().__init__("meshwright:index:ConsulTerminatingGateway", name, cast("dict[str, Any]", args), opts)
        CustomResource(
            name,
            api_version=API_VERSION,
            kind="TerminatingGateway",
            metadata={
                "name": args.get("gateway", TERMINATING_GATEWAY),
                "namespace": args.get("namespace", NAMESPACE),
            },
            spec={"services": [_service(each) for each in args["services"]]},
            opts=below(self, opts),
        )
        self.register_outputs({})


def _troubles(args: ConsulTerminatingGatewayArgs) -> Iterator[Trouble]:
    if not args["services"]:
        yield Trouble(Code.CONSUL_OUTSIDE, "is empty", "name a service, or leave the gateway out", ("services",))
    for service, times in Counter(each["service"] for each in args["services"]).items():
        if times > 1:
            yield Trouble(Code.CONSUL_OUTSIDE, f"has {service} {times} times", "name it once", ("services",))
        if service == "*":
            message = "has *: every service of the mesh could be called through the gateway, past its own proxy"
            yield Trouble(Code.CONSUL_OUTSIDE, message, "name the services outside", ("services",))


def _service(link: GatewayLink) -> dict[str, str]:
    made = {"name": link["service"]}
    if "ca_file" in link:
        made["caFile"] = link["ca_file"]
    if "server_name" in link:
        made["sni"] = link["server_name"]
    return made
