"""What Linkerd tells of itself: monitors, alerts and dashboards for Prometheus and Grafana."""
