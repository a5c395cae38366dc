"""The config of a stack of kind `linkerd`."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from meshwright.catalog import load_catalog
from meshwright.config.base import ChartValues, Count, Flag, HostName, Mistake, Model, Spelt
from meshwright.config.istio import GatewayApi
from meshwright.config.linkerd_access import LinkerdSecurity, MeshAccess, ProxyInjection
from meshwright.config.linkerd_access_checks import mistakes as access_mistakes
from meshwright.config.linkerd_control import CniPlugin, ConfigKey, ControlPlane, GkeFirewall, LinkerdOnCilium, Viz
from meshwright.config.linkerd_multicluster import LinkerdMulticluster, unlinked
from meshwright.config.linkerd_observability import LinkerdObservability
from meshwright.config.linkerd_traffic import (
    LinkerdEgressRules,
    LinkerdMeshEgress,
    LinkerdServiceTraffic,
    ServerRateLimit,
    in_linkerd,
    in_namespace,
)
from meshwright.config.linkerd_trust import CertManager, Trust
from meshwright.config.linkerd_upgrade import LinkerdUpgrade
from meshwright.config.shared import ChartSource, Cluster, Compliance, EnvironmentName, Namespace, Workload
from meshwright.config.versions import not_in_catalog, release_of
from meshwright.errors import Code
from meshwright.linkerd.checks import stable_address, too_few_nodes

LinkerdPhase = Literal["unmeshed", "audit", "authenticated", "deny"]


class LinkerdNamespace(Namespace[LinkerdPhase]):
    """A namespace and its phase: unmeshed, audit, authenticated, deny."""

    traffic: tuple[LinkerdServiceTraffic, ...] = ()
    """Routes, retries, timeouts and circuit breakers of its services, kept by the callers' proxies."""
    rate_limits: tuple[ServerRateLimit, ...] = ()
    """How many requests a second its Servers take."""
    egress: LinkerdEgressRules | None = None
    """What its pods may call outside, instead of the mesh's rules. Default: the mesh's."""

    injection: ProxyInjection = Field(default_factory=ProxyInjection)
    """How its pods get their proxies."""
    security: LinkerdSecurity = Field(default_factory=LinkerdSecurity)
    """Who may call its workloads."""

    def mistakes(self) -> Iterator[Mistake]:
        """A service's traffic is told once."""
        yield from super().mistakes()
        yield from in_namespace(self)


class LinkerdValues(Model):
    """Values of yours for each chart, merged last."""

    crds: ChartValues = Field(default_factory=dict)
    """For the chart linkerd-crds."""
    control_plane: ChartValues = Field(default_factory=dict)
    """For the chart linkerd-control-plane."""
    cni: ChartValues = Field(default_factory=dict)
    """For the chart linkerd2-cni."""
    viz: ChartValues = Field(default_factory=dict)
    """For the chart linkerd-viz."""
    multicluster: ChartValues = Field(default_factory=dict)
    """For the chart linkerd-multicluster."""


class LinkerdMesh(Model):
    """Linkerd."""

    kind: Literal["linkerd"]
    """The mesh."""
    channel: Literal["edge", "enterprise"] = "edge"
    """`edge`: open source, a release a week. `enterprise`: Buoyant's, with a licence key. There is no open-source
    stable channel since February 2024."""
    version: (
        Annotated[
            str,
            Spelt(
                r"(\d{1,3}\.\d{1,3}|edge-\d{2}\.\d{1,2}\.\d{1,2}|enterprise-\d{1,2}\.\d{1,3}\.\d{1,3})",
                "version",
                'write a version, "2.20", or a release, "edge-26.8.3"',
                limit=24,
            ),
        ]
        | None
    ) = None
    """Quoted: a version, "2.20", or a release, "edge-26.8.3". Default: the channel's newest in the catalog."""
    cluster: Cluster | None = None
    """Where it runs."""
    environment: EnvironmentName | None = None
    """What the stack is for."""
    compliance: Compliance = Field(default_factory=Compliance)
    """What auditors ask for."""
    workload: Workload = Field(default_factory=Workload)
    """Facts about what runs."""
    trust: Trust = Field(default_factory=Trust)
    """Where certificates come from."""
    cert_manager: CertManager = Field(default_factory=CertManager)
    """cert-manager and trust-manager. Default: they are in the cluster."""
    trust_domain: HostName | None = None
    """The trust domain. Default: cluster.local."""
    high_availability: Flag = True
    """Three replicas of each controller, with budgets and anti-affinity; needs three nodes."""
    nodes: Count | None = None
    """Nodes that the control plane can run on. With three and more, webhooks fail closed where high_availability is
    true. Default: workload.nodes, of a mesh of one cluster; where nothing is said, webhooks fail open."""
    licence: ConfigKey | None = None
    """The licence key of the channel enterprise, as a secret of the stack: "config:meshwright:licence"."""
    control_plane: ControlPlane = Field(default_factory=ControlPlane)
    """How the control plane runs."""
    cni: CniPlugin | None = None
    """linkerd2-cni: `{}`, or with settings. Default: an init container with NET_ADMIN redirects each pod's traffic."""
    observability: LinkerdObservability | None = None
    """Monitors, alerts, dashboards and spans. Default: none."""
    viz: Viz | None = None
    """linkerd-viz, the dashboard: `{}`, or with settings. Default: none."""
    multicluster: LinkerdMulticluster | None = None
    """The cluster's place among linked ones. Default: it is alone."""
    gke: GkeFirewall | None = None
    """What a private cluster on GKE adds: a firewall rule."""
    cilium: LinkerdOnCilium | None = None
    """How Cilium is set up, where it is the cluster's network plugin."""
    gateway_api: GatewayApi = Field(default_factory=GatewayApi)
    """The CRDs of the Gateway API, which Linkerd's routes are of."""
    namespaces: tuple[LinkerdNamespace, ...] = ()
    """The namespaces and how far each has come."""
    security: MeshAccess = Field(default_factory=MeshAccess)
    """Callers from elsewhere, and who may read metrics."""
    egress: LinkerdMeshEgress | None = None
    """What may leave the mesh. Default: everything."""
    upgrade: LinkerdUpgrade | None = None
    """What runs, where this file is an upgrade of it: a step that breaks is refused. Default: nothing is known."""
    charts: ChartSource | None = None
    """Where the charts come from. Default: the channel's repository."""
    values: LinkerdValues = Field(default_factory=LinkerdValues)
    """Chart values of yours, merged last."""

    def mistakes(self) -> Iterator[Mistake]:
        """The channel has the version, and the parts suit each other."""
        yield from access_mistakes(self)
        yield from unlinked(self)
        if self.version:
            for mistake in not_in_catalog(f"linkerd-{self.channel}", self.version):
                yield mistake._replace(at=("version",))
        yield from self._of_release()
        if self.high_availability and (message := too_few_nodes(self.available_nodes)):
            remedy = "add nodes, or set high_availability: false"
            yield Mistake(Code.LINKERD_NODES, f"is true: {message}", remedy, ("high_availability",))
        if self.charts and stable_address(self.charts.url):
            message = "is helm.linkerd.io/stable, which has had no chart since February 2024"
            yield Mistake(Code.LINKERD_STABLE, message, "use https://helm.linkerd.io/edge", ("charts", "url"))
        if self.licence and self.channel == "edge":
            message = "is for the channel enterprise, and channel is edge"
            yield Mistake(Code.LINKERD_LICENCE, message, "remove it, or set channel: enterprise", ("licence",))
        if self.viz and self.viz.prometheus_credentials and not self.control_plane.prometheus_url:
            message = "are for a Prometheus that isn't named"
            remedy = "add control_plane.prometheus_url"
            yield Mistake(Code.CONTRADICTION, message, remedy, ("viz", "prometheus_credentials"))

    def _of_release(self) -> Iterator[Mistake]:
        """What the release doesn't have, and what the way to it would break."""
        if self.upgrade and self.channel != "edge":
            message = "is for the channel edge, whose notes the catalog has"
            yield Mistake(Code.CONTRADICTION, message, "remove it, and follow Buoyant's notes", ("upgrade",))
        if release := release_of(self.model_dump(include={"kind", "channel", "version"}), load_catalog()):
            yield from in_linkerd(self, release.version)
            if self.upgrade and self.channel == "edge":
                for mistake in self.upgrade.steps_over(release.version, self.values.crds):
                    yield mistake._replace(at=("upgrade", *mistake.at))

    @property
    def available_nodes(self) -> int | None:
        """The nodes that are known of."""
        one_cluster = self.workload.clusters in (None, 1)
        return self.workload.nodes if self.nodes is None and one_cluster else self.nodes
