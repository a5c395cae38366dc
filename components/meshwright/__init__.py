"""meshwright provisions service meshes with Pulumi and keeps their adoption honest.

Components are imported by name (``from meshwright import IstioAmbient``). They are loaded on first use, so that the
command line, which needs no Pulumi for most of what it does, starts in a moment.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from meshwright.istio import AmbientNamespace, IstioAmbient, MeshWideMtls, Waypoint
    from meshwright.kubernetes import GatewayApiCrds

__version__ = "0.1.0"

__all__ = ["AmbientNamespace", "GatewayApiCrds", "IstioAmbient", "MeshWideMtls", "Waypoint", "__version__"]

_HOME = {
    "AmbientNamespace": "meshwright.istio",
    "GatewayApiCrds": "meshwright.kubernetes",
    "IstioAmbient": "meshwright.istio",
    "MeshWideMtls": "meshwright.istio",
    "Waypoint": "meshwright.istio",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'meshwright' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
