"""A task of ECS in the mesh, as consul-ecs 0.10 runs it."""
