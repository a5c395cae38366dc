"""Pinned Helm releases from a repository, an OCI registry, a mirror or a folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import pulumi
from pulumi_kubernetes.helm.v3 import Release

from meshwright.errors import Code
from meshwright.kubernetes.chart_values import check_values, merge
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
        return {"chart": str(Path(self.address) / self.name)}


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


def release(
    resource_name: str,
    chart: Chart,
    *,
    release_name: str,
    namespace: str,
    values: Mapping[str, Any],
    overrides: Mapping[str, Any] | None,
    label: str,
    opts: pulumi.ResourceOptions,
    adopt: bool = False,
) -> Release:
    """Install a chart as a Helm release, so that its hooks run and ``helm ls`` shows it.

    Args:
        resource_name: Pulumi's name for the resource.
        chart: The chart, its version and where it is.
        release_name: Helm's name for the release.
        namespace: Where it is installed; it must exist.
        values: Our values.
        overrides: The user's values; merged last, so that they win.
        label: The component, for messages.
        opts: Parent, dependencies and the like.
        adopt: Import a release that exists under this name instead of installing one.

    Raises:
        ComponentError: MW-E054 where the chart is a folder and doesn't know a value that was given.
    """
    merged = merge(values, overrides or {})
    args = chart.release_args()
    if chart.source == "path":
        check_values(Path(args["chart"]), merged, label=label)
    if adopt:
        opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(import_=f"{namespace}/{release_name}"))
    return Release(resource_name, name=release_name, namespace=namespace, values=merged, opts=opts, **args)
