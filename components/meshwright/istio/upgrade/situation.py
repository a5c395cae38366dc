"""A mesh between two versions, as far as the plan of its upgrade depends on it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from meshwright.catalog import Release


@dataclass(frozen=True, slots=True)
class Situation:
    """A mesh between two versions."""

    stack: str
    context: str
    """The cluster's context, for commands; empty where another stack gives the kubeconfig."""
    agents_namespace: str
    """Where istio-cni and ztunnel run."""
    now: Release
    after: Release
    revision: str
    new_revision: str
    tags: Mapping[str, str]
    has_waypoints: bool
    grace: str
    """How long a ztunnel that ends leaves to connections, as the stack says it: ``30s``."""
    on_delete: bool
    """A ztunnel stays on its node until the node goes."""
    images: Mapping[str, Any]
    """What the stack says of images."""
    gateway_api: Mapping[str, Any]
    """What the stack says of the Gateway API."""
    reached: str = ""
    """The step of the upgrade that is under way; empty for none."""
    kept: Mapping[str, Any] = field(default_factory=dict)
    """What the upgrade under way says beside version, revision and step."""
    is_first: bool = True
    """It is the first hop of the plan."""

    @property
    def in_place(self) -> bool:
        """Whether the new control plane takes the old one's place."""
        return self.revision == self.new_revision

    @property
    def owns_bundle(self) -> bool:
        """Whether the stack has the Gateway API's CRDs, and leaves the choice of the bundle to the catalog."""
        chosen = "version" in self.gateway_api or "path" in self.gateway_api
        return self.has_bundle and not chosen

    @property
    def has_bundle(self) -> bool:
        """Whether the stack has the Gateway API's CRDs."""
        return bool(self.gateway_api.get("mode", "create") != "skip")

    @property
    def istiod(self) -> str:
        """The new control plane's Deployment."""
        return f"istiod-{self.new_revision}" if self.new_revision else "istiod"

    @property
    def old_istiod(self) -> str:
        """The old control plane's Deployment."""
        return f"istiod-{self.revision}" if self.revision else "istiod"

    @property
    def kubectl(self) -> str:
        """The command, for this cluster."""
        return f"kubectl --context {self.context}" if self.context else "kubectl"

    @property
    def istioctl(self) -> str:
        """The command, for this cluster."""
        return f"istioctl --context {self.context}" if self.context else "istioctl"

    @property
    def up(self) -> str:
        """The update that follows an edit."""
        return f"pulumi up --stack {self.stack}"
