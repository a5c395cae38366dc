"""What a mesh tells of itself: Telemetry for its proxies, and monitors, alerts and dashboards for Prometheus."""
