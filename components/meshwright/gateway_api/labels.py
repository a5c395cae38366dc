"""What is written on the Gateway API's own objects."""

from typing import Final

BUNDLE_VERSION: Final = "gateway.networking.k8s.io/bundle-version"
"""Annotation on its CRDs: the bundle that they are of, as ``v1.6.1``."""
