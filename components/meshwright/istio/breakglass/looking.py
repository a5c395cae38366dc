"""What a plan for Istio has to know of the cluster before it is made; only read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshwright.breakglass.looking import ClusterLook
from meshwright.breakglass.plan import refused
from meshwright.health.objects import label
from meshwright.istio.health.installation import ISTIOD
from meshwright.istio.health.kinds import KINDS

if TYPE_CHECKING:
    from meshwright.health.objects import Object
    from meshwright.kubernetes.reading import ClusterReader


class Look(ClusterLook):
    """The cluster that a plan is for."""

    def __init__(self, reader: ClusterReader) -> None:
        super().__init__(reader, KINDS)

    def istiods(self) -> list[Object]:
        """The Deployments of istiod. Raises `ConfigError` (MW-E172) where there is none."""
        found = [each for each in self.all("Deployment") if label(each, "app") == ISTIOD]
        if not found:
            raise refused("no istiod is installed in this cluster", "install it: `pulumi up`")
        return found
