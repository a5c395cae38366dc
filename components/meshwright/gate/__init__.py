"""The gate: what is judged, what counts, and what is kept as evidence. Nothing here imports Pulumi."""
