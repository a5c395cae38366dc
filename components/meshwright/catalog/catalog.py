"""The catalog: which versions exist, what they need, and what is known against them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from functools import cached_property

from meshwright.catalog.linkerd_upgrades import LinkerdUpgradeFacts
from meshwright.catalog.models import (
    Advisory,
    Fact,
    GatewayApi,
    GatewayApiRange,
    KubernetesRange,
    MinorEntry,
    Platform,
    Product,
)
from meshwright.catalog.source import Source
from meshwright.catalog.upgrades import UpgradeFacts
from meshwright.errors import Code, ConfigError, Problem
from meshwright.versions import version_key

GATEWAY_API_RELEASES = "https://github.com/kubernetes-sigs/gateway-api/releases/download"
OVERLAY_REMEDY = "add it with source and as_of in an overlay file (--catalog)"


@dataclass(frozen=True, slots=True)
class Release:
    """One version of one product, with all that holds for it."""

    product: str
    version: str
    minor: str
    released: date | None
    end_of_life: date | None
    """From this day on there are no fixes. None: no date is announced."""
    kubernetes: KubernetesRange
    gateway_api: GatewayApiRange | None
    """None: it does not read Gateway API objects, or its range is not known."""
    helm_repository: str | None
    oci_repository: str | None
    """The prefix before the chart's name, with its scheme."""
    image_hub: str | None
    """Where the images are, for charts whose own default is not to be trusted. None: the chart's default holds."""
    charts: Mapping[str, str]
    """Chart name -> version in the repository."""
    advisories: Mapping[str, Advisory]
    """The advisories that this version is known to be affected by."""
    unsettled: Mapping[str, Advisory]
    """The advisories of which it is not known whether this version has the fix."""
    source: str
    as_of: date

    @property
    def insecure(self) -> bool:
        """Whether a published advisory is known to affect it."""
        return bool(self.advisories)

    def is_past_end_of_life(self, today: date) -> bool:
        """Whether the day on which fixes end has come."""
        return self.end_of_life is not None and self.end_of_life <= today


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle of Gateway API CRDs, standard channel."""

    version: str
    url: str


class Catalog:
    """Dated facts, read from the data files and, where there are some, the user's overlays.

    Sections are read when they are first asked for: most commands need one product.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._products: dict[str, Product] = {}

    @property
    def overlays(self) -> tuple[str, ...]:
        """The names of the overlays that were applied. An output that used the catalog names them."""
        return self._source.overlays

    @cached_property
    def platforms(self) -> Mapping[str, Platform]:
        """Platform name, as in `cluster.platform`, -> facts."""
        return self._source.platforms()

    @cached_property
    def features(self) -> Mapping[str, Mapping[str, Fact]]:
        """Option -> feature -> fact: the feature matrix."""
        return self._source.features()

    @cached_property
    def upgrades(self) -> UpgradeFacts:
        """What an upgrade of Istio has to reckon with."""
        return self._source.upgrades()

    @cached_property
    def linkerd_upgrades(self) -> LinkerdUpgradeFacts:
        """What an upgrade of Linkerd has to reckon with."""
        return self._source.linkerd_upgrades()

    @property
    def products(self) -> tuple[str, ...]:
        """The names of all products."""
        return self._source.products

    def versions(self, product: str) -> tuple[str, ...]:
        """All versions of a product that the catalog knows, oldest first."""
        minors = self._product(product).minors.values()
        return tuple(sorted((version for minor in minors for version in minor.releases), key=version_key))

    def release(self, product: str, version: str) -> Release:
        """Find a version: a minor ("1.31") gives its newest patch that no advisory is known to affect.

        Raises:
            ConfigError: the product or version is not in the catalog (MW-E030), or every known patch of the minor is
                affected by an advisory (MW-E031).
        """
        minors = self._product(product).minors
        if version in minors:
            return self._newest_safe(product, version)
        for minor, entry in minors.items():
            if version in entry.releases:
                return self._release(product, minor, entry, version)
        raise ConfigError(_unknown_version(product, version, tuple(minors), self.versions(product)))

    def newest(self, product: str) -> Release:
        """Find the newest patch of the newest minor that no advisory is known to affect.

        Raises:
            ConfigError: as for `release`.
        """
        return self._newest_safe(product, max(self._product(product).minors, key=version_key))

    def gateway_api_bundle(self, consumers: Iterable[Release], version: str | None = None) -> Bundle:
        """Choose the CRD bundle that all consumers accept.

        The newest of their recommendations wins if all accept it; else the newest bundle that all accept.

        Args:
            consumers: The releases that read Gateway API objects in one cluster.
            version: The bundle that is asked for, without `v`. None: the choice is ours.

        Raises:
            ConfigError: the ranges do not meet, or don't have `version` in common (MW-E032); `version` is not in the
                catalog (MW-E030).
        """
        known = self.gateway_api_bundles
        if version is not None and version not in known:
            raise ConfigError(_unknown_version("gateway-api", version, (), known))
        ranges = {f"{c.product} {c.version}": c.gateway_api for c in consumers if c.gateway_api is not None}
        accepted = [bundle for bundle in known if all(_accepts(r, bundle) for r in ranges.values())]
        if not accepted or version not in (None, *accepted):
            raise ConfigError(_bundle_clash(version, ranges))
        recommended = max((r.recommended for r in ranges.values()), key=version_key, default=accepted[-1])
        chosen = version or (recommended if recommended in accepted else accepted[-1])
        return Bundle(chosen, f"{GATEWAY_API_RELEASES}/v{chosen}/standard-install.yaml")

    @cached_property
    def gateway_api_bundles(self) -> tuple[str, ...]:
        """The versions of all known CRD bundles, oldest first."""
        gateway_api: GatewayApi = self._source.gateway_api()
        return tuple(sorted(gateway_api.bundles, key=version_key))

    def _product(self, name: str) -> Product:
        if name not in self._products:
            if name not in self.products:
                raise ConfigError(
                    Problem(
                        Code.UNKNOWN_VERSION,
                        f'the catalog has no product "{name}"',
                        f"one of: {', '.join(self.products)}",
                    )
                )
            self._products[name] = self._source.product(name)
        return self._products[name]

    def _newest_safe(self, product: str, minor: str) -> Release:
        entry = self._product(product).minors[minor]
        newest_first = sorted(entry.releases, key=version_key, reverse=True)
        for version in newest_first:
            release = self._release(product, minor, entry, version)
            if not release.insecure:
                return release
        known_against = self._release(product, minor, entry, newest_first[0]).advisories
        raise ConfigError(
            Problem(
                Code.NO_SAFE_VERSION,
                f"{product} {minor} has no version without a known advisory ({', '.join(known_against)})",
                f"choose a newer minor, or write {newest_first[0]} in full to take it nevertheless",
            )
        )

    def _release(self, product: str, minor: str, entry: MinorEntry, version: str) -> Release:
        own = entry.releases[version]
        advisories = self._product(product).advisories
        return Release(
            product=product,
            version=version,
            minor=minor,
            released=own.released,
            end_of_life=entry.end_of_life,
            kubernetes=entry.kubernetes,
            gateway_api=entry.gateway_api,
            helm_repository=entry.helm_repository,
            oci_repository=entry.oci_repository,
            image_hub=entry.image_hub,
            charts=dict.fromkeys(entry.charts, own.chart_version or version),
            advisories={name: a for name, a in advisories.items() if a.affects(minor, version)},
            unsettled={
                name: advisory for name, advisory in advisories.items() if advisory.fixed.get(minor) == "unknown"
            },
            source=f"{own.source}; {entry.source}",
            as_of=min(own.as_of, entry.as_of),
        )


def _accepts(wanted: GatewayApiRange, bundle: str) -> bool:
    return version_key(wanted.minimum) <= version_key(bundle) <= version_key(wanted.maximum)


def _bundle_clash(version: str | None, ranges: Mapping[str, GatewayApiRange]) -> Problem:
    wants = ", ".join(f"{name} takes {r.minimum} to {r.maximum}" for name, r in ranges.items())
    if version is not None:
        return Problem(
            Code.GATEWAY_API_CLASH,
            f"Gateway API CRDs {version} do not suit all of their users: {wants}",
            "leave the version out, and the newest that suits all is chosen",
        )
    return Problem(
        Code.GATEWAY_API_CLASH,
        f"no bundle of Gateway API CRDs suits all of its users: {wants}",
        "choose versions whose ranges meet, or run one of them on another cluster",
    )


def _unknown_version(product: str, version: str, minors: tuple[str, ...], versions: tuple[str, ...]) -> Problem:
    same_minor = [known for known in versions if version_key(known)[:2] == version_key(version)[:2]]
    known = ", ".join(same_minor or sorted(minors, key=version_key) or versions)
    near = get_close_matches(version, [*minors, *versions], n=1) if not same_minor else []
    joint = f". Did you mean {near[0]}? Or" if near else "; or"
    return Problem(
        Code.UNKNOWN_VERSION,
        f'{product} "{version}" is not in the catalog',
        f"known: {known}{joint} {OVERLAY_REMEDY}",
    )
