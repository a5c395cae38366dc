"""What the programs of all kinds of mesh share: paths, chart sources, the cluster."""

import os
from pathlib import Path

import pulumi
import pulumi_kubernetes as kubernetes

from meshwright.config.shared import ChartSource, Cluster
from meshwright.kubernetes.charts import ChartSourceArgs


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


def provider_of(name: str, cluster: Cluster, **settings: bool) -> kubernetes.Provider:
    """The cluster that the stack names; never the one that a shell happens to point at."""
    kubeconfig: pulumi.Input[str] | None = from_here(cluster.kubeconfig) if cluster.kubeconfig else None
    if cluster.stack:
        kubeconfig = pulumi.StackReference(cluster.stack).require_output(cluster.output)
    return kubernetes.Provider(name, kubeconfig=kubeconfig, context=cluster.context, **settings)
