"""Vault, or OpenBao, under Consul: its certificate authority, and where its secrets are."""
