"""What was seen of a mesh at one moment: the objects of a cluster, or those that a program would make."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from meshwright.health.verdicts import NotKnownError, SkipError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshwright.health.objects import Object


@dataclass(frozen=True, slots=True)
class ChartRelease:
    """A Helm release that a program would make. On a cluster, the release's objects are looked at instead."""

    name: str
    namespace: str
    chart: str
    """Address or name, as given."""
    version: str
    values: Any
    """As given; they may be known only after the update, in whole or in part."""

    @property
    def body(self) -> Object:
        """The release in the form of an object, to be read as one."""
        return {"kind": "Release", "metadata": {"namespace": self.namespace, "name": self.name}, "values": self.values}

    @property
    def short_name(self) -> str:
        """The chart's name alone: ``istiod`` for ``oci://ghcr.io/istio/release/charts/istiod``."""
        return self.chart.rstrip("/").rsplit("/", 1)[-1].partition(":")[0].partition("@")[0]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The objects by kind, and what could not be seen."""

    objects: Mapping[str, tuple[Object, ...]]
    """Kind -> objects with their ``kind``; kinds are told apart by name alone, as those of a mesh can be."""
    live: bool
    """Whether it is of a cluster, so that statuses, pods and nodes are there."""
    gaps: Mapping[str, str] = field(default_factory=dict)
    """Kind -> why its objects could not be read."""
    releases: tuple[ChartRelease, ...] = ()
    phases: Mapping[str, str] = field(default_factory=dict)
    """Namespace -> phase that the stack declares; empty where no stack is known."""

    def of(self, kind: str) -> tuple[Object, ...]:
        """All objects of a kind. Raises `NotKnownError` where they could not be read."""
        if kind in self.gaps:
            raise NotKnownError(f"{kind}: {self.gaps[kind]}")
        return self.objects.get(kind, ())

    def seen(self, kind: str) -> tuple[Object, ...]:
        """All objects of a kind, for what only a cluster knows of them.

        Raises:
            SkipError: this is no cluster.
            NotKnownError: they could not be read.
        """
        if not self.live:
            raise SkipError("only a running cluster shows it (--context)")
        return self.of(kind)
