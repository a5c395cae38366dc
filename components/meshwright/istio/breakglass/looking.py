"""What a plan for Istio has to know of the cluster before it is made; only read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from meshwright.breakglass.looking import ClusterLook
from meshwright.breakglass.plan import refused
from meshwright.config.clock import today
from meshwright.health.objects import label
from meshwright.istio.breakglass.authority import ca_ends
from meshwright.istio.health.installation import ISTIOD
from meshwright.istio.health.kinds import KINDS

if TYPE_CHECKING:
    from meshwright.health.objects import Object
    from meshwright.kubernetes.reading import ClusterReader


class Look(ClusterLook):
    """The cluster that a plan is for."""

    def __init__(self, reader: ClusterReader, now: datetime | None = None) -> None:
        super().__init__(reader, KINDS)
        self.now = now or datetime.combine(today(), datetime.now(UTC).time(), UTC)

    def istiods(self) -> list[Object]:
        """The Deployments of istiod. Raises `ConfigError` (MW-E172) where there is none."""
        found = [each for each in self.all("Deployment") if label(each, "app") == ISTIOD]
        if not found:
            raise refused("no istiod is installed in this cluster", "install it: `pulumi up`")
        return found

    def ca_ends(self, root: str) -> datetime:
        """When the CA in Istio's root namespace ends. Raises `ConfigError` (MW-E172) where that can't be told."""
        return ca_ends(self._reader, root)
