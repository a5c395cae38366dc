"""What the parts of an Istio stack share: what is registered so far, and how to come after it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes

from meshwright import AmbientNamespace, IstioAmbient


@dataclass(frozen=True, slots=True)
class Registered:
    """The mesh as it stands before its optional parts."""

    provider: kubernetes.Provider
    istio: IstioAmbient
    namespaces: Mapping[str, AmbientNamespace]
    """Name of the namespace -> its component."""

    def after(self, resources: Iterable[pulumi.Resource] = ()) -> pulumi.ResourceOptions:
        """In the stack's cluster, after Istio and after the given resources."""
        return pulumi.ResourceOptions(providers=[self.provider], depends_on=[self.istio, *resources])
