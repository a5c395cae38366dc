"""Whether a namespace of an ambient mesh is ready for strict mutual TLS, by what Prometheus has seen."""
