"""A service of somebody else's, that the mesh calls."""

from typing import Any, NotRequired, TypedDict, cast

import pulumi

from meshwright.consul.config_entries.entry import entry, require_provider
from meshwright.consul.hybrid.outside import OutsideServiceArgs, external_troubles
from meshwright.consul.hybrid.registration import register
from meshwright.consul.intentions.jwt import IMAGE_CERTIFICATES
from meshwright.kubernetes.children import below
from meshwright.kubernetes.problems import refuse_all


class OriginateTlsArgs(TypedDict, total=False):
    """The gateway speaks TLS with it; the mesh's services speak plain text with the gateway, over mutual TLS."""

    ca_file: str
    """What its certificate is verified with: a file in the gateway's container. Default: public authorities."""
    server_name: str
    """The name in its certificate. Default: its host."""


class GatewayLink(TypedDict):
    """What a terminating gateway has to know of a service. Components have it as ``link``."""

    service: str
    ca_file: NotRequired[str]
    server_name: NotRequired[str]


class ConsulExternalServiceArgs(OutsideServiceArgs):
    """Arguments of `ConsulExternalService`."""

    host: str
    """Where it is: a host name or an address."""
    tls: NotRequired[OriginateTlsArgs]
    """Default: the gateway hands on what it gets."""
    by_host_name: NotRequired[bool]
    """Pods with transparent proxies call it by its host, as they did before: ``https://billing.corp``. It is then in no
    catalog, and nothing checks it. With ``tcp``, a host name is known by what callers say in TLS, so that they have to
    speak it; an address is known by itself. Default: false, it is called by its name in Consul."""
    namespace: NotRequired[str]
    """Where the objects stand. Default: there is no Kubernetes, and they are written to Consul's API."""


class ConsulExternalService(pulumi.ComponentResource):
    """A service that runs elsewhere, in the catalog and with its protocol. A `ConsulTerminatingGateway` leads to it.

    Raises:
        ComponentError: MW-E051 without a provider, MW-E251 for a protocol, MW-E260 for what can't be registered.
    """

    link: GatewayLink
    """For `ConsulTerminatingGateway`."""

    def __init__(self, name: str, args: ConsulExternalServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label, namespace = f"ConsulExternalService {name}", args.get("namespace")
        require_provider(opts, label, namespace)
        refuse_all(external_troubles(args), label)
        super().__init__("meshwright:index:ConsulExternalService", name, cast("dict[str, Any]", args), opts)
        children, service = below(self, opts), args["service"]
        spec: dict[str, Any] = {"protocol": args.get("protocol", "tcp")}
        if args.get("by_host_name"):
            spec["destination"] = {"addresses": [args["host"]], "port": args["port"]}
        defaults = entry(f"{name}-defaults", "ServiceDefaults", service, spec, namespace=namespace, opts=children)
        if not args.get("by_host_name"):
            after = pulumi.ResourceOptions.merge(children, pulumi.ResourceOptions(depends_on=[defaults]))
            register(name, args, args["host"], in_kubernetes=namespace is not None, opts=after)
        self.link = _link(args)
        self.register_outputs({"link": self.link})


def _link(args: ConsulExternalServiceArgs) -> GatewayLink:
    link: GatewayLink = {"service": args["service"]}
    if "tls" in args:
        link["ca_file"] = args["tls"].get("ca_file", IMAGE_CERTIFICATES)
        link["server_name"] = args["tls"].get("server_name", args["host"])
    return link
