"""Traffic: routing, retries, timeouts and circuit breaking by the callers' proxies; rate limits; the way out."""
