"""What a terminating gateway leads to."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, NotRequired, TypedDict, cast

import pulumi

from meshwright.consul.config_entries.entry import require_provider
from meshwright.consul.hybrid.external import GatewayLink
from meshwright.consul.hybrid.lists import service_list
from meshwright.consul.labels import TERMINATING_GATEWAY
from meshwright.errors import Code
from meshwright.kubernetes.children import below
from meshwright.kubernetes.problems import refuse_all
from meshwright.kubernetes.troubles import Trouble


class ConsulTerminatingGatewayArgs(TypedDict):
    """Arguments of `ConsulTerminatingGateway`."""

    gateway: NotRequired[str]
    """Its service's name in Consul: one of `Consul`'s ``terminating_gateways``. Default: ``terminating-gateway``."""
    services: list[GatewayLink]
    """All it leads to: what components have as ``link``. A gateway has one list."""
    namespace: NotRequired[str]
    """Where the object stands: Consul's. Default: there is no Kubernetes, and it is written to Consul's API."""


class ConsulTerminatingGateway(pulumi.ComponentResource):
    """The list of services that a terminating gateway leads to.

    Consul's injector gives the gateway the right to each. Off Kubernetes, whoever runs the gateway does:
    ``service "NAME" { policy = "write" }``.

    Give it the services in ``depends_on``: a name that Consul doesn't know leads nowhere until it does.

    Raises:
        ComponentError: MW-E051 without a provider, MW-E260 for a list that can't be.
    """

    def __init__(
        self, name: str, args: ConsulTerminatingGatewayArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        label, namespace = f"ConsulTerminatingGateway {name}", args.get("namespace")
        require_provider(opts, label, namespace)
        refuse_all(_troubles(args), label)
        super().__init__("meshwright:index:ConsulTerminatingGateway", name, cast("dict[str, Any]", args), opts)
        gateway, services = args.get("gateway", TERMINATING_GATEWAY), [_service(each) for each in args["services"]]
        service_list(name, "TerminatingGateway", gateway, services, namespace=namespace, opts=below(self, opts))
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
