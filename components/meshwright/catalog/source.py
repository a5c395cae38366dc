"""Where the catalog's data come from: the packaged files, and the user's overlays merged into them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import TypeAdapter

from meshwright.catalog.linkerd_upgrades import LinkerdUpgradeFacts
from meshwright.catalog.models import Fact, GatewayApi, Platform, Product
from meshwright.catalog.upgrades import UpgradeFacts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshwright.catalog.overlay import Overlay

DATA = Path(__file__).parent / "data"
PRODUCTS = (
    "istio",
    "istio-csr",
    "kiali",
    "linkerd-edge",
    "linkerd-enterprise",
    "cert-manager",
    "trust-manager",
    "consul",
    "aws-gateway-controller",
)

Tree = dict[str, Any]


class Source:
    """The catalog's data by section, each read and validated when it is asked for.

    The packaged files are as valid as the tests say. What an overlay changes is validated when the overlay is read
    (`meshwright.catalog.overlay`), so that its mistakes are told at once and with their lines.
    """

    def __init__(self, overlays: tuple[Overlay, ...] = ()) -> None:
        self._overlays = overlays

    @property
    def overlays(self) -> tuple[str, ...]:
        """The names of the overlays."""
        return tuple(overlay.name for overlay in self._overlays)

    @property
    def products(self) -> tuple[str, ...]:
        """The names of all products."""
        return PRODUCTS

    def product(self, name: str) -> Product:
        """One product with its versions."""
        return Product.model_validate(self.tree("products", name))

    def platforms(self) -> Mapping[str, Platform]:
        """Platform -> facts."""
        return TypeAdapter(dict[str, Platform]).validate_python(self.tree("platforms"))

    def gateway_api(self) -> GatewayApi:
        """The bundles of CRDs."""
        return GatewayApi.model_validate(self.tree("gateway_api"))

    def features(self) -> Mapping[str, Mapping[str, Fact]]:
        """Option -> feature -> fact."""
        return TypeAdapter(dict[str, dict[str, Fact]]).validate_python(self.tree("features"))

    def upgrades(self) -> UpgradeFacts:
        """What an upgrade of Istio has to reckon with. An overlay doesn't change it."""
        return UpgradeFacts.model_validate(self.tree("istio-upgrades"))

    def linkerd_upgrades(self) -> LinkerdUpgradeFacts:
        """What an upgrade of Linkerd has to reckon with. An overlay doesn't change it."""
        return LinkerdUpgradeFacts.model_validate(self.tree("linkerd-upgrades"))

    def tree(self, section: str, product: str = "") -> Tree:
        """One section's data, with the overlays merged in, before validation."""
        tree = _read(product or section.replace("_", "-"))
        for overlay in self._overlays:
            change = overlay.data.get(section, {})
            tree = merged(tree, change.get(product, {}) if product else change)
        return tree


def merged(base: Tree, change: Tree) -> Tree:
    """Lay `change` over `base`, mapping by mapping; anything else replaces what was there."""
    result = dict(base)
    for key, value in change.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


def _read(name: str) -> Tree:
    loader = yaml.CSafeLoader((DATA / f"{name}.yaml").read_bytes())
    try:
        tree: Tree = loader.get_single_data()
    finally:
        loader.dispose()
    return tree
