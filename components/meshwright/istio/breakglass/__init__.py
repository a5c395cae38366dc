"""What to do when the mesh fails: plans that are previewed, run one command at a time, journaled and undone."""
