"""What Istio ambient needs of a platform beside its charts: open ports, and probes that get through."""
