"""The way out of the mesh: one namespace, one waypoint, and the hosts that may be called through it."""

from collections.abc import Sequence
from typing import Any, NotRequired, TypedDict, cast

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import NamespacePatch
from pulumi_kubernetes.networking.v1 import NetworkPolicy

from meshwright.errors import Code
from meshwright.istio.labels import DATAPLANE_MODE, USE_WAYPOINT
from meshwright.istio.traffic.checks import not_at_a_waypoint
from meshwright.istio.traffic.destination_rule import destination_rule_spec
from meshwright.istio.traffic.egress_checks import (
    Caller,
    EgressHost,
    hosts_troubles,
    port_of,
    protocol_of,
)
from meshwright.istio.traffic.values import misspelt
from meshwright.istio.waypoint import Waypoint, WaypointArgs, WaypointSettings
from meshwright.istio.waypoint import check as check_waypoint
from meshwright.kubernetes.children import below
from meshwright.kubernetes.namespaces import namespace
from meshwright.kubernetes.problems import refuse_all
from meshwright.kubernetes.providers import require_kubernetes_provider
from meshwright.kubernetes.system import SYSTEM_NAMESPACES
from meshwright.kubernetes.troubles import Trouble


class EgressArgs(TypedDict):
    """Arguments of `Egress`."""

    hosts: list[EgressHost]
    """What may be called, and by whom."""
    namespace: NotRequired[str]
    """A namespace for this alone. Default: ``istio-egress``."""
    adopt: NotRequired[bool]
    """The namespace exists: it is labelled, and stays when the stack goes. Default: false."""
    revision: NotRequired[str]
    """Control-plane revision or tag of the waypoint. Default: none."""
    waypoint: NotRequired[WaypointSettings]
    """What the waypoint is like. Default: as any; its reason is egress."""
    confine: NotRequired[list[str]]
    """Namespaces whose pods may reach nothing outside of the cluster by themselves (NetworkPolicy). Default: none. A
    ServiceEntry alone keeps nobody from going around the waypoint."""
    confine_except: NotRequired[list[str]]
    """Address ranges that confined pods reach all the same, as the API server's. Default: none."""


class Egress(pulumi.ComponentResource):
    """Hosts outside of the mesh that are called through a waypoint, which says who may, and speaks TLS to them.

    The hosts are made known only after the waypoint is programmed and its policies are there: until then ztunnel would
    connect callers straight to them.

    Raises:
        ComponentError: MW-E130, MW-E131, MW-E135, MW-E138 and MW-E139 for what can't work, MW-E050 for values that are
            none, MW-E051 without a provider. Nothing has been registered then.
    """

    namespace: pulumi.Output[str]
    """Name of the namespace."""
    waypoint: pulumi.Output[str]
    """Name of the waypoint."""

    def __init__(self, name: str, args: EgressArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"Egress {name}"
        require_kubernetes_provider(opts, label)
        check(args, label)
        super().__init__("meshwright:index:Egress", name, {**args}, opts)
        children, home = below(self, opts), args.get("namespace", "istio-egress")
        made = namespace(
            f"{name}-namespace", home, {DATAPLANE_MODE: "ambient"}, adopt=bool(args.get("adopt", False)), opts=children
        )
        inside = _after(children, [made])
        l7_proxy = Waypoint(f"{name}-waypoint", _waypoint(args, home), inside)
        use_waypoint = NamespacePatch(
            f"{name}-use-waypoint",
            metadata={"name": home, "labels": {USE_WAYPOINT: l7_proxy.name}},
            opts=_after(inside, [l7_proxy]),
        )
        enrolled = _after(inside, [use_waypoint])
        entries = [_host(f"{name}-{_object_name(each['host'])}", home, each, enrolled) for each in args["hosts"]]
        # Closed last, and opened first: what is known by then is still reachable.
        known = _after(enrolled, entries)
        for confined in args.get("confine") or []:
            _confine(f"{name}-confine-{confined}", confined, args.get("confine_except") or [], known)
        self.namespace = pulumi.Output.from_input(home)
        self.waypoint = l7_proxy.name
        self.register_outputs({"namespace": self.namespace, "waypoint": self.waypoint})


def check(args: EgressArgs, label: str) -> None:
    """Refuse what can't work, all at once. Raises `ComponentError`."""
    refuse_all([*not_at_a_waypoint(args), *misspelt({**args, "waypoint": {}}, ("http", "tls", "tcp"))], label)
    troubles = list(hosts_troubles(args["hosts"]))
    home, settings = args.get("namespace", "istio-egress"), args.get("waypoint") or {}
    if home in SYSTEM_NAMESPACES or home in (args.get("confine") or []):
        message, remedy = f'is "{home}"', "give egress a namespace of its own, which is not confined"
        troubles.append(Trouble(Code.EGRESS_HOST, message, remedy, ("namespace",)))
    for index, confined in enumerate(args.get("confine") or []):
        if confined in SYSTEM_NAMESPACES:
            message = f'is "{confined}", whose pods need more than other pods'
            troubles.append(Trouble(Code.EGRESS_HOST, message, "confine applications", ("confine", index)))
    if (traffic := settings.get("waypoint_for", "service")) not in ("service", "all"):
        message = f"is {traffic}: the hosts are services, and a wildcard host without a waypoint does nothing at all"
        remedy = "leave it out, or write service"
        troubles.append(Trouble(Code.NO_WAYPOINT_FOR_TRAFFIC, message, remedy, ("waypoint", "waypoint_for")))
    refuse_all(troubles, label)
    check_waypoint(settings, label)


def _after(opts: pulumi.ResourceOptions, resources: Sequence[pulumi.Resource]) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=list(resources)))


def _waypoint(args: EgressArgs, home: str) -> WaypointArgs:
    settings: dict[str, Any] = {"reason": "egress", **(args.get("waypoint") or {}), "namespace": home}
    if revision := args.get("revision"):
        settings["revision"] = revision
    return cast("WaypointArgs", settings)


def _object_name(host: str) -> str:
    """One name for one host: a dash is doubled, so that a dot can be one."""
    name = host.lower().removeprefix("*.").replace("-", "--").replace(".", "-")
    return f"{name}--all" if host.startswith("*.") else name


def _host(resource_name: str, home: str, host: EgressHost, opts: pulumi.ResourceOptions) -> pulumi.Resource:
    """The host's entry, made after its policies: it is never open to all, and never spoken to in plain."""
    metadata = {"name": _object_name(host["host"]), "namespace": home}
    before: list[pulumi.Resource] = [
        CustomResource(
            f"{resource_name}-callers",
            api_version="security.istio.io/v1",
            kind="AuthorizationPolicy",
            metadata=metadata,
            spec=_callers(host, metadata["name"]),
            opts=opts,
        )
    ]
    settings = destination_rule_spec(
        host["host"],
        host.get("connection_pool"),
        host.get("outlier_detection"),
        originate_tls=bool(host.get("originate_tls", False)),
    )
    if settings["trafficPolicy"]:
        before.append(
            CustomResource(
                f"{resource_name}-connections",
                api_version="networking.istio.io/v1",
                kind="DestinationRule",
                metadata=metadata,
                spec=settings,
                opts=opts,
            )
        )
    entry: pulumi.Resource = CustomResource(
        resource_name,
        api_version="networking.istio.io/v1",
        kind="ServiceEntry",
        metadata=metadata,
        spec=_service_entry(host),
        opts=_after(opts, before),
    )
    return entry


def _service_entry(host: EgressHost) -> dict[str, Any]:
    protocol, number = protocol_of(host), port_of(host)
    port: dict[str, Any] = {"number": number, "name": protocol, "protocol": protocol.upper()}
    target = int(host.get("target_port") or (443 if host.get("originate_tls") else number))
    if target != number:
        port["targetPort"] = target
    resolution = "DYNAMIC_DNS" if host["host"].startswith("*.") else "DNS"
    return {"hosts": [host["host"]], "location": "MESH_EXTERNAL", "ports": [port], "resolution": resolution}


def _callers(host: EgressHost, entry: str) -> dict[str, Any]:
    wide = [each["namespace"] for each in host["callers"] if not each.get("service_accounts")]
    narrow = [account for each in host["callers"] for account in _accounts(each)]
    sources = [{"namespaces": wide}] * bool(wide) + [{"serviceAccounts": narrow}] * bool(narrow)
    rule: dict[str, Any] = {"from": [{"source": each} for each in sources]}
    operation = {key: host[key] for key in ("methods", "paths") if host.get(key)}
    if operation:
        rule["to"] = [{"operation": operation}]
    target = {"group": "networking.istio.io", "kind": "ServiceEntry", "name": entry}
    return {"targetRefs": [target], "action": "ALLOW", "rules": [rule]}


def _accounts(caller: Caller) -> list[str]:
    return [f"{caller['namespace']}/{account}" for account in caller.get("service_accounts") or []]


def _confine(resource_name: str, confined: str, cidrs: list[str], opts: pulumi.ResourceOptions) -> None:
    """Pods reach pods, and so DNS, ztunnel and waypoints; nothing else. What comes in is not touched."""
    reachable: list[dict[str, Any]] = [{"namespace_selector": {}}, *({"ip_block": {"cidr": each}} for each in cidrs)]
    NetworkPolicy(
        resource_name,
        metadata={"name": "egress-through-waypoint", "namespace": confined},
        spec={"pod_selector": {}, "policy_types": ["Egress"], "egress": [{"to": reachable}]},
        opts=opts,
    )
