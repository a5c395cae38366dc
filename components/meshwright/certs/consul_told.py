"""What a stack file says of the roots of Consul's certificate authority."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshwright.certs.consul_gates import ConsulTold
from meshwright.config import load_stack
from meshwright.config.consul import ConsulMesh
from meshwright.config.consul_ca import ConnectCa

if TYPE_CHECKING:
    from pathlib import Path


def consul_told(path: Path) -> tuple[ConsulTold, str]:
    """The roots, and Consul's address; an empty one where the file names none. Raises `ConfigError` as `load_stack`."""
    mesh = load_stack(path).mesh
    assert isinstance(mesh, ConsulMesh)  # noqa: S101 - the stack was read before, for its kind
    ca = mesh.ca or ConnectCa()
    upcoming = ca.rotation.next
    told = ConsulTold(
        ca.root.root(mesh.datacenter),
        upcoming.root(mesh.datacenter) if upcoming else None,
        ca.lifetimes.leaf_h,
        is_forced=ca.rotation.without_cross_signing is not None,
        datacenter=mesh.datacenter,
    )
    return told, ca.consul.address if ca.consul else ""
