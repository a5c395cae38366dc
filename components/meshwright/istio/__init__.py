"""Istio in ambient mode: control plane and node agents, namespaces by phase, waypoints, mesh-wide mutual TLS."""

from meshwright.istio.ambient import IstioAmbient, IstioAmbientArgs
from meshwright.istio.mtls import MeshWideMtls, MeshWideMtlsArgs
from meshwright.istio.namespace import AmbientNamespace, AmbientNamespaceArgs
from meshwright.istio.waypoint import Waypoint, WaypointArgs

__all__ = [
    "AmbientNamespace",
    "AmbientNamespaceArgs",
    "IstioAmbient",
    "IstioAmbientArgs",
    "MeshWideMtls",
    "MeshWideMtlsArgs",
    "Waypoint",
    "WaypointArgs",
]
