"""Checks of a mesh: what a check is, what it looks at, and what it can say. The checks themselves are the meshes'."""
