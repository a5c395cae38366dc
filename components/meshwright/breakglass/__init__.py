"""What is done when a mesh fails: plans, their journal, and how they are run. The scenarios are the meshes'."""
