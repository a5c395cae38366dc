"""Config entries of Consul: as objects of its CRDs, or written to its API where there is no Kubernetes."""
