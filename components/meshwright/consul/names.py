"""The names that Consul's chart makes out of a release's name, its namespace and the datacenter.

Source: consul-k8s ``charts/consul/templates``, ``_helpers.tpl`` above all (``consul.fullname``,
``consul.serverTLSAltNames``, ``consul.connectInjectorTLSAltNames``), as of 2.0.3.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Names:
    """One release of the chart in one datacenter."""

    full_name: str = "consul"
    """The chart's ``global.name``: what its objects' names begin with."""
    namespace: str = "consul"
    """Where it is installed."""
    datacenter: str = "dc1"
    domain: str = "consul"
    """Of Consul's DNS: the chart's ``global.domain``."""

    @property
    def server(self) -> str:
        """The servers' StatefulSet, Service and service account."""
        return f"{self.full_name}-server"

    @property
    def client(self) -> str:
        """The service account of client agents."""
        return f"{self.full_name}-client"

    @property
    def acl_init(self) -> str:
        """The service account of the job that sets ACLs up. It is not the servers'."""
        return f"{self.full_name}-server-acl-init"

    @property
    def acl_init_cleanup(self) -> str:
        """The service account of the hook that removes that job."""
        return f"{self.full_name}-server-acl-init-cleanup"

    @property
    def injector(self) -> str:
        """The Deployment, Service and service account of the webhook that injects sidecars."""
        return f"{self.full_name}-connect-injector"

    @property
    def mesh_gateway(self) -> str:
        """The Deployment and service account of mesh gateways."""
        return f"{self.full_name}-mesh-gateway"

    def gateway(self, name: str) -> str:
        """The Deployment and service account of a terminating (or ingress) gateway."""
        return f"{self.full_name}-{name}"

    @property
    def dns_proxy(self) -> str:
        """The service account of the DNS proxy."""
        return f"{self.full_name}-dns-proxy"

    @property
    def sync_catalog(self) -> str:
        """The service account of catalog sync."""
        return f"{self.full_name}-sync-catalog"

    @property
    def cni(self) -> str:
        """The DaemonSet and service account of the CNI plugin."""
        return f"{self.full_name}-cni"

    @property
    def auth_method(self) -> str:
        """The service account by which Consul reviews the tokens of services that log in."""
        return f"{self.full_name}-auth-method"

    @property
    def partition_init(self) -> str:
        """The service account of the job that makes an admin partition. Enterprise alone."""
        return f"{self.full_name}-partition-init"

    @property
    def server_host(self) -> str:
        """The servers' name in the cluster's DNS."""
        return f"{self.server}.{self.namespace}.svc"

    @property
    def server_common_name(self) -> str:
        """What the servers' certificate is asked for as: agents verify it as ``server.<datacenter>.<domain>``."""
        return f"server.{self.datacenter}.{self.domain}"

    @property
    def server_alt_names(self) -> tuple[str, ...]:
        """The DNS names in that certificate, in the chart's order."""
        server, namespace = self.server, self.namespace
        return (
            "localhost",
            server,
            f"*.{server}",
            f"*.{server}.{namespace}",
            f"{server}.{namespace}",
            f"*.{server}.{namespace}.svc",
            f"{server}.{namespace}.svc",
            f"*.{self.server_common_name}",
        )

    @property
    def server_ip_sans(self) -> tuple[str, ...]:
        """The addresses in it."""
        return ("127.0.0.1",)

    @property
    def injector_common_name(self) -> str:
        """What the webhook's certificate is asked for as."""
        return self.injector

    @property
    def injector_alt_names(self) -> tuple[str, ...]:
        """The DNS names in that certificate. The API server calls it by the third."""
        qualified = f"{self.injector}.{self.namespace}"
        return (self.injector, qualified, f"{qualified}.svc", f"{qualified}.svc.cluster.local")
