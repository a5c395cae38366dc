"""linkerd-viz: the dashboard, tap, and the metrics that they show."""

from typing import Any, NotRequired, TypedDict

import pulumi

from meshwright.kubernetes.chart_values import merge
from meshwright.kubernetes.charts import ChartSourceArgs, PlannedRelease, release
from meshwright.kubernetes.children import below
from meshwright.kubernetes.errors import ComponentError
from meshwright.kubernetes.namespaces import namespace
from meshwright.kubernetes.providers import require_kubernetes_provider
from meshwright.linkerd import defaults
from meshwright.linkerd.checks import source_problems
from meshwright.linkerd.labels import EXTENSION, EXTERNAL_PROMETHEUS, POD_SECURITY, VIZ_NAMESPACE, VIZ_SERVED
from meshwright.linkerd.plan import planned, release_of
from meshwright.linkerd.webhooks import LinkerdWebhookCertificates


class LinkerdVizArgs(TypedDict):
    """Arguments of `LinkerdViz`."""

    platform: str
    """What the cluster runs on."""
    channel: NotRequired[str]
    """As `Linkerd`'s."""
    version: NotRequired[str]
    """As `Linkerd`'s."""
    linkerd_namespace: NotRequired[str]
    """Where the control plane is. Default: ``linkerd``."""
    trust_domain: NotRequired[str]
    """As `Linkerd`'s. Default: ``cluster.local``."""
    cluster_domain: NotRequired[str]
    """The cluster's DNS domain. Default: ``cluster.local``."""
    high_availability: NotRequired[bool]
    """Three replicas of tap on nodes of their own. Default: true."""
    prometheus_url: NotRequired[str]
    """A Prometheus that scrapes the proxies. Default: the bundled one, which remembers six hours, in memory of its own
    pod, and needs about 5 MB for each meshed pod."""
    prometheus_credentials: NotRequired[str]
    """A Secret in ``linkerd-viz`` with ``user`` and ``password`` for that Prometheus. Default: none."""
    cni: NotRequired[bool]
    """`LinkerdCni` redirects traffic. Default: false."""
    adopt_namespace: NotRequired[bool]
    """The namespace ``linkerd-viz`` exists, and stays when the stack goes. Default: false."""
    hub: NotRequired[str]
    """An image registry that holds what ``cr.l5d.io/linkerd`` does. Default: the chart's."""
    pull_secrets: NotRequired[list[str]]
    """Secrets to pull with, in ``linkerd-viz``. Default: none."""
    charts: NotRequired[ChartSourceArgs]
    """Where the chart comes from. Default: the channel's repository."""
    values: NotRequired[dict[str, Any]]
    """Chart values of yours, merged last."""


class LinkerdViz(pulumi.ComponentResource):
    """linkerd-viz in the namespace ``linkerd-viz``, with certificates from cert-manager. It comes after `Linkerd`.

    Raises:
        ComponentError: MW-E051 without a provider, MW-E053, MW-E054, MW-E181 and MW-E183 for charts, and the catalog's
            codes for versions.
    """

    def __init__(self, name: str, args: LinkerdVizArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"LinkerdViz {name}"
        require_kubernetes_provider(opts, label)
        plan = plan_viz(args, label)
        super().__init__("meshwright:index:LinkerdViz", name, {**args}, opts)
        children = below(self, opts)
        # What the chart writes on its namespace under the CLI alone.
        labels = {EXTENSION: "viz", POD_SECURITY: "restricted" if args.get("cni") else "privileged"}
        adopt = args.get("adopt_namespace", False)
        url = args.get("prometheus_url")
        notes = {EXTERNAL_PROMETHEUS: url} if url else {}
        own = namespace(f"{name}-namespace", VIZ_NAMESPACE, labels, adopt=adopt, opts=children, annotations=notes)
        after = pulumi.ResourceOptions.merge(children, pulumi.ResourceOptions(depends_on=[own]))
        certificates = LinkerdWebhookCertificates(
            f"{name}-tap", {"namespace": VIZ_NAMESPACE, "services": list(VIZ_SERVED)}, after
        )
        after = pulumi.ResourceOptions.merge(after, pulumi.ResourceOptions(depends_on=[certificates]))
        release(f"{name}-extension", plan, after)
        self.register_outputs({})


def plan_viz(args: LinkerdVizArgs, label: str) -> PlannedRelease:
    """The release that the arguments ask for.

    Raises:
        ComponentError: As `LinkerdViz`, one problem for everything that cannot work.
    """
    mesh = defaults.Settings(
        platform=args["platform"],
        highly_available=args.get("high_availability", True),
        fail_closed=False,
        namespace=args.get("linkerd_namespace", "linkerd"),
        trust_domain=args.get("trust_domain", "cluster.local"),
        cluster_domain=args.get("cluster_domain", "cluster.local"),
        hub=args.get("hub", ""),
        pull_secrets=args.get("pull_secrets") or (),
        prometheus_url=args.get("prometheus_url", ""),
    )
    linkerd = release_of(args.get("channel", "edge"), args.get("version"), label)
    values = merge(defaults.viz(mesh, args.get("prometheus_credentials", "")), args.get("values") or {})
    plan = planned(linkerd, "viz", VIZ_NAMESPACE, values, args.get("charts"), label)
    if problems := [*source_problems(args.get("charts"), label), *plan.problems(label)]:
        raise ComponentError(problems)
    return plan
