"""What the parts of an Istio stack share: what is registered so far, and how to come after it."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_kubernetes as kubernetes

from meshwright import AmbientNamespace, IstioAmbient
from meshwright.config.shared import ChartSource
from meshwright.kubernetes.charts import ChartSourceArgs


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


def chart_source(source: ChartSource) -> ChartSourceArgs:
    """Where charts come from, as components take it."""
    charts: ChartSourceArgs = {"source": source.source}
    if source.url:
        charts["address"] = source.url
    if source.path:
        charts["address"] = from_here(source.path)
    return charts


def from_here(path: str) -> str:
    """A path of the stack file, which is relative to the project, as the program and its providers see it."""
    return os.path.relpath(Path(pulumi.runtime.get_root_directory()) / Path(path).expanduser())
