"""`meshwright linkerd check`: what is asked of Linkerd, on a cluster or of what a program would make."""
