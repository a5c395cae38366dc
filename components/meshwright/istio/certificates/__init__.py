"""Where the mesh's certificates come from."""
