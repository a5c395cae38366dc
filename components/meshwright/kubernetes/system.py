"""Namespaces that no workload of a mesh stands in."""

from typing import Final

SYSTEM_NAMESPACES: Final = ("istio-system", "kube-system", "kube-public", "kube-node-lease")
"""Istio's own, whose PeerAuthentication holds for the whole mesh, and Kubernetes', which istio-cni leaves out."""
