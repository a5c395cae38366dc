"""Istio in ambient mode: control plane and node agents, namespaces by phase, waypoints, mesh-wide mutual TLS."""
