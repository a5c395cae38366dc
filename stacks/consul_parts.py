"""What the parts of a Consul stack share: what is registered so far, and how to come after it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes

from meshwright import Consul


@dataclass(frozen=True, slots=True)
class Registered:
    """The mesh as it stands before its optional parts."""

    provider: kubernetes.Provider
    consul: Consul
    namespaces: Mapping[str, pulumi.Resource]
    """Name of the namespace -> its component."""
    defaults: pulumi.Resource | None = None
    """What holds for all proxies, once it is registered."""

    def after(self, resources: Iterable[pulumi.Resource] = ()) -> pulumi.ResourceOptions:
        """In the stack's cluster, after Consul and after the given resources.

        A ``destroy`` goes the other way: what Consul's injector has to finalize is gone before the injector is.
        """
        return pulumi.ResourceOptions(providers=[self.provider], depends_on=[self.consul, *resources])
