"""Dated facts as data: versions, chart addresses, what supports what, and how the options compare.

from meshwright.catalog import load_catalog
istio = load_catalog().release("istio", "1.31")    # the newest patch that no advisory is known to affect
"""

import os
from functools import cache
from pathlib import Path

from meshwright.catalog.catalog import Bundle, Catalog, Release
from meshwright.catalog.models import LEVELS, Advisory, Fact, GatewayApiRange, KubernetesRange, Platform
from meshwright.catalog.source import Source

__all__ = [
    "LEVELS",
    "OVERLAY_VARIABLE",
    "Advisory",
    "Bundle",
    "Catalog",
    "Fact",
    "GatewayApiRange",
    "KubernetesRange",
    "Platform",
    "Release",
    "load_catalog",
]

OVERLAY_VARIABLE = "MESHWRIGHT_CATALOG"
"""The environment variable that names an overlay file. `--catalog` sets it, so that child processes see it too."""


def load_catalog(overlay: Path | None = None) -> Catalog:
    """Load the catalog, with an overlay file laid over it.

    Args:
        overlay: A YAML file in the catalog's own shape. None: the file that the environment variable
            MESHWRIGHT_CATALOG names, if it is set.

    Raises:
        ConfigError: the overlay can't be read or is not valid (MW-E033 and the codes of YAML files).
    """
    named = overlay or (Path(name) if (name := os.environ.get(OVERLAY_VARIABLE, "")) else None)
    return _load(named.absolute() if named else None)


@cache
def _load(overlay: Path | None) -> Catalog:
    if overlay is None:
        return Catalog(Source())
    from meshwright.catalog.overlay import read_overlay

    return Catalog(Source((read_overlay(overlay),)))
