"""Where Linkerd's certificates come from: trust anchors, and the issuer below them."""
