"""Consul's servers and its injector."""

from typing import Any, NotRequired, TypedDict

import pulumi

from meshwright.consul.gateways import ApiGatewayArgs, MeshGatewayArgs, TerminatingGatewayArgs
from meshwright.consul.plan import plan_consul
from meshwright.consul.vault.backend import SecretKey, VaultBackendArgs
from meshwright.kubernetes.charts import ChartSourceArgs, release
from meshwright.kubernetes.children import below
from meshwright.kubernetes.providers import require_kubernetes_provider


class StorageArgs(TypedDict, total=False):
    """The servers' volumes."""

    size: str
    """Of each, as Kubernetes has it. Default: ``10Gi``."""
    storage_class: str
    """Default: the cluster's."""
    retain: bool
    """They stay when the servers go. Default: true."""


class ServerSizeArgs(TypedDict, total=False):
    """What each server asks for."""

    cpu: str
    """As Kubernetes has it; there is no limit. Default: ``500m``."""
    memory: str
    """Asked for, and the limit. Default: ``1Gi``."""


class ExternalServersArgs(TypedDict):
    """Servers elsewhere."""

    hosts: list[str]
    """Addresses, or one ``exec=…`` that finds them."""
    https_port: NotRequired[int]
    """Default: 8501."""
    grpc_port: NotRequired[int]
    """Default: 8502."""
    tls_server_name: NotRequired[str]
    """The name in their certificate. Default: the host's."""
    use_system_roots: NotRequired[bool]
    """Their certificate is of a CA that systems know. Default: false."""
    ca: NotRequired[SecretKey]
    """The authority that signed it. Default: the Secret ``consul-ca-cert``, key ``tls.crt``."""
    bootstrap_token: SecretKey
    """A token that may write ACLs: for roles and the auth method of this cluster."""
    kubernetes_host: str
    """How they reach this cluster's API server, to check who logs in."""
    skip_server_watch: NotRequired[bool]
    """They stand behind a load balancer. Default: false."""


class ConsulArgs(TypedDict):
    """Arguments of `Consul`."""

    platform: str
    """What the cluster runs on: eks, gke, aks, openshift, k3s, k3d, kind, minikube, microk8s or generic."""
    version: NotRequired[str]
    """A minor (``2.0``) or a version (``2.0.3``) of the chart. Default: the newest in the catalog."""
    namespace: NotRequired[str]
    """Consul's namespace, which must exist: see `ConsulSystemNamespace`. Default: ``consul``."""
    kubernetes_version: NotRequired[str]
    """The cluster's version, such as ``1.34``; where given, it is checked against what Consul supports."""
    datacenter: NotRequired[str]
    """Default: ``dc1``."""
    domain: NotRequired[str]
    """Of Consul's DNS. Default: ``consul``."""
    servers: NotRequired[int]
    """An odd number: 3 or 5; 1 for a cluster that may lose everything. Default: 3."""
    server_size: NotRequired[ServerSizeArgs]
    """What each server asks for."""
    storage: NotRequired[StorageArgs]
    """The servers' volumes."""
    spread_zones: NotRequired[bool]
    """Servers are spread over zones, where that can be. Default: true."""
    server_config: NotRequired[dict[str, Any]]
    """More of the servers' own configuration, as Consul's JSON has it. Default: none."""
    request_limits: NotRequired[str]
    """What becomes of requests over ``limits.request_limits``: ``disabled``, ``permissive`` (logged) or ``enforce``.
    Default: ``permissive``."""
    external_servers: NotRequired[ExternalServersArgs]
    """Servers elsewhere, in place of those here."""
    injectors: NotRequired[int]
    """Replicas of the injector. Default: 3."""
    transparent_proxy: NotRequired[bool]
    """All of a pod's traffic goes through its proxy. Default: true."""
    cni: NotRequired[bool]
    """consul-cni redirects traffic, and no init container with NET_ADMIN. Default: false."""
    compute: NotRequired[list[str]]
    """What pods run on, such as ``nodes`` or ``fargate``; where given, it is checked for consul-cni."""
    vault: NotRequired[VaultBackendArgs]
    """Where Vault, or OpenBao, keeps Consul's secrets and its authority: `VaultCertificateAuthority.backend`. Default:
    Consul's own authority; hooks of the chart make the other secrets."""
    mesh_gateway: NotRequired[MeshGatewayArgs]
    """The way to other clusters. Default: none."""
    api_gateway: NotRequired[ApiGatewayArgs]
    """What Gateways of the class ``consul`` are made of. Default: two replicas behind a load balancer each."""
    terminating_gateways: NotRequired[list[TerminatingGatewayArgs]]
    """Ways to services outside of the mesh. Default: none."""
    peering: NotRequired[bool]
    """Clusters can be peers; needs ``mesh_gateway``. Default: false."""
    metrics: NotRequired[bool]
    """Servers, gateways and proxies serve metrics. Default: true."""
    prometheus_url: NotRequired[str]
    """The Prometheus that the UI draws graphs from. Default: none, and no graphs."""
    ui: NotRequired[bool]
    """The UI, inside of the cluster. Default: true."""
    recursors: NotRequired[list[str]]
    """DNS servers for names that aren't Consul's. Default: none."""
    hub: NotRequired[str]
    """An image registry that holds what Docker Hub's ``hashicorp`` does. Default: Docker Hub."""
    pull_secrets: NotRequired[list[str]]
    """Secrets to pull with, in Consul's namespace. Default: none."""
    timeout_s: NotRequired[int]
    """How long the release and its hooks may take, in seconds. Default: 900."""
    charts: NotRequired[ChartSourceArgs]
    """Where the chart comes from. Default: HashiCorp's repository."""
    values: NotRequired[dict[str, Any]]
    """Chart values of yours, merged last."""


class Consul(pulumi.ComponentResource):
    """Consul's servers, injector and gateways, as one Helm release.

    The namespace has to be there, and the Gateway API's CRDs: give `ConsulSystemNamespace` and `GatewayApiCrds` in
    ``depends_on``, and `VaultCertificateAuthority` where Vault keeps the secrets. What needs Consul to be deleted,
    such as a config entry with its finalizer, has to depend on this component: it is then gone before Consul is.

    Raises:
        ComponentError: MW-E050 for arguments that cannot work, MW-E051 without a provider, MW-E053 and MW-E054 for the
            chart, MW-E057 for a plugin on what has no nodes, MW-E230 for a number of servers that wins nothing, MW-E231
            for a budget that blocks drains, MW-E232 for values that the chart would refuse, MW-E233 for a release that
            isn't deployed, and the catalog's codes for versions.
    """

    version: pulumi.Output[str]
    """The chart's version, such as ``2.0.3``."""

    def __init__(self, name: str, args: ConsulArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"Consul {name}"
        require_kubernetes_provider(opts, label)
        plan = plan_consul(args, label)
        super().__init__("meshwright:index:Consul", name, {**args}, opts)
        release(f"{name}-release", plan.release, below(self, opts))
        self.version = pulumi.Output.from_input(plan.version)
        self.register_outputs({"version": self.version})
