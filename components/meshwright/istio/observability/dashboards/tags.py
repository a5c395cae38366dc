"""By which Grafana finds the dashboards of an ambient mesh."""

from typing import Final

TAGS: Final = ("istio", "ambient")
