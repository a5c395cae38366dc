"""What all meshes on Kubernetes share: one owner of the Gateway API CRDs, pinned Helm releases, namespaces."""

from meshwright.kubernetes.charts import Chart, ChartSourceArgs, release
from meshwright.kubernetes.errors import ComponentError
from meshwright.kubernetes.gateway_api import GatewayApiArgs, GatewayApiCrds
from meshwright.kubernetes.namespaces import namespace
from meshwright.kubernetes.providers import require_kubernetes_provider

__all__ = [
    "Chart",
    "ChartSourceArgs",
    "ComponentError",
    "GatewayApiArgs",
    "GatewayApiCrds",
    "namespace",
    "release",
    "require_kubernetes_provider",
]
