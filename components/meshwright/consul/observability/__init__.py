"""What Consul tells of itself: monitors, alerts and dashboards for Prometheus and Grafana."""
