"""Consul service mesh, with its certificate authority in Vault or OpenBao."""
