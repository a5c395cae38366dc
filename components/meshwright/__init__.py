"""meshwright provisions service meshes with Pulumi and keeps their adoption honest.

Components are imported by name (``from meshwright import IstioAmbient``). Each is loaded on first use: the command line
needs no Pulumi for most of what it does, and a program pays for the components that it uses.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from meshwright.istio.ambient import IstioAmbient
    from meshwright.istio.mtls import MeshWideMtls
    from meshwright.istio.namespace import AmbientNamespace
    from meshwright.istio.tag import RevisionTag
    from meshwright.istio.observability.telemetry import MeshTelemetry
    from meshwright.istio.waypoint import Waypoint
    from meshwright.kubernetes.gateway_api import GatewayApiCrds

__version__ = "0.1.0"

__all__ = [
    "AmbientNamespace",
    "GatewayApiCrds",
    "IstioAmbient",
    "MeshTelemetry",
    "MeshWideMtls",
    "Waypoint",
    "__version__",
]

_HOME = {
    "AmbientNamespace": "meshwright.istio.namespace",
    "GatewayApiCrds": "meshwright.kubernetes.gateway_api",
    "IstioAmbient": "meshwright.istio.ambient",
    "MeshTelemetry": "meshwright.istio.observability.telemetry",
    "MeshWideMtls": "meshwright.istio.mtls",
    "RevisionTag": "meshwright.istio.tag",
    "Waypoint": "meshwright.istio.waypoint",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'meshwright' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
