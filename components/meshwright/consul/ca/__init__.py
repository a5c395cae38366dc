"""Consul's own certificate authority on day two: its live configuration, and the way from one root to another."""
