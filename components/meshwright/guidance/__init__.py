"""The adoption guidance as pure functions over config and catalog; nothing here imports Pulumi."""
