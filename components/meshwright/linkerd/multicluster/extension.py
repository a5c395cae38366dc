"""The multi-cluster extension by its chart: a gateway for the other clusters, and a controller for each Link."""

from collections.abc import Iterator
from typing import Any, NotRequired, TypedDict

import pulumi
from pulumi_kubernetes.core.v1 import Service
from pulumi_kubernetes.helm.v3 import Release

from meshwright.errors import Code
from meshwright.kubernetes.chart_values import merge
from meshwright.kubernetes.charts import ChartSourceArgs, PlannedRelease, release
from meshwright.kubernetes.children import below
from meshwright.kubernetes.errors import ComponentError, refuse
from meshwright.kubernetes.namespaces import namespace
from meshwright.kubernetes.providers import require_kubernetes_provider
from meshwright.linkerd.labels import EXTENSION, GATEWAY, MULTICLUSTER_NAMESPACE, NAMESPACE, POD_SECURITY
from meshwright.linkerd.multicluster.exposure import exposure_mistakes
from meshwright.linkerd.plan import planned, release_of

_REPLICAS = 3
_LEAST = 2


class GatewaySettings(TypedDict):
    """What the gateway is like."""

    source_ranges: NotRequired[list[str]]
    """Networks that may connect, such as ``10.20.0.0/16``. Needed unless it is ``public``."""
    public: NotRequired[str]
    """Why every network may connect. Default: it may not."""
    replicas: NotRequired[int]
    """Each on a node of its own; 2 or more. Default: 3."""
    annotations: NotRequired[dict[str, str]]
    """Annotations of its Service, by which your platform gives it a private address. Default: none."""
    addresses: NotRequired[list[str]]
    """Where the other clusters reach it. Default: what its load balancer gets."""


class LinkerdMulticlusterArgs(TypedDict):
    """Arguments of `LinkerdMulticluster`."""

    links: list[str]
    """Clusters whose services are used here, by name: each gets a controller, and needs a `LinkerdLink`."""
    readers: list[str]
    """Clusters that use services of here, by name: each gets a service account, for its `LinkerdReader`."""
    gateway: NotRequired[GatewaySettings]
    """Needed where services of here are used in the mode ``hierarchical``. Default: none."""
    trust_domain: NotRequired[str]
    """As `Linkerd` has it. Default: ``cluster.local``."""
    nodes: NotRequired[int]
    """Schedulable nodes, against which replicas are held. Default: nobody asks."""
    cni: NotRequired[bool]
    """linkerd2-cni redirects traffic, so that pods need no privileges. Default: false."""
    adopt_namespace: NotRequired[bool]
    """The namespace exists, and stays when the stack goes. Default: false."""
    linkerd_namespace: NotRequired[str]
    """Where the control plane runs. Default: ``linkerd``."""
    hub: NotRequired[str]
    """An image registry that holds what ``cr.l5d.io/linkerd`` does. Default: the chart's. The gateway's pause container
    is of another registry: ``gateway.pauseImage`` in `values`."""
    pull_secrets: NotRequired[list[str]]
    """Secrets to pull with, in the namespace ``linkerd-multicluster``. Default: none."""
    channel: NotRequired[str]
    """``edge`` or ``enterprise``. Default: ``edge``."""
    version: NotRequired[str]
    """As `Linkerd` has it. Default: the channel's newest in the catalog."""
    charts: NotRequired[ChartSourceArgs]
    """Where the chart comes from. Default: the channel's repository."""
    values: NotRequired[dict[str, Any]]
    """Chart values of yours, merged last."""


class LinkerdMulticluster(pulumi.ComponentResource):
    """Namespace and release ``linkerd-multicluster``. Give the cluster's `Linkerd` in ``depends_on``.

    Raises:
        ComponentError: MW-E215 for a gateway that is open to all, MW-E180 for replicas that the nodes can't spread,
            MW-E050 for other arguments that cannot work, MW-E051 without a provider, MW-E181 and MW-E183 for a channel
            without this chart.
    """

    gateway_addresses: pulumi.Output[str]
    """Where the gateway is reached, with commas between; empty without one."""
    gateway_identity: pulumi.Output[str]
    """The name in the gateway's certificate; empty without one."""

    def __init__(self, name: str, args: LinkerdMulticlusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"LinkerdMulticluster {name}"
        require_kubernetes_provider(opts, label)
        plan = plan_multicluster(args, label)
        super().__init__("meshwright:index:LinkerdMulticluster", name, {**args}, opts)
        children = below(self, opts)
        level = "restricted" if args.get("cni", False) else "privileged"
        home = namespace(
            f"{name}-namespace",
            MULTICLUSTER_NAMESPACE,
            {EXTENSION: "multicluster", POD_SECURITY: level},
            adopt=args.get("adopt_namespace", False),
            opts=children,
        )
        inside = pulumi.ResourceOptions.merge(children, pulumi.ResourceOptions(depends_on=[home]))
        installed = release(f"{name}-release", plan, inside)
        self.gateway_addresses, self.gateway_identity = _reached(name, args, installed, children)
        outputs = {"gateway_addresses": self.gateway_addresses, "gateway_identity": self.gateway_identity}
        self.register_outputs(outputs)


def account_of(reader: str) -> str:
    """The service account by which a cluster reads another one; taking it away cuts off that cluster alone."""
    return f"linkerd-service-mirror-remote-access-{reader}"


def gateway_identity(trust_domain: str | None = None, linkerd_namespace: str | None = None) -> str:
    """The name in the certificate of a cluster's gateway. Without a trust domain, of that of the chart."""
    home, domain = linkerd_namespace or NAMESPACE, trust_domain or "cluster.local"
    return f"{GATEWAY}.{MULTICLUSTER_NAMESPACE}.serviceaccount.identity.{home}.{domain}"


def _check(args: LinkerdMulticlusterArgs, label: str) -> None:
    for what in ("links", "readers"):
        names = args[what]
        if twice := sorted({each for each in names if names.count(each) > 1}):
            raise refuse(Code.BAD_ARGUMENT, label, f"{what} has {twice[0]} twice", "name each cluster once")
    gateway = args.get("gateway")
    if gateway is None:
        return
    for message, remedy in exposure_mistakes(gateway.get("source_ranges") or (), gateway.get("public")):
        raise refuse(Code.GATEWAY_OPEN, label, message, remedy)
    replicas = gateway.get("replicas", _REPLICAS)
    if replicas < _LEAST:
        message = f"the gateway has {replicas} replica: every restart of it cuts the clusters apart"
        raise refuse(Code.BAD_ARGUMENT, label, message, f"give it {_LEAST} or more")
    if (nodes := args.get("nodes", replicas)) < replicas:
        message = f"the gateway's {replicas} replicas need a node each, and there are {nodes}"
        raise refuse(Code.LINKERD_NODES, label, message, "lower gateway.replicas, or add nodes")


def plan_multicluster(args: LinkerdMulticlusterArgs, label: str) -> PlannedRelease:
    """The release that the arguments ask for.

    Raises:
        ComponentError: As `LinkerdMulticluster`.
    """
    _check(args, label)
    linkerd = release_of(args.get("channel", "edge"), args.get("version"), label)
    values = merge(_values(args), args.get("values") or {})
    plan = planned(linkerd, "multicluster", MULTICLUSTER_NAMESPACE, values, args.get("charts"), label)
    if problems := list(plan.problems(label)):
        raise ComponentError(problems)
    return plan


def _values(args: LinkerdMulticlusterArgs) -> dict[str, Any]:
    gateway = args.get("gateway")
    image = {"image": {"name": f"{args['hub']}/controller"}} if "hub" in args else {}
    pulled = {"imagePullSecrets": [{"name": each} for each in args["pull_secrets"]]} if "pull_secrets" in args else {}
    return {
        **pulled,
        "linkerdNamespace": args.get("linkerd_namespace", NAMESPACE),
        "identityTrustDomain": args.get("trust_domain", "cluster.local"),
        # The namespace has its labels already; the job would write them after the installation.
        "createNamespaceMetadataJob": False,
        "enablePodAntiAffinity": True,
        "remoteMirrorServiceAccount": bool(args["readers"]),
        "remoteMirrorServiceAccountName": [account_of(each) for each in args["readers"]],
        "controllers": [{"link": {"ref": {"name": each}}} for each in args["links"]],
        # One of them leads; the other one takes over.
        "controllerDefaults": {"replicas": _LEAST, "enablePodAntiAffinity": True, **image},
        "localServiceMirror": {"replicas": _LEAST, **image},
        "gateway": {"enabled": False} if gateway is None else dict(_gateway(gateway)),
    }


def _gateway(wanted: GatewaySettings) -> Iterator[tuple[str, Any]]:
    yield "enabled", True
    yield "replicas", wanted.get("replicas", _REPLICAS)
    if ranges := wanted.get("source_ranges"):
        yield "loadBalancerSourceRanges", list(ranges)
    if annotations := wanted.get("annotations"):
        yield "serviceAnnotations", dict(annotations)


def _reached(
    name: str, args: LinkerdMulticlusterArgs, installed: Release, opts: pulumi.ResourceOptions
) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
    gateway = args.get("gateway")
    if gateway is None:
        return pulumi.Output.from_input(""), pulumi.Output.from_input("")
    identity = gateway_identity(args.get("trust_domain"), args.get("linkerd_namespace"))
    if given := gateway.get("addresses"):
        return pulumi.Output.from_input(",".join(given)), pulumi.Output.from_input(identity)
    # By the release's own output: what isn't installed yet is not read.
    service = Service.get(f"{name}-gateway", pulumi.Output.concat(installed.status.namespace, "/", GATEWAY), opts)
    return service.status.load_balancer.ingress.apply(_addresses), pulumi.Output.from_input(identity)


def _addresses(ingress: list[Any] | None) -> str:
    """What ``linkerd multicluster link-gen`` reads: each address, or the name where there is none."""
    found = [each.ip or each.hostname for each in ingress or ()]
    return ",".join(each for each in found if each)
