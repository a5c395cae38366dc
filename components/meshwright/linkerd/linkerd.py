"""Linkerd's CRDs and control plane."""

from typing import Any, NotRequired, TypedDict

import pulumi

from meshwright.kubernetes.charts import ChartSourceArgs, release
from meshwright.kubernetes.children import below
from meshwright.kubernetes.providers import require_kubernetes_provider
from meshwright.linkerd.plan import plan_linkerd
from meshwright.linkerd.webhooks import LinkerdWebhookCertificates


class IdentityArgs(TypedDict, total=False):
    """Where linkerd-identity has its certificates from."""

    external_ca: bool
    """The bundle's ConfigMap is made beside the chart. Default: true."""
    scheme: str
    """How the issuer's Secret is laid out. Default: ``kubernetes.io/tls``."""
    anchors: pulumi.Input[str]
    """The bundle, in PEM; only without ``external_ca``."""
    marker: pulumi.Input[str]
    """Changes exactly when the control plane's pods have to restart to read a changed bundle."""


class LinkerdValues(TypedDict, total=False):
    """Chart values of yours, merged last."""

    crds: dict[str, Any]
    """For the chart ``linkerd-crds``."""
    control_plane: dict[str, Any]
    """For the chart ``linkerd-control-plane``."""


class LinkerdArgs(TypedDict):
    """Arguments of `Linkerd`."""

    platform: str
    """What the cluster runs on: eks, gke, aks, openshift, k3s, k3d, kind, minikube, microk8s or generic."""
    channel: NotRequired[str]
    """``edge`` (open source) or ``enterprise`` (Buoyant's). Default: ``edge``."""
    version: NotRequired[str]
    """A version (``2.20``) or a release (``edge-26.8.3``). Default: the channel's newest in the catalog."""
    licence: NotRequired[pulumi.Input[str]]
    """The licence key of the channel ``enterprise``; it is made secret."""
    namespace: NotRequired[str]
    """The control plane's namespace, which must exist: see `LinkerdSystemNamespace`. Default: ``linkerd``."""
    kubernetes_version: NotRequired[str]
    """The cluster's version, such as ``1.34``; where given, it is checked against what Linkerd supports."""
    nodes: NotRequired[int]
    """Nodes that the control plane can run on. Where given, three replicas have to find a node each, and webhooks fail
    closed. Default: unknown, and webhooks fail open."""
    high_availability: NotRequired[bool]
    """Three replicas of each controller on nodes of their own, with budgets. Default: true."""
    identity: NotRequired[IdentityArgs]
    """Where certificates come from. Default: a Secret and a ConfigMap that are made beside the chart."""
    managed_webhooks: NotRequired[bool]
    """cert-manager makes the webhooks' certificates. With false the chart does, others with each rendering, for a year.
    Default: true."""
    trust_domain: NotRequired[str]
    """Default: ``cluster.local``."""
    cluster_domain: NotRequired[str]
    """The cluster's DNS domain. Default: ``cluster.local``."""
    cluster_networks: NotRequired[list[str]]
    """The networks of nodes, pods and Services. Default: the chart's, all private ones."""
    probe_networks: NotRequired[list[str]]
    """From where kubelets probe: the nodes' networks. Default: the chart's, anywhere."""
    inbound_policy: NotRequired[str]
    """What workloads without a policy of their own let in. Default: ``audit``, everything, and it is logged."""
    opaque_ports: NotRequired[list[int]]
    """Ports whose protocol isn't guessed, beside the chart's own. Default: none."""
    native_sidecars: NotRequired[bool]
    """Proxies are init containers that go on, so that Jobs end. Default: true."""
    ipv6: NotRequired[bool]
    """The cluster has IPv6. Default: false."""
    cni: NotRequired[bool]
    """`LinkerdCni` redirects traffic, and no init container. Default: false."""
    validator_address: NotRequired[str]
    """An ``address:port`` that the network validator connects to; it must be routed in the cluster, and nothing may
    answer. Default: ``1.1.1.1:20001``, which an air gap doesn't route. Only used with ``cni``."""
    hub: NotRequired[str]
    """An image registry that holds what ``cr.l5d.io/linkerd`` does. Default: the charts'."""
    pull_secrets: NotRequired[list[str]]
    """Secrets to pull with, in Linkerd's namespace. Default: none."""
    heartbeat: NotRequired[str]
    """When Linkerd tells its makers that it is there, as cron has it, or ``off``. Default: ``20 4 * * *``."""
    prometheus_url: NotRequired[str]
    """The Prometheus that scrapes the proxies, for the heartbeat. Default: none."""
    charts: NotRequired[ChartSourceArgs]
    """Where the charts come from. Default: the channel's repository."""
    values: NotRequired[LinkerdValues]
    """Chart values of yours, merged last."""


class Linkerd(pulumi.ComponentResource):
    """Linkerd: its webhooks' certificates, its CRDs, its control plane.

    The namespace, the issuer's Secret and the bundle have to be there: give `LinkerdSystemNamespace` and
    `IdentityIssuer` in ``depends_on``, and cert-manager where it makes the webhooks' certificates.

    Raises:
        ComponentError: MW-E050 for arguments that cannot work, MW-E051 without a provider, MW-E053 and MW-E054 for
            charts, MW-E180 for too few nodes, MW-E181 for the frozen stable channel, MW-E182 for the licence, MW-E183
            for a chart that the channel doesn't have, and the catalog's codes for versions.
    """

    version: pulumi.Output[str]
    """The release that is installed, such as ``edge-26.8.3``."""

    def __init__(self, name: str, args: LinkerdArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"Linkerd {name}"
        require_kubernetes_provider(opts, label)
        if "licence" in args:
            args = {**args, "licence": pulumi.Output.secret(args["licence"])}
        plan = plan_linkerd(args, label)
        super().__init__("meshwright:index:Linkerd", name, {**args}, opts)
        children = below(self, opts)
        previous: list[pulumi.Resource] = []
        if args.get("managed_webhooks", True):
            namespace = args.get("namespace", "linkerd")
            previous.append(LinkerdWebhookCertificates(f"{name}-webhooks", {"namespace": namespace}, children))
        for short, planned in plan.releases.items():
            after = pulumi.ResourceOptions.merge(children, pulumi.ResourceOptions(depends_on=previous))
            previous = [release(f"{name}-{short}", planned, after)]
        self.version = pulumi.Output.from_input(plan.version)
        self.register_outputs({"version": self.version})
