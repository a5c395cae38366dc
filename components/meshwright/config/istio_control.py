"""The config of Istio's control plane: revisions and tags, upgrades, images, node agents, and what platforms add."""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from meshwright.config.base import Duration, Flag, Mistake, Model, Spelt, Text, refusal, repeated, seconds
from meshwright.config.shared import ChartSource
from meshwright.config.versions import not_in_catalog
from meshwright.errors import Code
from meshwright.istio.upgrade.parts import REVISION_LIMIT, STEPS


def _in_catalog(version: str) -> str:
    if mistakes := tuple(not_in_catalog("istio", version)):
        raise refusal(*mistakes)
    return version


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError:
        shown = text[:60]
        message = f'is "{shown}", which is no network'
        raise refusal(Mistake(Code.BAD_VALUE, message, 'write it as "172.16.0.0/28"')) from None


IstioVersion = Annotated[
    str,
    Spelt(r"\d{1,3}\.\d{1,3}(\.\d{1,3})?", "version", 'write a minor, "1.31", or a full version, "1.31.1"', limit=11),
    AfterValidator(_in_catalog),
]
Revision = Annotated[
    str, Spelt(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", "revision", 'write it with dashes: "1-31-1"', limit=REVISION_LIMIT)
]
Digest = Annotated[str, Spelt(r"sha256:[0-9a-f]{64}", "digest", "write sha256: and 64 hexadecimal digits", limit=71)]
SecurityGroup = Annotated[str, Spelt(r"sg-[0-9a-f]{8,17}", "security group", "write its id: sg-0123456789abcdef0")]
Network = Annotated[str, AfterValidator(_network)]


class Digests(Model):
    """Images pinned by digest. A pinned image is pulled from the hub without a tag."""

    pilot: Digest | None = None
    """istiod."""
    install_cni: Digest | None = Field(default=None, alias="install-cni")
    """istio-cni."""
    ztunnel: Digest | None = None
    """ztunnel."""
    proxyv2: Digest | None = None
    """Waypoints and gateways."""


class Images(Model):
    """Which images are pulled, beside the hub."""

    variant: Literal["distroless", "debug"] | None = None
    """The variant. Default: the charts', which is distroless for istiod and istio-cni."""
    pull_secrets: tuple[Text, ...] = ()
    """Secrets to pull with. They have to stand in Istio's namespaces, and in each namespace with a waypoint."""
    digests: Digests = Field(default_factory=Digests)
    """Digests of the version that runs."""

    def mistakes(self) -> Iterator[Mistake]:
        """A secret is named once."""
        return repeated("pull_secrets", self.pull_secrets)


class Upgrade(Model):
    """An upgrade under way. `meshwright istio upgrade plan` says what comes next, and what to look at before."""

    to: IstioVersion = Field(examples=["1.31"])
    """The version that it leads to, at most one minor up."""
    step: Literal["istiod", "cni", "ztunnel"] = STEPS[0]
    """How far it has come: the CRDs and the new control plane, then istio-cni, then ztunnel. Tags are moved after
    that."""
    revision: Revision | None = None
    """The new control plane's. Default: the version with dashes beside a control plane with a revision; none, which is
    an upgrade in place, where the old one has none."""
    charts: ChartSource | None = None
    """Where the new version's charts come from. Default: from where the old one's do."""
    digests: Digests = Field(default_factory=Digests)
    """Digests of the new version's images."""


class NodeAgents(Model):
    """How istio-cni and ztunnel behave."""

    grace_period: Duration | None = None
    """How long a ztunnel that ends lets open connections end by themselves, "2s" to "1h"; then they are cut. Default:
    30s."""
    ztunnel_update: Literal["rolling", "on-delete"] = "rolling"
    """How a new ztunnel comes to a node: `rolling` replaces the old one; `on-delete` leaves it until its node, or its
    pod, is deleted: node pools are then replaced one by another."""
    dns_capture: Flag | None = None
    """DNS requests of captured pods go to ztunnel. Default: true."""
    ipv6: Flag | None = None
    """Set it to false where nodes have no IPv6: ztunnel can't start there. Default: true."""
    untaint: Flag = False
    """istiod takes the taint cni.istio.io/not-ready off a node once istio-cni is ready there. The node pools have to
    bring the taint."""

    def mistakes(self) -> Iterator[Mistake]:
        """The grace period is one that Kubernetes waits for."""
        if self.grace_period and not 2 <= seconds(self.grace_period) <= 3600:
            message = f"is {self.grace_period}, and ztunnel drains for a second less"
            yield Mistake(Code.BAD_VALUE, message, "write 2s to 1h", ("grace_period",))


class Eks(Model):
    """What EKS adds."""

    region: Text | None = None
    """The region of the security groups."""
    node_security_group: SecurityGroup | None = None
    """The nodes' security group. It is opened for HBONE and xDS between nodes, and for the control plane."""
    control_plane_security_group: SecurityGroup | None = None
    """The cluster's security group, from which the API server calls istiod's webhooks."""
    security_groups_for_pods: Literal["standard", "strict"] | None = None
    """POD_SECURITY_GROUP_ENFORCING_MODE of aws-node, where pods have security groups of their own."""

    def mistakes(self) -> Iterator[Mistake]:
        """Rules need all three."""
        needed = ("region", "node_security_group", "control_plane_security_group")
        missing = [key for key in needed if getattr(self, key) is None]
        if 0 < len(missing) < len(needed):
            message = f"opens ports, and {' and '.join(missing)} isn't said"
            yield Mistake(Code.MISSING_KEY, message, "name the region and both security groups, or none")


class Gke(Model):
    """What GKE adds: a firewall rule, which a private cluster's API server needs to call istiod's webhooks."""

    project: Text = Field(examples=["shop-prod"])
    """The project of the network."""
    network: Text = "default"
    """The network of the cluster."""
    control_plane_cidr: Network = Field(examples=["172.16.0.0/28"])
    """The control plane's range (masterIpv4CidrBlock)."""
    node_tags: Annotated[tuple[Text, ...], Field(min_length=1)] = Field(examples=[["gke-prod-node"]])
    """The nodes' network tags."""
    pod_cidrs: tuple[Network, ...] = ()
    """The pods' ranges, where the network denies by default: HBONE and xDS are let in from them. GKE's own rules let
    them in otherwise."""

    def mistakes(self) -> Iterator[Mistake]:
        """A tag is named once."""
        yield from repeated("node_tags", self.node_tags)
        yield from repeated("pod_cidrs", self.pod_cidrs)


class Cilium(Model):
    """How Cilium is set up, as far as ambient depends on it."""

    exclusive: Flag | None = None
    """Cilium's value cni.exclusive. It has to be false: otherwise Cilium removes istio-cni's configuration."""
    bpf_masquerade: Flag | None = None
    """Cilium's value bpf.masquerade. It has to be false: the kubelet's probes fail for captured pods otherwise."""
    allow_probes: Flag = True
    """A CiliumClusterwideNetworkPolicy lets the kubelet's probes reach captured pods, also where all is denied."""

    def mistakes(self) -> Iterator[Mistake]:
        """Both settings are Cilium's defaults turned to what ambient needs."""
        if self.exclusive:
            message = "is true, and Cilium then removes the configuration by which istio-cni is called"
            yield Mistake(Code.CLUSTER_NETWORK, message, "set Cilium's cni.exclusive to false", ("exclusive",))
        if self.bpf_masquerade:
            message = "is true, and the kubelet's probes then fail for captured pods"
            remedy = "set Cilium's bpf.masquerade to false"
            yield Mistake(Code.CLUSTER_NETWORK, message, remedy, ("bpf_masquerade",))
