"""Looking for inputs that break what must hold; `make fuzz` looks longer than `make test`."""
