"""Services outside of the cluster: on machines, in ECS, functions, services of others, and other clusters."""
