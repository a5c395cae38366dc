"""The config of a stack of kind `linkerd`."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from meshwright.config.base import ChartValues, Duration, Flag, HostName, Mistake, Model, Spelt, seconds
from meshwright.config.shared import ChartSource, Cluster, Compliance, EnvironmentName, Namespace, Workload
from meshwright.config.versions import not_in_catalog
from meshwright.errors import Code

LinkerdPhase = Literal["unmeshed", "audit", "authenticated", "deny"]


class LinkerdNamespace(Namespace[LinkerdPhase]):
    """A namespace and its phase: unmeshed, audit, authenticated, deny."""


class Anchor(Model):
    """The trust anchor: the root that all proxies trust."""

    lifetime: Duration = "10y"
    """How long it is valid."""


class Issuer(Model):
    """The identity issuer, which signs the proxies' certificates."""

    lifetime: Duration = "48h"
    """How long it is valid."""
    renew_before: Duration = "25h"
    """How long before its end it is renewed. The proxies' certificates last 24 hours."""

    def mistakes(self) -> Iterator[Mistake]:
        """An issuer lives before it is renewed."""
        if seconds(self.renew_before) >= seconds(self.lifetime):
            message = f"is {self.renew_before}, the whole lifetime ({self.lifetime}) or more"
            yield Mistake(Code.CONTRADICTION, message, "make it shorter than lifetime", ("renew_before",))


class Trust(Model):
    """Where certificates come from, and how far a rotation has come."""

    source: Literal["cert-manager", "vault", "aws-pca", "google-cas", "pem", "pulumi-tls"] = "cert-manager"
    """Who makes the anchor and the issuer. With `cert-manager` their keys stay in the cluster."""
    anchor: Anchor = Field(default_factory=Anchor)
    """The trust anchor."""
    issuer: Issuer = Field(default_factory=Issuer)
    """The identity issuer."""
    rotation: Literal["steady", "both-trusted", "issuer-switched", "old-removed"] = "steady"
    """The state of the anchor's rotation; each is one `up`."""

    def mistakes(self) -> Iterator[Mistake]:
        """An issuer does not outlive its anchor."""
        if seconds(self.issuer.lifetime) > seconds(self.anchor.lifetime):
            message = f"is {self.issuer.lifetime}, longer than the anchor's ({self.anchor.lifetime})"
            yield Mistake(Code.CONTRADICTION, message, "shorten it, or lengthen the anchor's", ("issuer", "lifetime"))


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
    trust_domain: HostName | None = None
    """The trust domain. Default: cluster.local."""
    high_availability: Flag = True
    """Three replicas of each controller, with budgets and anti-affinity; needs three nodes."""
    namespaces: tuple[LinkerdNamespace, ...] = ()
    """The namespaces and how far each has come."""
    charts: ChartSource | None = None
    """Where the charts come from. Default: the channel's repository."""
    values: LinkerdValues = Field(default_factory=LinkerdValues)
    """Chart values of yours, merged last."""

    def mistakes(self) -> Iterator[Mistake]:
        """The channel has the version."""
        if self.version:
            for mistake in not_in_catalog(f"linkerd-{self.channel}", self.version):
                yield mistake._replace(at=("version",))
