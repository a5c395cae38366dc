"""Istio's images: which variant, pinned by which digest, pulled with which secrets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pulumi

IMAGES: Final = ("pilot", "install-cni", "ztunnel", "proxyv2")
"""The images of the control plane, the two node agents, and waypoints and gateways."""
VARIANTS: Final = ("distroless", "debug")


@dataclass(frozen=True, slots=True)
class Images:
    """What the charts are told of images, beside the hub."""

    variant: str = ""
    """One of `VARIANTS`; empty for the charts' own choice."""
    pull_secrets: Sequence[str] = ()
    """Names of secrets, which have to stand in Istio's namespaces and in each namespace with a waypoint."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """One of `IMAGES` -> ``sha256:…``."""

    def image(self, hub: Any, name: str) -> dict[str, Any]:
        """The whole image, where it is pinned: a chart takes a name with a slash as it is."""
        if name not in self.digests:
            return {}
        pinned = f"{name}@{self.digests[name]}"
        return {"image": f"{hub}/{pinned}" if isinstance(hub, str) else pulumi.Output.concat(hub, "/", pinned)}

    def secrets(self) -> dict[str, Any]:
        """The value for service accounts."""
        return {"imagePullSecrets": list(self.pull_secrets)} if self.pull_secrets else {}

    def pulled(self) -> dict[str, Any]:
        """What istiod's and istio-cni's charts have under ``global``, and ztunnel's at its top."""
        return {**({"variant": self.variant} if self.variant else {}), **self.secrets()}
