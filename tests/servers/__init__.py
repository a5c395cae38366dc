"""Real programs for tests: found, started on loopback in a temporary folder, and ended, whatever happens."""
