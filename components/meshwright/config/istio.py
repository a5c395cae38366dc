"""The config of a stack of kind `istio-ambient`."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from meshwright.config.base import (
    ChartValues,
    Flag,
    HostName,
    Mistake,
    Model,
    NamespaceName,
    Replicas,
    ServiceName,
    Spelt,
    Text,
    Whole,
    repeated,
)
from meshwright.config.istio_certificates import Certificates, unsuited
from meshwright.config.istio_control import Cilium, Eks, Gke, Images, IstioVersion, NodeAgents, Revision, Upgrade
from meshwright.config.istio_egress import MeshEgress, egress_mistakes
from meshwright.config.istio_multicluster import Multicluster, unjoined
from meshwright.config.istio_observability import (
    NamespaceTelemetry,
    NetworkPolicies,
    Observability,
    Telemetry,
    observability_mistakes,
)
from meshwright.config.istio_security import Canary, MeshSecurity, NamespaceSecurity, Require, UseWaypoint
from meshwright.config.istio_security_checks import mistakes as security_mistakes
from meshwright.config.istio_traffic import ServiceTraffic, traffic_mistakes
from meshwright.config.shared import (
    ChartSource,
    Cluster,
    Compliance,
    EnvironmentName,
    Namespace,
    PhaseName,
    Workload,
)
from meshwright.config.versions import known_bundle
from meshwright.errors import Code
from meshwright.istio.overlays import OVERLAYS
from meshwright.kubernetes.system import SYSTEM_NAMESPACES

BundleVersion = Annotated[
    str,
    Spelt(r"\d{1,3}\.\d{1,3}\.\d{1,3}", "version of the bundle", 'write it in full: "1.6.1"', limit=11),
    AfterValidator(known_bundle),
]


class Waypoint(Model):
    """The namespace's own L7 proxy. Ask for one only where L7 is needed: it is a hop and a deployment."""

    waypoint_for: Literal["service", "workload", "all"] = Field(default="service", alias="for")
    """The traffic it handles: addressed to services, to workloads (pod IPs), or both."""
    reason: str = ""
    """The L7 need that it answers, such as header routing. Policy asks for one."""
    ingress: Flag = False
    """Traffic from ingress gateways goes through it too. Without it they pass it by, and its policies with it."""
    min_replicas: Replicas = 2
    """Least number of replicas. Istio's default of 1 is a single point of failure."""
    max_replicas: Replicas | None = None
    """Greatest number of replicas. Default: 5, or min_replicas where that is more."""
    cpu_percent: Annotated[Whole, Field(ge=1, le=100)] = 80
    """Average CPU utilisation, in percent of the request, that autoscaling aims at."""
    allowed_namespaces: tuple[NamespaceName | Literal["*"], ...] = ()
    """Other namespaces that may use it; "*" for all."""
    services: tuple[ServiceName, ...] = ()
    """The services that use it, which must exist. Default: the whole namespace."""
    require: Require | None = None
    """Closes the ways past it: `{}`, or with exceptions. Default: whoever addresses a pod goes past it."""
    canary: Canary | None = None
    """A second waypoint for a share of the traffic. Default: none."""
    resources: ChartValues = Field(default_factory=dict)
    """Kubernetes resource requirements of the proxy. Default: Istio's own."""
    overlays: dict[str, ChartValues] = Field(default_factory=dict)
    """Patches of yours for what Istio renders, merged last: `deployment`, `service`, `serviceAccount`,
    `horizontalPodAutoscaler`, `podDisruptionBudget`."""

    def mistakes(self) -> Iterator[Mistake]:
        """The autoscaler has a range."""
        if self.max_replicas is not None and self.min_replicas > self.max_replicas:
            message = f"is {self.min_replicas}, more than max_replicas ({self.max_replicas})"
            yield Mistake(Code.CONTRADICTION, message, "lower it, or raise max_replicas", ("min_replicas",))
        yield from repeated("allowed_namespaces", self.allowed_namespaces)
        yield from repeated("services", self.services)
        if self.require:
            yield from self.require.suits(self.waypoint_for, "require")
        for key in self.overlays:
            if key not in OVERLAYS:
                near = get_close_matches(key, OVERLAYS, n=1)
                remedy = f"one of: {', '.join(OVERLAYS)}" + (f". Did you mean {near[0]}?" if near else "")
                yield Mistake(Code.UNKNOWN_KEY, f'has no key "{key[:60]}"', remedy, ("overlays",))


class MeshNamespace(Namespace[PhaseName]):
    """A namespace, its phase (unmeshed, permissive, strict) and its waypoint."""

    waypoint: Waypoint | None = None
    """An L7 proxy for the namespace. Default: none, L4 only."""
    tag: Text | None = None
    """The revision tag that its waypoint follows. Default: the only one (`default` aside), or the mesh's revision."""
    use_waypoint: UseWaypoint | None = None
    """The waypoint of another namespace, instead of one of its own. Default: none."""
    security: NamespaceSecurity = Field(default_factory=NamespaceSecurity)
    """Who may call its workloads, and how callers prove who they are."""
    traffic: tuple[ServiceTraffic, ...] = ()
    """Routes, retries, timeouts and limits of its services, each at the waypoint."""
    telemetry: NamespaceTelemetry | None = None
    """What its waypoint logs, counts and traces otherwise than the mesh's. Default: as the mesh's."""
    network_policy: NetworkPolicies | None = None
    """Network policies that deny by default and leave ambient working. Default: none."""

    def mistakes(self) -> Iterator[Mistake]:
        """A waypoint serves a namespace that is in the mesh."""
        yield from super().mistakes()
        if self.name in SYSTEM_NAMESPACES:
            message = f'is "{self.name}", where no workload of a mesh stands'
            yield Mistake(Code.CONTRADICTION, message, "leave it out; mtls sets the mode of the whole mesh", ("name",))
        if self.waypoint and self.phase == "unmeshed":
            message = "is for a namespace that is unmeshed: no traffic would reach it"
            yield Mistake(Code.CONTRADICTION, message, "remove it, or set phase: permissive", ("waypoint",))
        yield from traffic_mistakes(self.traffic, self._is_behind_a_waypoint)

    def _is_behind_a_waypoint(self, service: str) -> bool:
        if self.waypoint and self.waypoint.waypoint_for == "workload":
            return False
        used = self.waypoint or self.use_waypoint
        return used is not None and (not used.services or service in used.services)


class Istiod(Model):
    """The control plane."""

    min_replicas: Replicas | None = None
    """Least number of replicas. Default: 3 with environment: production, else 2. The chart's default of 1 has no
    disruption budget either."""


class GatewayApi(Model):
    """The CRDs of the Gateway API, which a cluster has once."""

    mode: Literal["create", "adopt", "skip"] = "create"
    """`create`: this stack owns them, and they don't exist yet. `adopt`: this stack owns them from now on, and they
    exist. `skip`: somebody else owns them."""
    version: BundleVersion | None = None
    """The bundle's version, in full. Default: the one in the catalog that suits all of its users."""
    path: Text | None = None
    """A local copy of the bundle's standard-install.yaml. Default: the release's file on GitHub."""


class Adopt(Model):
    """What exists in the cluster already and is taken over."""

    releases: tuple[Literal["base", "istiod", "cni", "ztunnel"], ...] = ()
    """Releases of these charts, which are imported. The same update brings them to the values of this stack: put what
    `helm get values` shows into `values` first."""
    system_namespace: Flag = False
    """Istio's own namespace exists, and stays when the stack goes."""

    def mistakes(self) -> Iterator[Mistake]:
        """A release is named once."""
        return repeated("releases", self.releases)


class IstioValues(Model):
    """Values of yours for each chart, merged last."""

    base: ChartValues = Field(default_factory=dict)
    """For the chart base."""
    istiod: ChartValues = Field(default_factory=dict)
    """For the chart istiod."""
    cni: ChartValues = Field(default_factory=dict)
    """For the chart cni."""
    ztunnel: ChartValues = Field(default_factory=dict)
    """For the chart ztunnel."""


class IstioAmbientMesh(Model):
    """Istio in ambient mode: ztunnel on every node, waypoints where L7 is needed."""

    kind: Literal["istio-ambient"]
    """The mesh."""
    version: IstioVersion = Field(examples=["1.31"])
    """Quoted. A minor, "1.31": its newest patch in the catalog that no advisory is known to affect. Or a version in
    full."""
    revision: Revision | None = None
    """The control plane's revision, such as 1-31-1. Default: none."""
    tags: dict[str, Revision] = Field(default_factory=dict)
    """Revision tags: name -> the revision that it stands for (`default`: the control plane without one). Waypoints that
    follow a tag are upgraded by moving it. Default: none."""
    upgrade: Upgrade | None = None
    """An upgrade under way. Default: none, and every part runs `version`."""
    images: Images = Field(default_factory=Images)
    """Which images are pulled, beside the hub."""
    node_agents: NodeAgents = Field(default_factory=NodeAgents)
    """How istio-cni and ztunnel behave."""
    eks: Eks | None = None
    """What EKS adds: rules of security groups, and how pods' own groups are enforced."""
    gke: Gke | None = None
    """What GKE adds: a firewall rule."""
    cilium: Cilium | None = None
    """How Cilium is set up, where it is the cluster's network plugin."""
    cluster: Cluster = Field(examples=[{"context": "prod-eu", "platform": "eks"}])
    """Where it runs."""
    environment: EnvironmentName | None = None
    """What the stack is for."""
    compliance: Compliance = Field(default_factory=Compliance)
    """What auditors ask for."""
    workload: Workload = Field(default_factory=Workload)
    """Facts about what runs."""
    namespaces: tuple[MeshNamespace, ...] = ()
    """The namespaces and how far each has come."""
    mtls: Literal["permissive", "strict"] = "permissive"
    """The rule for the whole mesh. `strict` refuses plaintext everywhere, also in namespaces that are not listed."""
    charts: ChartSource | None = None
    """Where the charts come from. Default: Istio's OCI registry from 1.31 on, its HTTP repository before."""
    hub: Text | None = None
    """The image registry for all charts. Default: docker.io/istio."""
    trust_domain: HostName | None = None
    """The SPIFFE trust domain. Default: cluster.local."""
    certificates: Certificates | None = None
    """Where the mesh's certificates come from. Default: istiod makes a root and keeps its key in the cluster."""
    multicluster: Multicluster | None = None
    """The cluster's place in a mesh of several. Default: the mesh is this cluster."""
    security: MeshSecurity = Field(default_factory=MeshSecurity)
    """Ingress gateways, other callers, authorizers and dry runs."""
    istiod: Istiod = Field(default_factory=Istiod)
    """The control plane."""
    gateway_api: GatewayApi = Field(default_factory=GatewayApi)
    """Who owns the Gateway API's CRDs."""
    adopt: Adopt = Field(default_factory=Adopt)
    """What exists in the cluster already."""
    values: IstioValues = Field(default_factory=IstioValues)
    """Chart values of yours, merged last."""
    egress: MeshEgress | None = None
    """The way out of the mesh, through a waypoint. Default: none; what pods call outside is up to them."""
    telemetry: Telemetry | None = None
    """What proxies log, count and trace. Default: as Istio has it: ztunnel logs all connections, waypoints nothing."""
    observability: Observability | None = None
    """Monitors, alerts and dashboards. Default: none."""

    def mistakes(self) -> Iterator[Mistake]:
        """The parts suit each other."""
        yield from security_mistakes(self)
        yield from observability_mistakes(self)
        yield from unsuited(self.certificates, self.environment, self.compliance)
        meshed = {each.name for each in self.namespaces if each.phase != "unmeshed"}
        source = self.certificates.source if self.certificates else None
        yield from unjoined(self.multicluster, self.cluster.platform, source, meshed)
        phases = {each.name: each.phase for each in self.namespaces}
        yield from egress_mistakes(self.egress, phases, captures_dns=self._captures_dns())

    def _captures_dns(self) -> bool:
        """Whether captured pods' DNS requests go to ztunnel; a chart value of the user's wins."""
        ambient = self.values.cni.get("ambient")
        said = ambient.get("dnsCapture") if isinstance(ambient, dict) else None
        return (self.node_agents.dns_capture if said is None else said) is not False
