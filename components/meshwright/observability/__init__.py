"""Alerts and dashboards as data, for every mesh. Without Pulumi."""
