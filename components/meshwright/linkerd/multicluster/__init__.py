"""Services of one cluster in another: the extension's chart, Links and credentials, without Linkerd's CLI."""
