"""The stack config: models, loading, JSON Schema.

Config is read here and nowhere else; components are given arguments.
"""

from meshwright.config.base import Model
from meshwright.config.consul import ConsulMesh
from meshwright.config.istio import IstioAmbientMesh, MeshNamespace, Waypoint
from meshwright.config.lattice import LatticeMesh
from meshwright.config.linkerd import LinkerdMesh
from meshwright.config.load import load_stack, parse_config
from meshwright.config.no_mesh import NoMesh
from meshwright.config.shared import (
    ChartSource,
    Cluster,
    Compliance,
    Namespace,
    PhaseRecord,
    Waiver,
    Workload,
)
from meshwright.config.stack import KINDS, Mesh, StackConfig
from meshwright.phases import LADDERS, Ladder

__all__ = [
    "KINDS",
    "LADDERS",
    "ChartSource",
    "Cluster",
    "Compliance",
    "ConsulMesh",
    "IstioAmbientMesh",
    "Ladder",
    "LatticeMesh",
    "LinkerdMesh",
    "Mesh",
    "MeshNamespace",
    "Model",
    "Namespace",
    "NoMesh",
    "PhaseRecord",
    "StackConfig",
    "Waiver",
    "Waypoint",
    "Workload",
    "load_stack",
    "parse_config",
]
