"""Grafana dashboards of an ambient mesh, as code: the mesh's health, L4 at ztunnel, L7 at waypoints."""

from meshwright.istio.observability.dashboards.health import HEALTH
from meshwright.istio.observability.dashboards.l4 import L4
from meshwright.istio.observability.dashboards.l7 import L7
from meshwright.observability.grafana import Dashboard

__all__ = ["DASHBOARDS", "Dashboard"]

DASHBOARDS: tuple[Dashboard, ...] = (HEALTH, L4, L7)
