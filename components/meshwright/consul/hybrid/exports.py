"""What other clusters may see of this one, and clusters that stand in for each other."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NotRequired, TypedDict, cast

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from meshwright.consul.config_entries.entry import require_provider
from meshwright.consul.hybrid.lists import service_list
from meshwright.consul.hybrid.outside import name_troubles
from meshwright.consul.labels import API_VERSION, NAMESPACE
from meshwright.consul.traffic.args import FailoverArgs
from meshwright.errors import Code
from meshwright.kubernetes.children import below
from meshwright.kubernetes.problems import refuse_all
from meshwright.kubernetes.providers import require_kubernetes_provider
from meshwright.kubernetes.troubles import Trouble


class ExportArgs(TypedDict):
    """A service that others may know of. Whether they may call it, an intention with ``peer`` says."""

    service: str
    peers: NotRequired[list[str]]
    """Names of peerings. Default: none."""
    sameness_group: NotRequired[str]
    """All members of it. Consul Enterprise alone. Default: none."""


class ConsulExportsArgs(TypedDict):
    """Arguments of `ConsulExports`."""

    services: list[ExportArgs]
    """All of them: Consul keeps one list."""
    enterprise: NotRequired[bool]
    """The servers run Consul Enterprise. Default: false."""
    namespace: NotRequired[str]
    """Where the object stands: Consul's. Default: there is no Kubernetes, and it is written to Consul's API."""


class ConsulExports(pulumi.ComponentResource):
    """The services that peers see.

    Raises:
        ComponentError: MW-E051 without a provider, MW-E264 for a list that can't be, MW-E265 for a sameness group on
            the community edition.
    """

    def __init__(self, name: str, args: ConsulExportsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label, namespace = f"ConsulExports {name}", args.get("namespace")
        require_provider(opts, label, namespace)
        refuse_all(export_troubles(args), label)
        super().__init__("meshwright:index:ConsulExports", name, cast("dict[str, Any]", args), opts)
        services = [{"name": each["service"], "consumers": _consumers(each)} for each in args["services"]]
        # Of the one partition, after which Consul wants it named.
        service_list(name, "ExportedServices", "default", services, namespace=namespace, opts=below(self, opts))
        self.register_outputs({})


class ConsulSamenessGroupArgs(TypedDict):
    """Arguments of `ConsulSamenessGroup`."""

    group: str
    """Its name, the same in all of its clusters."""
    peers: list[str]
    """The other clusters, by their peerings' names here, in the order in which they stand in."""
    default_for_failover: NotRequired[bool]
    """For every service without a resolver of its own. Default: false."""
    enterprise: NotRequired[bool]
    """The servers run Consul Enterprise. Default: false."""
    namespace: NotRequired[str]
    """Where the object stands. Default: ``consul``."""


class ConsulSamenessGroup(pulumi.ComponentResource):
    """Clusters whose services of one name are the same. The community edition has `failover_to` instead.

    Raises:
        ComponentError: MW-E051 without a provider, MW-E264 for peers that can't be, MW-E265 on the community edition.
    """

    def __init__(self, name: str, args: ConsulSamenessGroupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"ConsulSamenessGroup {name}"
        require_kubernetes_provider(opts, label)
        refuse_all(_group_troubles(args), label)
        super().__init__("meshwright:index:ConsulSamenessGroup", name, cast("dict[str, Any]", args), opts)
        CustomResource(
            name,
            api_version=API_VERSION,
            kind="SamenessGroup",
            metadata={"name": args["group"], "namespace": args.get("namespace", NAMESPACE)},
            spec={
                "defaultForFailover": bool(args.get("default_for_failover", False)),
                "includeLocal": True,
                "members": [{"peer": each} for each in args["peers"]],
            },
            opts=below(self, opts),
        )
        self.register_outputs({})


def failover_to(peers: Sequence[str]) -> dict[str, FailoverArgs]:
    """`ConsulServiceTraffic`'s ``failover`` to the same service of peers, in this order. Every edition has it."""
    return {"*": {"targets": [{"peer": each} for each in peers]}}


def export_troubles(args: ConsulExportsArgs) -> Iterator[Trouble]:
    """Exports that Consul refuses, or that show more than is said."""
    for index, each in enumerate(args["services"]):
        at = ("services", index)
        if each["service"] == "*":
            message = "is *: every service would be seen by peers, those to come among them"
            yield Trouble(Code.CONSUL_PEERING, message, "name the services", (*at, "service"))
        if not each.get("peers") and "sameness_group" not in each:
            message = f"exports {each['service']} to nobody"
            yield Trouble(Code.CONSUL_PEERING, message, "name peers, or remove it", at)
        if "sameness_group" in each and not args.get("enterprise"):
            yield _enterprise((*at, "sameness_group"))
    for service, times in Counter(each["service"] for each in args["services"]).items():
        if times > 1:
            yield Trouble(Code.CONSUL_PEERING, f"has {service} {times} times", "name it once", ("services",))


def _group_troubles(args: ConsulSamenessGroupArgs) -> Iterator[Trouble]:
    yield from name_troubles("group", args["group"], Code.CONSUL_PEERING)
    if not args["peers"]:
        yield Trouble(Code.CONSUL_PEERING, "is empty: a cluster alone is the same as none", "name them", ("peers",))
    if not args.get("enterprise"):
        yield _enterprise(("group",))


def _enterprise(at: tuple[str | int, ...]) -> Trouble:
    message = "is a sameness group, which Consul Enterprise has, and this mesh runs the community edition"
    remedy = "export to peers, and let traffic fail over: failover_to([...]); or set enterprise: true"
    return Trouble(Code.CONSUL_SAMENESS, message, remedy, at)


def _consumers(export: ExportArgs) -> list[dict[str, str]]:
    made = [{"peer": each} for each in export.get("peers") or ()]
    return [*made, {"samenessGroup": export["sameness_group"]}] if "sameness_group" in export else made
