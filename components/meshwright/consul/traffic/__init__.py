"""Routers, splitters and resolvers: where requests to a service go."""
