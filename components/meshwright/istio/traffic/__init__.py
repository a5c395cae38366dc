"""Traffic: routing, retries, timeouts, circuit breaking, faults and mirrors at a waypoint; the way out of the mesh."""
