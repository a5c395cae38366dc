"""What is done when Consul, or the Vault behind it, fails; previewed before it is done."""
