"""What an edge runs on, by the catalog, and whether a cluster offers it."""

from dataclasses import dataclass

from meshwright.catalog import Catalog, Release
from meshwright.errors import ConfigError
from meshwright.versions import version_key


@dataclass(frozen=True, slots=True)
class Need:
    """A range of versions that an edge takes, ends included."""

    what: str
    """``Kubernetes`` or ``Gateway API``."""
    minimum: str
    maximum: str
    found: str
    """What the cluster has; empty where that isn't known."""

    @property
    def met(self) -> bool | None:
        """Whether the cluster has it. None: it isn't known, or is newer than what was tested."""
        if not self.found:
            return None
        parts = len(version_key(self.minimum))
        have = version_key(self.found)[:parts]
        if self.what == "Kubernetes" and have > version_key(self.maximum):
            return None  # a newer Kubernetes is untested, and no chart refuses it
        return version_key(self.minimum) <= have <= version_key(self.maximum)


def needs_of(edge: str, catalog: Catalog, kubernetes: str = "", gateway_api: str = "") -> tuple[Need, ...]:
    """What an edge takes; nothing where the catalog doesn't know it.

    Args:
        edge: Where an upgrade leads, ``edge-25.10.7``.
        catalog: Where the ranges are from. An edge that isn't in it has the range of the version that it follows.
        kubernetes: The cluster's version, ``1.34``.
        gateway_api: The version of the Gateway API's CRDs in the cluster, ``1.2.1``.
    """
    release = _release(edge, catalog)
    if release is None:
        return ()
    found = []
    if release.kubernetes.minimum and release.kubernetes.maximum:
        found.append(Need("Kubernetes", release.kubernetes.minimum, release.kubernetes.maximum, kubernetes))
    if release.gateway_api:
        found.append(Need("Gateway API", release.gateway_api.minimum, release.gateway_api.maximum, gateway_api))
    return tuple(found)


def _release(edge: str, catalog: Catalog) -> Release | None:
    lines = catalog.linkerd_upgrades.lines.items()
    before = [line for line, first in lines if version_key(first) <= version_key(edge)]
    for version in (edge, *before[-1:]):
        try:
            return catalog.release("linkerd-edge", version)
        except ConfigError:
            continue
    return None
