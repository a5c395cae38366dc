"""What Istio renders for a Gateway, and lets its parameters patch."""

from typing import Final

OVERLAYS: Final = ("deployment", "service", "serviceAccount", "horizontalPodAutoscaler", "podDisruptionBudget")
"""The parameters' keys (deploymentcontroller.go, ``supportedOverlays``). With another one Istio renders nothing."""
