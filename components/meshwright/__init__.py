"""meshwright provisions service meshes with Pulumi and keeps their adoption honest.

Components are imported by name (``from meshwright import IstioAmbient``). Each is loaded on first use: the command line
needs no Pulumi for most of what it does, and a program pays for the components that it uses.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from meshwright.istio.ambient import IstioAmbient
    from meshwright.istio.mtls import MeshWideMtls, WorkloadMtls
    from meshwright.istio.namespace import AmbientNamespace
    from meshwright.istio.observability.telemetry import MeshTelemetry
    from meshwright.istio.security.access_policy import AccessPolicy
    from meshwright.istio.security.jwt import JwtAuthentication
    from meshwright.istio.security.namespace_access import NamespaceAccess
    from meshwright.istio.security.require_waypoint import RequireWaypoint
    from meshwright.istio.tag import RevisionTag
    from meshwright.istio.use_waypoint import UseWaypoint
    from meshwright.istio.waypoint import Waypoint
    from meshwright.kubernetes.gateway_api import GatewayApiCrds

__version__ = "0.1.0"

__all__ = [
    "AccessPolicy",
    "AmbientNamespace",
    "GatewayApiCrds",
    "IstioAmbient",
    "JwtAuthentication",
    "MeshTelemetry",
    "MeshWideMtls",
    "NamespaceAccess",
    "RequireWaypoint",
    "RevisionTag",
    "UseWaypoint",
    "Waypoint",
    "WorkloadMtls",
    "__version__",
]

_HOME = {
    "AccessPolicy": "meshwright.istio.security.access_policy",
    "AmbientNamespace": "meshwright.istio.namespace",
    "GatewayApiCrds": "meshwright.kubernetes.gateway_api",
    "IstioAmbient": "meshwright.istio.ambient",
    "JwtAuthentication": "meshwright.istio.security.jwt",
    "MeshTelemetry": "meshwright.istio.observability.telemetry",
    "MeshWideMtls": "meshwright.istio.mtls",
    "NamespaceAccess": "meshwright.istio.security.namespace_access",
    "RequireWaypoint": "meshwright.istio.security.require_waypoint",
    "RevisionTag": "meshwright.istio.tag",
    "UseWaypoint": "meshwright.istio.use_waypoint",
    "Waypoint": "meshwright.istio.waypoint",
    "WorkloadMtls": "meshwright.istio.mtls",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'meshwright' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
