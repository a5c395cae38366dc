"""The whole config of a stack."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import Field

from meshwright.config.base import Model
from meshwright.config.consul import ConsulMesh
from meshwright.config.istio import IstioAmbientMesh
from meshwright.config.lattice import LatticeMesh
from meshwright.config.linkerd import LinkerdMesh
from meshwright.config.no_mesh import NoMesh
from meshwright.config.shared import Waiver

Mesh: TypeAlias = IstioAmbientMesh | LinkerdMesh | ConsulMesh | LatticeMesh | NoMesh

KINDS: Mapping[str, type[Mesh]] = {
    "istio-ambient": IstioAmbientMesh,
    "linkerd": LinkerdMesh,
    "consul": ConsulMesh,
    "vpc-lattice": LatticeMesh,
    "none": NoMesh,
}
"""Kind -> model."""


class StackConfig(Model):
    """What a stack file says to meshwright."""

    mesh: Annotated[Mesh, Field(discriminator="kind")]
    """The config object `meshwright:mesh`."""
    waivers: tuple[Waiver, ...] = ()
    """The config object `meshwright:waivers`."""
    path: Path | None = Field(default=None, exclude=True)
    """The stack file, where one was read."""
