"""What to do when Linkerd fails: plans that are previewed, run one command at a time, journaled and undone."""
