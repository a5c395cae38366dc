"""Who may call whom: from a declared call graph to Consul's intentions."""
