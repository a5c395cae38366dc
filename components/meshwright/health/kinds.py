"""Kinds of objects by their names in the API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_BUILT_IN: Final = (
    "core",
    "apps",
    "autoscaling",
    "batch",
    "policy",
    "networking.k8s.io",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of object."""

    group: str
    """``core`` for the one without a name."""
    version: str
    plural: str

    @property
    def path(self) -> str:
        """Where the API server lists it, of all namespaces."""
        return f"/api/v1/{self.plural}" if self.group == "core" else f"/apis/{self.group}/{self.version}/{self.plural}"

    @property
    def crd(self) -> str:
        """Name of the CRD that defines it; empty for Kubernetes' own."""
        return "" if self.group in _BUILT_IN else f"{self.plural}.{self.group}"


def of_group(group: str, version: str, **plurals: str) -> dict[str, Kind]:
    """Kinds of one group and version, by name: ``Pod="pods"``."""
    return {kind: Kind(group, version, plural) for kind, plural in plurals.items()}


CRDS: Final = Kind("apiextensions.k8s.io", "v1", "customresourcedefinitions")
CONFIG_MAPS: Final = Kind("core", "v1", "configmaps")
API_SERVICES: Final = Kind("apiregistration.k8s.io", "v1", "apiservices")
SECRETS: Final = Kind("core", "v1", "secrets")
