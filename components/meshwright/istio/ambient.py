"""Istio's control plane and node agents in ambient mode."""

from typing import Any, NotRequired, TypedDict

import pulumi

from meshwright.istio.plan import plan_istio
from meshwright.kubernetes.charts import ChartSourceArgs, release
from meshwright.kubernetes.children import below
from meshwright.kubernetes.namespaces import namespace
from meshwright.kubernetes.providers import require_kubernetes_provider

# istio-cni and ztunnel work on the node itself: host paths, host network, SYS_ADMIN, NET_ADMIN
# (istio.io, additional setup of istio-cni). A cluster with a stricter default rejects them without this label.
_NEEDS_THE_NODE = {"pod-security.kubernetes.io/enforce": "privileged"}


class IstioValues(TypedDict):
    """Chart values of yours, merged last."""

    base: NotRequired[dict[str, Any]]
    """For the chart ``base``."""
    istiod: NotRequired[dict[str, Any]]
    """For the chart ``istiod``."""
    cni: NotRequired[dict[str, Any]]
    """For the chart ``cni``."""
    ztunnel: NotRequired[dict[str, Any]]
    """For the chart ``ztunnel``."""


class IstioAmbientArgs(TypedDict):
    """Arguments of `IstioAmbient`."""

    version: str
    """A minor (``1.31``: its newest safe patch in the catalog) or a full version."""
    platform: str
    """What the cluster runs on: eks, gke, aks, openshift, k3s, k3d, kind, minikube, microk8s or generic."""
    kubernetes_version: NotRequired[str]
    """The cluster's version, such as ``1.33``; where given, it is checked against what Istio supports."""
    compute: NotRequired[list[str]]
    """What pods run on, such as ``nodes`` or ``fargate``; where given, it is checked for node agents."""
    namespace: NotRequired[str]
    """Istio's root namespace. Default: ``istio-system``."""
    adopt_namespace: NotRequired[bool]
    """The root namespace exists and stays when the stack goes. Default: false."""
    adopt_releases: NotRequired[list[str]]
    """Releases that exist and are imported, by short name: ``base``, ``istiod``, ``cni``, ``ztunnel``. The same update
    brings them to this component's values: put what ``helm get values`` shows into ``values`` first. Default: none."""
    revision: NotRequired[str]
    """Control-plane revision, such as ``1-31-1``. Default: none (the ``default`` revision)."""
    hub: NotRequired[pulumi.Input[str]]
    """Image registry for all four charts. Default: ``docker.io/istio``; the charts of 1.30 name a host that is being
    switched off (1.31 upgrade notes)."""
    trust_domain: NotRequired[pulumi.Input[str]]
    """SPIFFE trust domain. Default: Istio's, ``cluster.local``."""
    istiod_replicas: NotRequired[int]
    """Least number of istiod replicas. Default: 2; the chart's default of 1 has no disruption budget either."""
    extension_providers: NotRequired[list[dict[str, Any]]]
    """What Telemetry and AuthorizationPolicy objects may name, as Istio's ``meshConfig.extensionProviders`` has it.
    Default: none but Istio's own, such as ``envoy`` and ``prometheus``."""
    json_logs: NotRequired[bool]
    """istiod, both node agents and the waypoints' access logs write JSON. Default: false, Istio's text."""
    ztunnel_access_logs: NotRequired[str]
    """Connections that ztunnel logs: ``all``, ``errors`` or ``off``. It reads no Telemetry. Default: ``all``."""
    charts: NotRequired[ChartSourceArgs]
    """Where the charts come from. Default: Istio's OCI registry from 1.31 on, its HTTP repository before."""
    values: NotRequired[IstioValues]
    """Chart values of yours, merged last."""


class IstioAmbient(pulumi.ComponentResource):
    """Istio in ambient mode, in the order in which it works: base, istiod, istio-cni, ztunnel.

    The Gateway API CRDs are somebody's to own for the whole cluster: give `GatewayApiCrds` in ``depends_on``.

    Raises:
        ComponentError: MW-E050 for arguments that cannot work, MW-E051 without a provider, MW-E053 and MW-E054 for
            charts, and the catalog's codes for versions and platforms.
    """

    namespace: pulumi.Output[str]
    """Istio's root namespace."""
    version: pulumi.Output[str]
    """The full version that is installed."""
    revision: pulumi.Output[str]
    """The control-plane revision; ``default`` where none was given."""

    def __init__(self, name: str, args: IstioAmbientArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"IstioAmbient {name}"
        require_kubernetes_provider(opts, label)
        plan = plan_istio(args, label)
        super().__init__("meshwright:index:IstioAmbient", name, {**args}, opts)
        children = below(self, opts)
        previous: pulumi.Resource = namespace(
            f"{name}-namespace",
            plan.namespace,
            # On OpenShift the agents run in kube-system.
            _NEEDS_THE_NODE if plan.agents_namespace == plan.namespace else {},
            adopt=bool(args.get("adopt_namespace", False)),
            opts=children,
        )
        for short, planned in plan.releases.items():
            after = pulumi.ResourceOptions.merge(children, pulumi.ResourceOptions(depends_on=[previous]))
            previous = release(f"{name}-{short}", planned, after)
        self.namespace = pulumi.Output.from_input(plan.namespace)
        self.version = pulumi.Output.from_input(plan.version)
        self.revision = pulumi.Output.from_input(args.get("revision", "default"))
        self.register_outputs({"namespace": self.namespace, "version": self.version, "revision": self.revision})
