"""A virtual or physical machine in the mesh: an agent, a proxy, and how they come to their secrets."""
