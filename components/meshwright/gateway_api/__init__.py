"""Routes of the Gateway API, as every mesh that reads them has them. Without Pulumi."""
