"""One mesh over several clusters: multi-primary, on a network each."""
