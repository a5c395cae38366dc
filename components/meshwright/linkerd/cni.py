"""linkerd2-cni: traffic is redirected by a plugin on the node, and pods need no privileges."""

from typing import Any, NotRequired, TypedDict

import pulumi

from meshwright.catalog import load_catalog
from meshwright.errors import Code, Problem
from meshwright.kubernetes.chart_values import merge
from meshwright.kubernetes.charts import ChartSourceArgs, PlannedRelease, release
from meshwright.kubernetes.children import below
from meshwright.kubernetes.errors import ComponentError
from meshwright.kubernetes.namespaces import namespace
from meshwright.kubernetes.providers import require_kubernetes_provider
from meshwright.linkerd import defaults
from meshwright.linkerd.checks import source_problems
from meshwright.linkerd.labels import ADMISSION_WEBHOOKS, CNI_NAMESPACE, POD_SECURITY
from meshwright.linkerd.plan import planned, release_of

# What the chart writes on its namespace under the CLI alone (templates/cni-plugin.yaml).
_LABELS = {"linkerd.io/cni-resource": "true", ADMISSION_WEBHOOKS: "disabled", POD_SECURITY: "privileged"}


class LinkerdCniArgs(TypedDict):
    """Arguments of `LinkerdCni`."""

    platform: str
    """What the cluster runs on; it decides where CNI files lie."""
    channel: NotRequired[str]
    """As `Linkerd`'s."""
    version: NotRequired[str]
    """As `Linkerd`'s."""
    compute: NotRequired[list[str]]
    """What pods run on, such as ``nodes`` or ``fargate``; where given, it is checked for node agents."""
    ipv6: NotRequired[bool]
    """The cluster has IPv6. Default: false."""
    adopt_namespace: NotRequired[bool]
    """The namespace ``linkerd-cni`` exists, and stays when the stack goes. Default: false."""
    hub: NotRequired[str]
    """An image registry that holds what ``cr.l5d.io/linkerd`` does. Default: the chart's."""
    pull_secrets: NotRequired[list[str]]
    """Secrets to pull with, in ``linkerd-cni``. Default: none."""
    charts: NotRequired[ChartSourceArgs]
    """Where the chart comes from. Default: the channel's repository."""
    values: NotRequired[dict[str, Any]]
    """Chart values of yours, merged last."""


class LinkerdCni(pulumi.ComponentResource):
    """linkerd2-cni with its repair controller, in the namespace ``linkerd-cni``. It has to be there before `Linkerd`.

    With Cilium, its values ``cni.exclusive`` and ``socketLB.hostNamespaceOnly`` have to be false and true.

    Raises:
        ComponentError: MW-E050 for an unknown platform, MW-E051 without a provider, MW-E057 where there are no nodes,
            MW-E053, MW-E054, MW-E181 and MW-E183 for charts, and the catalog's codes for versions.
    """

    def __init__(self, name: str, args: LinkerdCniArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"LinkerdCni {name}"
        require_kubernetes_provider(opts, label)
        plan = plan_cni(args, label)
        super().__init__("meshwright:index:LinkerdCni", name, {**args}, opts)
        children = below(self, opts)
        adopt = args.get("adopt_namespace", False)
        own = namespace(f"{name}-namespace", CNI_NAMESPACE, _LABELS, adopt=adopt, opts=children)
        after = pulumi.ResourceOptions.merge(children, pulumi.ResourceOptions(depends_on=[own]))
        release(f"{name}-plugin", plan, after)
        self.register_outputs({})


def plan_cni(args: LinkerdCniArgs, label: str) -> PlannedRelease:
    """The release that the arguments ask for.

    Raises:
        ComponentError: As `LinkerdCni`, one problem for everything that cannot work.
    """
    mesh = defaults.Settings(
        platform=args["platform"],
        highly_available=False,
        fail_closed=False,
        ipv6=args.get("ipv6", False),
        hub=args.get("hub", ""),
        pull_secrets=args.get("pull_secrets") or (),
    )
    linkerd = release_of(args.get("channel", "edge"), args.get("version"), label)
    values = merge(defaults.cni(mesh), args.get("values") or {})
    plan = planned(linkerd, "cni", CNI_NAMESPACE, values, args.get("charts"), label)
    if problems := [*source_problems(args.get("charts"), label), *_no_nodes(args, label), *plan.problems(label)]:
        raise ComponentError(problems)
    return plan


def _no_nodes(args: LinkerdCniArgs, label: str) -> list[Problem]:
    platforms = load_catalog().platforms
    if args["platform"] not in platforms:
        known = ", ".join(sorted(platforms))
        return [Problem(Code.BAD_ARGUMENT, f"the platform {args['platform']!r} is unknown", f"one of: {known}", label)]
    nodeless = [kind for kind in args.get("compute") or () if kind in platforms[args["platform"]].nodeless]
    return [
        Problem(
            Code.NO_NODE_AGENTS,
            f"linkerd2-cni runs on every node, and {kind} has none to run it on",
            "leave linkerd2-cni out, or run the meshed workloads on nodes",
            label,
        )
        for kind in nodeless
    ]
