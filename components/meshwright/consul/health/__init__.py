"""`meshwright consul check`: what is asked of Consul, on a cluster or of what a program would make."""
