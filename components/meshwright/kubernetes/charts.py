"""Pinned Helm releases from a repository, an OCI registry, a mirror or a folder."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import pulumi
from pulumi_kubernetes.helm.v3 import Release

from meshwright.errors import Code, Problem
from meshwright.kubernetes.chart_values import value_problems
from meshwright.kubernetes.errors import refuse


class ChartSourceArgs(TypedDict):
    """Where charts come from."""

    source: str
    """``oci`` (the project's OCI registry), ``repository`` (its HTTP repository), ``mirror`` (an address of yours that
    holds the same charts under the same names) or ``path`` (a folder with one folder a chart)."""
    address: NotRequired[str]
    """The mirror (``oci://…`` or ``https://…``) or the folder; not used by ``oci`` and ``repository``."""


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart at one version, from one place."""

    name: str
    version: str
    source: str
    """``oci``, ``repository`` or ``path``; a mirror has become one of the first two."""
    address: str
    """Registry prefix, repository URL, or folder of charts."""

    def release_args(self) -> dict[str, Any]:
        """The arguments of a Helm ``Release`` that say where the chart is. A folder has no version to choose."""
        if self.source == "repository":
            return {"chart": self.name, "version": self.version, "repository_opts": {"repo": self.address}}
        if self.source == "oci":
            return {"chart": f"{self.address.rstrip('/')}/{self.name}", "version": self.version}
        # With the dot a relative path can't be taken for the name of a chart in a repository.
        return {"chart": os.path.join(os.curdir, self.address, self.name)}  # noqa: PTH118


def chart(name: str, version: str, source: ChartSourceArgs, *, oci: str, repository: str, label: str) -> Chart:
    """The chart ``name`` from where ``source`` says; ``oci`` and ``repository`` are the project's own addresses.

    Raises:
        ComponentError: MW-E053 for a source that is unknown, that the version isn't published to, or without address.
    """
    kind, address = source["source"], source.get("address", "")
    if kind in ("mirror", "path") and not address:
        raise refuse(Code.CHART_SOURCE, label, f"the chart source {kind!r} has no address", "say where the charts are")
    if kind == "mirror":
        return Chart(name, version, "oci" if address.startswith("oci://") else "repository", address)
    if kind == "path":
        return Chart(name, version, "path", address)
    published = {"oci": oci, "repository": repository}
    if kind not in published:
        raise refuse(
            Code.CHART_SOURCE, label, f"the chart source {kind!r} is unknown", "one of: oci, repository, mirror, path"
        )
    if not published[kind]:
        other = "repository" if kind == "oci" else "oci"
        raise refuse(
            Code.CHART_SOURCE, label, f"{name} {version} is not published as {kind}", f"use the source {other!r}"
        )
    return Chart(name, version, kind, published[kind])


@dataclass(frozen=True, slots=True)
class PlannedRelease:
    """A Helm release, checked and ready to be registered."""

    name: str
    """Helm's name for it."""
    chart: Chart
    namespace: str
    """Where it is installed; it must exist."""
    values: Mapping[str, Any]
    """Ours, with the user's merged last."""
    adopt: bool = False
    """A release of this name exists: it is imported."""
    timeout_s: int | None = None
    """How long an update waits for what the chart installs. None: as long as the provider does, 300 s."""

    def problems(self, label: str) -> Iterator[Problem]:
        """What is wrong with the chart's folder or with the values, where the chart is at hand."""
        if self.chart.source == "path":
            yield from value_problems(Path(self.chart.address) / self.chart.name, self.values, label=label)


def release(resource_name: str, planned: PlannedRelease, opts: pulumi.ResourceOptions) -> Release:
    """Install a chart as a Helm release, so that its hooks run and ``helm ls`` shows it."""
    if planned.adopt:
        imported = pulumi.ResourceOptions(import_=f"{planned.namespace}/{planned.name}")
        opts = pulumi.ResourceOptions.merge(opts, imported)
    return Release(
        resource_name,
        name=planned.name,
        namespace=planned.namespace,
        values=planned.values,
        timeout=planned.timeout_s,
        opts=opts,
        **planned.chart.release_args(),
    )
