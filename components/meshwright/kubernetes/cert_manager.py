"""cert-manager and trust-manager: what issues certificates in a cluster, and what hands out whom to trust."""

from typing import Any, NotRequired, TypedDict

import pulumi

from meshwright.catalog import load_catalog
from meshwright.kubernetes.chart_values import merge
from meshwright.kubernetes.charts import ChartSourceArgs, PlannedRelease, chart, release
from meshwright.kubernetes.children import below
from meshwright.kubernetes.errors import ComponentError
from meshwright.kubernetes.namespaces import namespace
from meshwright.kubernetes.providers import require_kubernetes_provider

NAMESPACE = "cert-manager"
WEBHOOK_PORT = 10250
"""A private cluster of GKE lets its control plane reach this port of the nodes' pods, and not trust-manager's 6443;
cert-manager's own webhook listens here by default, for that reason."""
_BUDGET = {"podDisruptionBudget": {"enabled": True}}
_CRDS = {"enabled": True, "keep": True}


class CertManagerValues(TypedDict):
    """Chart values of yours, merged last."""

    cert_manager: NotRequired[dict[str, Any]]
    """For the chart cert-manager."""
    trust_manager: NotRequired[dict[str, Any]]
    """For the chart trust-manager."""


class CertManagerArgs(TypedDict):
    """Arguments of `CertManager`."""

    namespace: NotRequired[str]
    """Where both run; the keys of cluster-wide authorities are there too. Default: ``cert-manager``."""
    adopt_namespace: NotRequired[bool]
    """The namespace exists. Default: false."""
    labels: NotRequired[dict[str, str]]
    """Labels of the namespace. A mesh that can't start without cert-manager keeps its webhooks away by one."""
    high_availability: NotRequired[bool]
    """Two replicas of each controller and three of cert-manager's webhook, with budgets, as cert-manager.io's best
    practice has it. Default: true."""
    charts: NotRequired[ChartSourceArgs]
    """Where the charts come from. Default: Jetstack's OCI registry."""
    values: NotRequired[CertManagerValues]
    """Chart values of yours, merged last."""


class CertManager(pulumi.ComponentResource):
    """cert-manager, and trust-manager after it.

    The namespace stays after ``destroy``, with the Secrets in it: the keys of a mesh's anchors are among them. So do
    the CRDs, for with them every Certificate in the cluster would go. A stack that comes back says ``adopt_namespace``.

    Raises:
        ComponentError: MW-E051 without a provider, MW-E052, MW-E053 and MW-E054 for the charts.
    """

    def __init__(self, name: str, args: CertManagerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"CertManager {name}"
        require_kubernetes_provider(opts, label)
        issuing, trusting = plan_cert_manager(args, label)
        super().__init__("meshwright:index:CertManager", name, {**args}, opts)
        children = below(self, opts)
        own = namespace(
            f"{name}-namespace",
            issuing.namespace,
            args.get("labels", {}),
            adopt=args.get("adopt_namespace", False),
            opts=pulumi.ResourceOptions.merge(children, pulumi.ResourceOptions(retain_on_delete=True)),
        )
        issues = release(f"{name}-release", issuing, _after(children, own))
        # Its webhook has a certificate of cert-manager's.
        release(f"{name}-trust-manager", trusting, _after(children, issues))
        self.register_outputs({})


def plan_cert_manager(args: CertManagerArgs, label: str) -> tuple[PlannedRelease, PlannedRelease]:
    """Both releases, checked. Raises as `CertManager`."""
    own, values = args.get("namespace", NAMESPACE), args.get("values", {})
    many = args.get("high_availability", True)
    issuing = merge(_issuing(own, many=many), values.get("cert_manager", {}))
    trusting = merge(_trusting(own, many=many), values.get("trust_manager", {}))
    planned = _planned("cert-manager", own, issuing, args, label), _planned("trust-manager", own, trusting, args, label)
    if problems := [problem for each in planned for problem in each.problems(label)]:
        raise ComponentError(problems)
    return planned


def _planned(name: str, own: str, values: dict[str, Any], args: CertManagerArgs, label: str) -> PlannedRelease:
    fact = load_catalog().newest(name)
    from_where = chart(
        name,
        fact.charts[name],
        args.get("charts") or {"source": "oci"},
        oci=fact.oci_repository or "",
        repository=fact.helm_repository or "",
        label=label,
    )
    return PlannedRelease(name, from_where, own, values)


def _issuing(own: str, *, many: bool) -> dict[str, Any]:
    values: dict[str, Any] = {
        "crds": _CRDS,
        # Managed clusters (GKE Autopilot) let nobody write to kube-system, the chart's default.
        "global": {"leaderElection": {"namespace": own}},
        # With it, a Certificate takes its Secret along: an anchor that is deleted by mistake would be lost.
        "enableCertificateOwnerRef": False,
    }
    if not many:
        return values
    replicas = {"replicaCount": 2, **_BUDGET, "webhook": {"replicaCount": 3, **_BUDGET}}
    return {**values, **replicas, "cainjector": {"replicaCount": 2, **_BUDGET}}


def _trusting(own: str, *, many: bool) -> dict[str, Any]:
    app = {"trust": {"namespace": own}, "webhook": {"port": WEBHOOK_PORT}}
    return {"crds": _CRDS, "app": app, **({"replicaCount": 2, **_BUDGET} if many else {})}


def _after(opts: pulumi.ResourceOptions, resource: pulumi.Resource) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[resource]))
