"""The config of Consul's servers, its injector and its gateways."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field

from meshwright.config.base import Flag, HostName, Mistake, Model, Port, ServiceName, Spelt, Text, Whole, repeated
from meshwright.config.consul_api_gateway import GatewayInstance
from meshwright.config.linkerd_control import GkeFirewall, HttpAddress
from meshwright.errors import Code

Quantity = Annotated[
    str, Spelt(r"\d{1,6}(\.\d{1,3})?(m|k|M|G|T|Ki|Mi|Gi|Ti)?", "quantity", 'write it as "500m", "1Gi" or "2"', limit=12)
]
ServiceType = Literal["LoadBalancer", "NodePort", "ClusterIP"]
Replicas = Annotated[Whole, Field(ge=1, le=50)]


class ServerVolumes(Model):
    """Where servers keep their state."""

    size: Quantity = "10Gi"
    """Of each server's volume."""
    storage_class: Text | None = None
    """Default: the cluster's."""
    when_destroyed: Literal["retain", "delete"] = "retain"
    """What becomes of the volumes when the stack is destroyed. With `retain` the namespace stays too, with the Secrets
    that belong to them; a stack that comes back says control_plane.adopt_namespace: true."""


class ServerSnapshots(Model):
    """A job that saves the servers' state on a volume of its own."""

    schedule: Annotated[
        str, Spelt(r"[-*/,\d]+( [-*/,\d]+){4}", "schedule", 'write it as cron has it, "0 */6 * * *"', limit=60)
    ] = "0 */6 * * *"
    """When, as cron has it, in UTC."""
    keep: Annotated[Whole, Field(ge=1, le=1000)] = 28
    """How many are kept."""
    claim: Text | None = None
    """A PersistentVolumeClaim that exists, such as one that a stack before this one left. Default: one is made."""
    size: Quantity = "10Gi"
    """Of the volume that is made."""
    storage_class: Text | None = None
    """Of the volume that is made. Default: the cluster's."""

    def mistakes(self) -> Iterator[Mistake]:
        """A volume that exists has its size."""
        for key in ("size", "storage_class"):
            if self.claim and key in self.model_fields_set:
                message = "is for a volume that is made, and claim names one that exists"
                yield Mistake(Code.CONTRADICTION, message, "keep one of the two", (key,))


class ConsulControlPlane(Model):
    """How servers and injectors run."""

    server_cpu: Quantity = "500m"
    """What a server asks for; there is no limit, for a throttled server loses elections."""
    server_memory: Quantity = "1Gi"
    """What a server asks for, and its limit. Consul keeps its state in memory."""
    volumes: ServerVolumes = Field(default_factory=ServerVolumes)
    """Where servers keep their state."""
    snapshots: ServerSnapshots | None = None
    """Snapshots of the servers' state: `{}`, or with settings. Default: none."""
    spread_zones: Flag = True
    """Servers are spread over zones, where that can be. They are never two on a node."""
    server_config: dict[str, Any] = Field(default_factory=dict)
    """More of the servers' own configuration, as Consul's JSON has it."""
    request_limits: Literal["disabled", "permissive", "enforce"] = "permissive"
    """What becomes of requests over the servers' limits; `permissive` logs them."""
    injectors: Annotated[Whole, Field(ge=1, le=9)] = 3
    """Replicas of the injector; one may be away at a time."""
    transparent_proxy: Flag = True
    """All of a pod's traffic goes through its proxy."""
    recursors: tuple[Text, ...] = ()
    """DNS servers for names that aren't Consul's. Default: none."""
    ui: Flag = True
    """The UI, inside of the cluster."""
    metrics: Flag = True
    """Servers, gateways and proxies serve metrics."""
    prometheus_url: HttpAddress | None = None
    """A Prometheus that the UI draws graphs from. Default: no graphs."""
    hub: Text | None = None
    """An image registry that holds what Docker Hub's hashicorp does. Default: that one."""
    pull_secrets: tuple[Text, ...] = ()
    """Secrets to pull with, in Consul's namespace. Default: none."""
    timeout: Annotated[Whole, Field(ge=300, le=7200)] = 900
    """Seconds that the release and its hooks may take. A hook that isn't waited for leaves what it was to remove."""
    adopt_namespace: Flag = False
    """The namespace consul exists: it is labelled, and stays when the stack goes."""

    def mistakes(self) -> Iterator[Mistake]:
        """Nothing is said twice."""
        yield from repeated("recursors", self.recursors)
        yield from repeated("pull_secrets", self.pull_secrets)
        if self.prometheus_url and not self.ui:
            message, remedy = "is for the UI's graphs, and ui is false", "remove it, or set ui: true"
            yield Mistake(Code.CONTRADICTION, message, remedy, ("prometheus_url",))

    def of_servers(self) -> Iterator[str]:
        """The keys that are given and mean servers in the cluster."""
        mine = (
            "server_cpu",
            "server_memory",
            "volumes",
            "snapshots",
            "spread_zones",
            "server_config",
            "request_limits",
        )
        return (key for key in mine if key in self.model_fields_set)


class ConsulCni(Model):
    """consul-cni, which redirects traffic on the node: pods then need no NET_ADMIN. It runs in kube-system."""


class SecretReference(Model):
    """A key of a Secret in Consul's namespace."""

    secret: Text = Field(examples=["consul-bootstrap"])
    """The Secret."""
    key: Text = Field(examples=["token"])
    """Its key."""


class ExternalServers(Model):
    """Servers elsewhere: on machines, or in another cluster."""

    hosts: Annotated[tuple[Text, ...], Field(min_length=1)] = Field(examples=[["consul.internal"]])
    """Their addresses; or one, `exec=...`, that finds them."""
    https_port: Port = 8501
    """For HTTPS."""
    grpc_port: Port = 8502
    """For gRPC with TLS."""
    tls_server_name: HostName | None = None
    """The name in their certificate. Default: the host's."""
    use_system_roots: Flag = False
    """Their certificate is of an authority that systems know."""
    ca: SecretReference | None = None
    """The authority that signed it. Default: the Secret consul-ca-cert, key tls.crt."""
    bootstrap_token: SecretReference = Field(examples=[{"secret": "consul-bootstrap", "key": "token"}])
    """A token that may write ACLs: for roles and the auth method of this cluster."""
    kubernetes_host: HttpAddress = Field(examples=["https://api.example.com:6443"])
    """How they reach this cluster's API server, to check who logs in."""
    skip_server_watch: Flag = False
    """They stand behind a load balancer."""

    def mistakes(self) -> Iterator[Mistake]:
        """A host is named once, and its certificate is verified in one way."""
        yield from repeated("hosts", self.hosts)
        if self.ca and self.use_system_roots:
            message = "is not read with use_system_roots"
            yield Mistake(Code.CONTRADICTION, message, "keep one of the two", ("ca",))


class MeshGateway(Model):
    """The way to and from other clusters."""

    replicas: Replicas = 2
    """How many."""
    service_type: ServiceType = "LoadBalancer"
    """How others reach it."""
    node_port: Annotated[Whole, Field(ge=30000, le=32767)] | None = None
    """With NodePort: the port on the nodes."""
    address: HostName | None = None
    """What other clusters reach it by. Default: its Service's address."""
    port: Port | None = None
    """The port there. Default: node_port, else 443."""
    annotations: dict[str, str] = Field(default_factory=dict)
    """Of its Service, for the cloud's load balancer."""

    def mistakes(self) -> Iterator[Mistake]:
        """A NodePort has its port."""
        if self.service_type == "NodePort" and self.node_port is None and self.address is None:
            message = "is NodePort, and others can't be told where it is"
            yield Mistake(Code.MISSING_KEY, message, "add node_port", ("service_type",))
        if self.node_port and self.service_type != "NodePort":
            message = f"is not used with service_type: {self.service_type}"
            yield Mistake(Code.CONTRADICTION, message, "remove it", ("node_port",))


class ApiGateway(Model):
    """What is made of Gateways whose class is `consul`."""

    replicas: Replicas = 2
    """Of each Gateway."""
    service_type: ServiceType = "LoadBalancer"
    """How clients reach it."""
    gateways: tuple[GatewayInstance, ...] = ()
    """Gateways of this stack's. Default: none, they are made elsewhere."""


class TerminatingGateway(Model):
    """A way to services outside of the mesh."""

    name: ServiceName = Field(examples=["terminating-gateway"])
    """Its service's name in Consul."""
    replicas: Replicas = 2
    """How many."""
    service_account_annotations: dict[str, str] = Field(default_factory=dict)
    """Of its service account: the IAM role by which it calls functions. Default: none."""


class ConsulGateways(Model):
    """The mesh's gateways."""

    mesh: MeshGateway | None = None
    """To and from other clusters: `{}`, or with settings. Default: none."""
    api: ApiGateway = Field(default_factory=ApiGateway)
    """From outside, for every Gateway of the class `consul`."""
    terminating: tuple[TerminatingGateway, ...] = ()
    """To services outside of the mesh. Default: none; with `external` or `functions`, one, terminating-gateway."""

    def mistakes(self) -> Iterator[Mistake]:
        """A gateway is named once."""
        yield from repeated("terminating", (each.name for each in self.terminating), "name")


class ConsulGkeFirewall(GkeFirewall):
    """A firewall rule, which a private cluster's API server needs to call Consul's injector."""
