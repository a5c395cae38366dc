"""Tests of the evidence for strict mutual TLS."""
