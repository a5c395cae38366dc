"""What all meshes on Kubernetes share: one owner of the Gateway API CRDs, pinned Helm releases, namespaces."""
