"""The config of Linkerd's control plane: nodes, networks, images, what platforms add, and viz."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from meshwright.config.base import Flag, Mistake, Model, Port, Spelt, Text, repeated
from meshwright.config.istio_control import Network
from meshwright.errors import Code

Schedule = Annotated[
    str, Spelt(r"off|[-*/,\d]+( [-*/,\d]+){4}", "schedule", 'write it as cron has it, "20 4 * * *", or "off"', limit=60)
]
AddressAndPort = Annotated[
    str,
    Spelt(r"(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:]+\]):\d{1,5}", "address", 'write it as "10.255.255.1:20001"', limit=60),
]
HttpAddress = Annotated[str, Spelt(r"https?://\S+", "address", "begin it with http:// or https://", limit=2000)]
ConfigKey = Annotated[
    str, Spelt(r"config:[\w.-]+:[\w.-]+", "secret of the stack", 'write it as "config:meshwright:licence"')
]


class ControlPlane(Model):
    """How the control plane runs, and what it takes workloads for."""

    cluster_networks: tuple[Network, ...] = ()
    """The networks of nodes, pods and Services. Default: all private ones."""
    probe_networks: tuple[Network, ...] = ()
    """The nodes' networks, from where kubelets probe. Default: anywhere."""
    inbound_policy: Literal[
        "audit",
        "all-unauthenticated",
        "cluster-unauthenticated",
        "all-authenticated",
        "cluster-authenticated",
        "deny",
    ] = "audit"
    """What workloads without a phase or policy of their own let in. `audit`: everything, and what `deny` would refuse
    is logged."""
    opaque_ports: tuple[Port, ...] = ()
    """Ports whose protocol isn't guessed, beside Linkerd's own list. Default: none."""
    native_sidecars: Flag = True
    """Proxies are init containers that go on, so that Jobs end."""
    ipv6: Flag = False
    """The cluster has IPv6."""
    heartbeat: Schedule = "20 4 * * *"
    """When Linkerd tells its makers that it is there, as cron has it; `off` for never."""
    prometheus_url: HttpAddress | None = None
    """A Prometheus that scrapes the proxies. Default: none, and viz brings its own."""
    hub: Text | None = None
    """An image registry that holds what cr.l5d.io/linkerd does. Default: that one."""
    pull_secrets: tuple[Text, ...] = ()
    """Secrets to pull with, which have to stand in each of Linkerd's namespaces. Default: none."""
    adopt_namespace: Flag = False
    """The namespace linkerd exists: it is labelled, and stays when the stack goes."""

    def mistakes(self) -> Iterator[Mistake]:
        """Nothing is said twice."""
        for key in ("cluster_networks", "probe_networks", "opaque_ports", "pull_secrets"):
            yield from repeated(key, getattr(self, key))


class CniPlugin(Model):
    """linkerd2-cni, which redirects traffic on the node: pods then need no NET_ADMIN."""

    validator_address: AddressAndPort | None = None
    """Where the network validator connects to: routed in the cluster, and answered by nobody. Default: 1.1.1.1:20001,
    which an air gap doesn't route."""
    adopt_namespace: Flag = False
    """The namespace linkerd-cni exists, and stays when the stack goes."""


class Viz(Model):
    """linkerd-viz: the dashboard and tap."""

    prometheus_credentials: Text | None = None
    """A Secret in linkerd-viz with `user` and `password` for control_plane.prometheus_url. Default: none."""
    adopt_namespace: Flag = False
    """The namespace linkerd-viz exists, and stays when the stack goes."""


class GkeFirewall(Model):
    """A firewall rule, which a private cluster's API server needs to call Linkerd's webhooks and tap."""

    project: Text = Field(examples=["shop-prod"])
    """The project of the network."""
    network: Text = "default"
    """The network of the cluster."""
    control_plane_cidr: Network = Field(examples=["172.16.0.0/28"])
    """The control plane's range (masterIpv4CidrBlock)."""
    node_tags: Annotated[tuple[Text, ...], Field(min_length=1)] = Field(examples=[["gke-prod-node"]])
    """The nodes' network tags."""

    def mistakes(self) -> Iterator[Mistake]:
        """A tag is named once."""
        yield from repeated("node_tags", self.node_tags)


class LinkerdOnCilium(Model):
    """How Cilium is set up, as far as Linkerd depends on it (linkerd.io, cluster configuration)."""

    exclusive: Flag | None = None
    """Cilium's value cni.exclusive. It has to be false with linkerd2-cni, whose configuration Cilium removes
    otherwise."""
    host_namespace_only: Flag | None = None
    """Cilium's value socketLB.hostNamespaceOnly. It has to be true where Cilium replaces kube-proxy: proxies see no
    Services otherwise."""

    def mistakes(self) -> Iterator[Mistake]:
        """Both settings are Cilium's defaults turned to what Linkerd needs."""
        if self.exclusive:
            message = "is true, and Cilium then removes the configuration by which linkerd2-cni is called"
            yield Mistake(Code.CLUSTER_NETWORK, message, "set Cilium's cni.exclusive to false", ("exclusive",))
        if self.host_namespace_only is False:
            message = "is false, and proxies then see the addresses of pods in place of Services"
            remedy = "set Cilium's socketLB.hostNamespaceOnly to true"
            yield Mistake(Code.CLUSTER_NETWORK, message, remedy, ("host_namespace_only",))
