"""From sidecars to ambient: what becomes of each object, the new manifests, and the plan that keeps traffic allowed."""
