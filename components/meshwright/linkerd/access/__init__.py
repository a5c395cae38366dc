"""Who may call what, by Linkerd's inbound policy."""
