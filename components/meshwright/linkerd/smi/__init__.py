"""SMI: TrafficSplits of linkerd-smi, which is no longer developed, as routes of the Gateway API."""
