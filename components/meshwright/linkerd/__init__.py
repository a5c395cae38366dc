"""Linkerd: its control plane, certificates, policy and traffic."""
