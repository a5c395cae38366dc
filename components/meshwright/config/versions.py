"""Versions that a stack asks for, checked against the catalog."""

from collections.abc import Iterator, Mapping
from typing import Any

from meshwright.catalog import Catalog, Release, load_catalog
from meshwright.config.base import Mistake, refusal
from meshwright.errors import ConfigError


def not_in_catalog(product: str, version: str) -> Iterator[Mistake]:
    """Why a product's version can't be had; nothing if it can."""
    catalog = load_catalog()
    try:
        catalog.release(product, version)
    except ConfigError as error:
        yield from _mistakes(error)


def known_bundle(version: str) -> str:
    """Refuse a bundle of Gateway API CRDs that is not in the catalog."""
    catalog = load_catalog()
    try:
        catalog.gateway_api_bundle((), version)
    except ConfigError as error:
        raise refusal(*_mistakes(error)) from None
    return version


def release_of(mesh: Mapping[str, Any], catalog: Catalog) -> Release | None:
    """The release that a mesh, as it stands in the file, asks for; None if it asks for none that there is."""
    product = {
        "istio-ambient": "istio",
        "linkerd": f"linkerd-{mesh.get('channel', 'edge')}",
        "consul": "consul",
        "vpc-lattice": "aws-gateway-controller",
    }.get(str(mesh.get("kind")))
    version = mesh.get("version")
    if product not in catalog.products:
        return None
    if version is None and product != "istio":
        return catalog.newest(product)
    try:
        return catalog.release(product, version) if isinstance(version, str) else None
    except ConfigError:
        return None


def _mistakes(error: ConfigError) -> Iterator[Mistake]:
    for problem in error.problems:
        yield Mistake(problem.code, f": {problem.message}", problem.remedy)
