"""What a plan for Linkerd has to know of the cluster before it is made; only read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from meshwright.breakglass.looking import ClusterLook
from meshwright.breakglass.plan import refused
from meshwright.certs.cert_manager import duration_of
from meshwright.certs.from_cluster import observe
from meshwright.certs.observed import LEAF_LIFETIME
from meshwright.config.clock import today
from meshwright.health.kinds import Kind, of_group
from meshwright.health.objects import items, label, name_of
from meshwright.linkerd import labels

if TYPE_CHECKING:
    from meshwright.certs.observed import Observed
    from meshwright.health.objects import Object
    from meshwright.kubernetes.reading import ClusterReader

KINDS: Final[dict[str, Kind]] = {
    **of_group("core", "v1", Namespace="namespaces", Pod="pods"),
    **of_group("apps", "v1", Deployment="deployments", StatefulSet="statefulsets", DaemonSet="daemonsets"),
    **of_group("admissionregistration.k8s.io", "v1", MutatingWebhookConfiguration="mutatingwebhookconfigurations"),
    **of_group("cert-manager.io", "v1", Certificate="certificates", ClusterIssuer="clusterissuers", Issuer="issuers"),
}
_FIRST: Final = (labels.IDENTITY, labels.DESTINATION, labels.INJECTOR)
"""Without an identity controller nobody gets a certificate; without the injector new pods get no new bundle."""
_LIFETIME: Final = "-identity-issuance-lifetime="


class Look(ClusterLook):
    """The cluster that a plan is for."""

    def __init__(self, reader: ClusterReader, now: datetime | None = None) -> None:
        super().__init__(reader, KINDS)
        self.now = now or datetime.combine(today(), datetime.now(UTC).time(), UTC)

    def certificates(self) -> Observed:
        """The certificates that the cluster shows; no key of them."""
        return observe(self._reader, "the cluster")

    def control_plane(self) -> list[Object]:
        """Its Deployments, in the order of restarts. Raises `ConfigError` (MW-E172) where there is none."""
        found = [each for each in self.all("Deployment", labels.NAMESPACE) if label(each, labels.COMPONENT)]
        if not found:
            raise refused("no control plane of Linkerd's is installed in this cluster", "install it: `meshwright up`")
        return sorted(found, key=lambda each: _FIRST.index(name_of(each)) if name_of(each) in _FIRST else len(_FIRST))

    def leaf_lifetime(self) -> timedelta:
        """How long a proxy's certificate lives, as the identity controller is told; else the chart's default."""
        for each in self.control_plane():
            for container in items(each, "spec", "template", "spec", "containers"):
                for argument in items(container, "args"):
                    told = duration_of(str(argument).removeprefix(_LIFETIME))
                    if str(argument).startswith(_LIFETIME) and told:
                        return told
        return LEAF_LIFETIME
