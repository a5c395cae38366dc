"""What makes Istio ambient healthy: checks of a running cluster, or of what a program would make of one."""
