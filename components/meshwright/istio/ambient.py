"""Istio's control plane and node agents in ambient mode."""

from typing import Any, NotRequired, TypedDict

import pulumi

from meshwright.istio.certificates.plan import CertificatesArgs
from meshwright.istio.multicluster.membership import MembershipArgs
from meshwright.istio.plan import plan_istio
from meshwright.istio.tag import RevisionTag, RevisionTagArgs
from meshwright.istio.trust import visible
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


class UpgradeArgs(TypedDict):
    """An upgrade under way. Without it, every part runs ``version``."""

    to: str
    """The version that it leads to, at most one minor up: a minor or a full version."""
    step: NotRequired[str]
    """How far it has come: ``istiod`` (the CRDs and the new control plane), ``cni`` (and istio-cni) or ``ztunnel`` (and
    ztunnel). Tags are moved after that. Default: ``istiod``."""
    revision: NotRequired[str]
    """The new control plane's. Default: the version with dashes, beside a control plane with a revision; none, and with
    it an upgrade in place, where the old one has none."""
    charts: NotRequired[ChartSourceArgs]
    """Where the new version's charts come from. Default: from where the old one's do."""
    image_digests: NotRequired[dict[str, str]]
    """As ``image_digests``, for the new version. Default: none."""


class NodeAgentsArgs(TypedDict):
    """How istio-cni and ztunnel behave."""

    grace_period_seconds: NotRequired[int]
    """How long a ztunnel that ends lets open connections end by themselves; then they are cut. Default: 30."""
    ztunnel_on_delete: NotRequired[bool]
    """A ztunnel stays on its node until its pod or the node is deleted, so that node pools can be replaced one by
    another. Default: false; nodes get the new one in turn."""
    dns_capture: NotRequired[bool]
    """DNS requests of captured pods go to ztunnel. Default: true."""
    ipv6: NotRequired[bool]
    """Set it to false where nodes have no ``::1``: ztunnel can't start there (istio#52487). Default: true."""
    untaint: NotRequired[bool]
    """istiod takes the taint ``cni.istio.io/not-ready`` off a node once istio-cni is ready there. The node pools have
    to bring it: no one else puts it on a node. Default: false."""


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
    tags: NotRequired[dict[str, str]]
    """Revision tags: name -> the revision that it stands for (``default``: the control plane without one). Waypoints
    and gateways that follow a tag are upgraded by moving it. Default: none."""
    upgrade: NotRequired[UpgradeArgs]
    """An upgrade under way. Default: none."""
    hub: NotRequired[pulumi.Input[str]]
    """Image registry for all four charts. Default: ``docker.io/istio``; the charts of 1.30 name a host that is being
    switched off (1.31 upgrade notes)."""
    image_variant: NotRequired[str]
    """``distroless`` or ``debug``. Default: the charts', which is distroless for istiod and istio-cni."""
    image_digests: NotRequired[dict[str, str]]
    """Images pinned by digest: ``pilot``, ``install-cni``, ``ztunnel``, ``proxyv2`` -> ``sha256:…``. Default: none."""
    image_pull_secrets: NotRequired[list[str]]
    """Secrets to pull with. They have to stand where Istio's pods run: in its namespaces, and beside each waypoint."""
    node_agents: NotRequired[NodeAgentsArgs]
    """How istio-cni and ztunnel behave. Default: as the charts have it."""
    workloads: NotRequired[int]
    """Pods in the mesh, if there are many: from 30,000 on istiod's limit for a message is raised."""
    nodes: NotRequired[int]
    """Nodes of the cluster. Their agents are replaced one by one: an update of istio-cni or ztunnel waits a minute for
    each. Default: an update waits five minutes, which five nodes take."""
    trust_domain: NotRequired[pulumi.Input[str]]
    """SPIFFE trust domain. Default: Istio's, ``cluster.local``."""
    certificates: NotRequired[CertificatesArgs]
    """Where the certificates come from. Default: istiod makes a root and keeps its key in the cluster."""
    multicluster: NotRequired[MembershipArgs]
    """The cluster's place in a mesh of several. Default: the mesh is this cluster."""
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
    """Istio in ambient mode, in the order in which it works: base, istiod, istio-cni, ztunnel, revision tags.

    During an upgrade each chart is at the version that the step says: istiod is never older than istio-cni and ztunnel,
    and never more than a minor newer. Two control planes of different revisions stand side by side.

    The Gateway API CRDs are somebody's to own for the whole cluster: give `GatewayApiCrds` in ``depends_on``.

    Raises:
        ComponentError: MW-E050 for arguments that cannot work, MW-E051 without a provider, MW-E053 and MW-E054 for
            charts, MW-E110 and MW-E111 for upgrades and tags, MW-E145 to MW-E151 for certificates and clusters, and the
            catalog's codes for versions and platforms.
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
        super().__init__("meshwright:index:IstioAmbient", name, visible(args), opts)
        children = below(self, opts)
        root = namespace(
            f"{name}-namespace",
            plan.namespace,
            # On OpenShift the agents run in kube-system.
            {**(_NEEDS_THE_NODE if plan.agents_namespace == plan.namespace else {}), **plan.trust.labels},
            adopt=bool(args.get("adopt_namespace", False)),
            opts=children,
        )
        inside = pulumi.ResourceOptions.merge(children, pulumi.ResourceOptions(depends_on=[root]))
        previous: list[pulumi.Resource] = [root, *plan.trust.register(name, inside)]
        for short, planned in plan.releases.items():
            after = pulumi.ResourceOptions.merge(children, pulumi.ResourceOptions(depends_on=previous))
            if short == plan.once_istiod:
                after = pulumi.ResourceOptions.merge(after, _was(f"{name}-istiod"))
            previous = [release(f"{name}-{short}", planned, after)]
        for tag, revision in plan.tags.items():
            after = pulumi.ResourceOptions.merge(children, pulumi.ResourceOptions(depends_on=previous))
            made: RevisionTagArgs = {"tag": tag, "revision": revision, "namespace": plan.namespace}
            RevisionTag(f"{name}-tag-{tag}", made, after)
        self.namespace = pulumi.Output.from_input(plan.namespace)
        self.version = pulumi.Output.from_input(plan.version)
        self.revision = pulumi.Output.from_input(args.get("revision", "default"))
        self.register_outputs({"namespace": self.namespace, "version": self.version, "revision": self.revision})


def _was(name: str) -> pulumi.ResourceOptions:
    """A control plane with a revision had the name of the one without."""
    return pulumi.ResourceOptions(aliases=[pulumi.Alias(name=name)])
