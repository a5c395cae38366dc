"""What an installation is given for trust: its certificates, and its place among other clusters."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi

from meshwright.istio.certificates.plan import CertificatesPlan, Settings, plan_certificates, shown
from meshwright.istio.multicluster.membership import Membership, plan_membership
from meshwright.istio.upgrade.parts import Parts
from meshwright.kubernetes.chart_values import merge

if TYPE_CHECKING:
    from meshwright.istio.ambient import IstioAmbientArgs


@dataclass(frozen=True, slots=True)
class Trust:
    """Trust that can work."""

    certificates: CertificatesPlan
    membership: Membership

    @property
    def labels(self) -> Mapping[str, str]:
        """For Istio's root namespace."""
        return self.membership.labels

    def values(self, chart: str) -> dict[str, Any]:
        """The values of a chart, by its short name."""
        return merge(self.certificates.values.get(chart, {}), self.membership.values.get(chart, {}))

    def register(self, name: str, opts: pulumi.ResourceOptions) -> list[pulumi.Resource]:
        """Register what has to be there before istiod starts, in Istio's root namespace or beside it."""
        return self.certificates.register(name, opts)


def plan_trust(args: "IstioAmbientArgs", agents_namespace: str, running: Parts, label: str) -> Trust:
    """The trust that the arguments ask for.

    Raises:
        ComponentError: As `plan_certificates` and `plan_membership`.
    """
    certificates = args.get("certificates")
    source = certificates["source"] if certificates else None
    membership = plan_membership(args.get("multicluster"), source, running.base.release.version, label)
    settings = Settings(
        namespace=args.get("namespace", "istio-system"),
        agents_namespace=agents_namespace,
        trust_domain=args.get("trust_domain"),
        revisions=tuple(each.revision for each in running.istiods if each.revision),
        cluster=membership.cluster,
    )
    return Trust(plan_certificates(certificates, settings, label), membership)


def visible(args: "IstioAmbientArgs") -> dict[str, Any]:
    """The arguments as policy and state may see them: without what an authority consists of."""
    certificates = args.get("certificates")
    return {**args, **({"certificates": shown(certificates)} if certificates else {})}
