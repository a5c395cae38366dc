"""Certificates of every mesh: what is trusted where, and how one root follows another without an outage."""
