"""The config of a stack of kind `consul`."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from meshwright.config.base import (
    ChartValues,
    Flag,
    Mistake,
    Model,
    ServiceName,
    Spelt,
    Whole,
    repeated,
)
from meshwright.config.consul_access import ConsulAccessNamespace, ConsulProxies, Intention, JwtIssuer
from meshwright.config.consul_access_checks import mistakes as access_mistakes
from meshwright.config.consul_api_gateway import mistakes as api_gateway_mistakes
from meshwright.config.consul_ca import ConnectCa, root_in
from meshwright.config.consul_control import (
    ConsulCni,
    ConsulControlPlane,
    ConsulGateways,
    ConsulGkeFirewall,
    ExternalServers,
)
from meshwright.config.consul_hybrid import (
    CatalogSync,
    DnsForwarding,
    Elsewhere,
    Export,
    External,
    Function,
    Peer,
    Sameness,
)
from meshwright.config.consul_hybrid import mistakes as hybrid_mistakes
from meshwright.config.consul_observability import ConsulMonitoring, monitoring_mistakes
from meshwright.config.consul_traffic import ConsulTraffic
from meshwright.config.consul_vault import Vault
from meshwright.config.istio import GatewayApi
from meshwright.config.shared import ChartSource, Cluster, Compliance, EnvironmentName, Workload
from meshwright.config.versions import not_in_catalog
from meshwright.consul.budgets import blocked_drain, injector_budget
from meshwright.consul.checks import even_servers
from meshwright.errors import Code

Datacenter = Annotated[
    str,
    Spelt(
        r"[a-z0-9]([-_a-z0-9]*[a-z0-9])?", "datacenter name", "use lower-case letters, digits, '-' and '_'", limit=63
    ),
]


class ConsulNamespace(ConsulAccessNamespace):
    """A namespace and its phase: unmeshed, permissive, strict."""

    traffic: tuple[ConsulTraffic, ...] = ()
    """Where requests to its services go."""


class ConsulMesh(Model):
    """Consul, with its certificate authority in Vault or OpenBao."""

    kind: Literal["consul"]
    """The mesh."""
    version: (
        Annotated[
            str,
            Spelt(
                r"\d{1,3}\.\d{1,3}(\.\d{1,3})?", "version", 'write a minor, "2.0", or a full version, "2.0.3"', limit=11
            ),
        ]
        | None
    ) = None
    """Quoted: a minor or full version of the chart. Default: the newest in the catalog."""
    cluster: Cluster | None = None
    """Where it runs."""
    environment: EnvironmentName | None = None
    """What the stack is for."""
    compliance: Compliance = Field(default_factory=Compliance)
    """What auditors ask for."""
    workload: Workload = Field(default_factory=Workload)
    """Facts about what runs."""
    vault: Vault | None = None
    """The certificate authority. Default: Consul's own."""
    ca: ConnectCa | None = None
    """The certificate authority on day two: lifetimes, and the rotation of its root."""
    datacenter: Datacenter = "dc1"
    """The datacenter's name."""
    servers: Annotated[Whole, Field(ge=1, le=9)] = 3
    """How many servers, an odd number; 3 or 5 in production."""
    external_servers: ExternalServers | None = None
    """Servers elsewhere, in place of those in the cluster. Default: none."""
    control_plane: ConsulControlPlane = Field(default_factory=ConsulControlPlane)
    """How servers and injectors run."""
    cni: ConsulCni | None = None
    """consul-cni: `{}`. Default: an init container with NET_ADMIN redirects each pod's traffic."""
    gateways: ConsulGateways = Field(default_factory=ConsulGateways)
    """The mesh's gateways."""
    gateway_api: GatewayApi = Field(default_factory=GatewayApi)
    """The CRDs of the Gateway API, which Consul's API gateways are of."""
    gke: ConsulGkeFirewall | None = None
    """What a private cluster on GKE adds: a firewall rule."""
    namespaces: tuple[ConsulNamespace, ...] = ()
    """The namespaces and how far each has come."""
    intentions: tuple[Intention, ...] = ()
    """Who may call whom."""
    callers: tuple[ServiceName, ...] = ()
    """Callers in Consul that no namespace lists: gateways, functions, machines."""
    jwt: dict[ServiceName, JwtIssuer] = Field(default_factory=dict)
    """Name -> an issuer of end users' tokens."""
    proxies: ConsulProxies = Field(default_factory=ConsulProxies)
    """What holds for all proxies."""
    enterprise: Flag = False
    """The servers run Consul Enterprise, which limits rates."""
    external: tuple[External, ...] = ()
    """Services outside the mesh."""
    functions: tuple[Function, ...] = ()
    """Functions of AWS Lambda."""
    elsewhere: tuple[Elsewhere, ...] = ()
    """Services with proxies of their own outside of the cluster: on machines, in ECS."""
    peers: tuple[Peer, ...] = ()
    """Other clusters."""
    exports: tuple[Export, ...] = ()
    """Services that they see."""
    sameness: Sameness | None = None
    """Clusters that stand in for each other; Consul Enterprise. Default: none."""
    catalog_sync: CatalogSync | None = None
    """Services of Kubernetes in Consul's catalog, or the other way. Default: none."""
    dns_forwarding: DnsForwarding | None = None
    """Consul's names for pods without a proxy. Default: the cluster's DNS doesn't know them."""
    monitoring: ConsulMonitoring | None = None
    """Monitors, alerts and dashboards. Default: none."""
    charts: ChartSource | None = None
    """Where the chart comes from. Default: HashiCorp's repository."""
    values: ChartValues = Field(default_factory=dict)
    """Chart values of yours, merged last."""

    def mistakes(self) -> Iterator[Mistake]:
        """An external service is named once, access can be as it is told, and servers and version can be."""
        if message := even_servers(self.servers):
            remedy = f"use {self.servers - 1} or {self.servers + 1}"
            yield Mistake(Code.CONSUL_SERVERS, f"is {self.servers}: {message}", remedy, ("servers",))
        yield from self._elsewhere()
        yield from self._drained()
        if self.ca is not None:
            yield from root_in(self.ca, self.datacenter, has_vault=self.vault is not None)
        yield from repeated("external", (each.name for each in self.external), "name")
        yield from repeated("callers", self.callers)
        yield from hybrid_mistakes(self)
        yield from access_mistakes(self)
        yield from api_gateway_mistakes(self)
        yield from monitoring_mistakes(self)
        if self.version:
            for mistake in not_in_catalog("consul", self.version):
                yield mistake._replace(at=("version",))

    def _drained(self) -> Iterator[Mistake]:
        """Values of the user's leave the injector's budget such that a node can be drained."""
        given = self.values.get("connectInject")
        if not isinstance(given, dict):
            return
        budget, replicas = given.get("disruptionBudget", {}), given.get("replicas", self.control_plane.injectors)
        if not (isinstance(budget, dict) and isinstance(replicas, int)):
            return
        if message := blocked_drain(replicas, {**injector_budget(self.control_plane.injectors), **budget}):
            remedy = "use 3 injectors, or allow one to be away: disruptionBudget: {maxUnavailable: 1}"
            yield Mistake(Code.CONSUL_BUDGET, f": {message}", remedy, ("values", "connectInject"))

    def _elsewhere(self) -> Iterator[Mistake]:
        """What is for servers in the cluster is not said of servers elsewhere."""
        if self.external_servers is None:
            return
        told: list[tuple[str, ...]] = [("servers",)] if "servers" in self.model_fields_set else []
        told += [("control_plane", key) for key in self.control_plane.of_servers()]
        for at in told:
            message = "is for servers in the cluster, and external_servers has them elsewhere"
            yield Mistake(Code.CONTRADICTION, message, "keep one of the two", at)
