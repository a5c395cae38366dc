"""What can't work between the parts of a stack's config.

These checks read the raw config, so that one misspelt value elsewhere does not hide what they find. Parts that are
wrong in themselves they leave alone: the models have complained of those.
"""

from collections.abc import Iterator
from typing import Any

from meshwright.catalog import Release, load_catalog
from meshwright.catalog.prerequisites import unmet
from meshwright.config.base import Mistake, repeated
from meshwright.config.istio_revisions import in_control_plane
from meshwright.config.versions import release_of
from meshwright.errors import Code, ConfigError


def in_mesh(mesh: dict[str, Any]) -> Iterator[Mistake]:
    """The mistakes between the parts of `meshwright:mesh`; key paths begin in it."""
    for key in ("namespaces", "services"):
        yield from repeated(key, _names(mesh.get(key)), "name")
    release = release_of(mesh, load_catalog())
    if release is None:
        return
    if isinstance(cluster := mesh.get("cluster"), dict):
        yield from _prerequisites(release, cluster)
    if isinstance(charts := mesh.get("charts"), dict):
        yield from _published(release, charts.get("source"))
    if mesh.get("kind") == "istio-ambient":
        yield from _gateway_api(release, mesh)
        yield from in_control_plane(mesh, release)


def in_waivers(waivers: object) -> Iterator[Mistake]:
    """A rule is waived once for a resource. The key paths begin with `waivers`."""
    items = waivers if isinstance(waivers, list) else []
    pairs = [(item.get("rule"), item.get("resource")) if isinstance(item, dict) else (None, None) for item in items]
    names = [
        f"{rule} for {resource}" if isinstance(rule, str) and isinstance(resource, str) else None
        for rule, resource in pairs
    ]
    return repeated("waivers", names)


def _names(items: object) -> list[str | None]:
    """The names in a list of mappings; None where there is none."""
    names = [item.get("name") if isinstance(item, dict) else None for item in items] if isinstance(items, list) else []
    return [name if isinstance(name, str) else None for name in names]


def _published(release: Release, source: object) -> Iterator[Mistake]:
    """Charts come from a place where the release is."""
    places = {"oci": release.oci_repository, "repository": release.helm_repository}
    if isinstance(source, str) and places.get(source, "elsewhere") is None:
        message = f"is {source}, where the catalog knows no charts of {release.product} {release.version}"
        others = [name for name, place in places.items() if place]
        yield Mistake(
            Code.CONTRADICTION, message, f"one of: {', '.join([*others, 'mirror', 'path'])}", ("charts", "source")
        )


def _gateway_api(release: Release, mesh: dict[str, Any]) -> Iterator[Mistake]:
    """The CRDs are ones that the release accepts, and nobody else's."""
    wanted, cluster = mesh.get("gateway_api", {}), mesh.get("cluster")
    if not isinstance(wanted, dict) or not isinstance(cluster, dict):
        return
    platform = load_catalog().platforms.get(str(cluster.get("platform")))
    if platform is not None and platform.manages_gateway_api and wanted.get("mode", "create") == "create":
        message = f"is create, and {platform.title} owns the Gateway API CRDs"
        yield Mistake(Code.CONTRADICTION, message, "set gateway_api: {mode: skip}", ("gateway_api", "mode"))
    version = wanted.get("version")
    if isinstance(version, str) and version in load_catalog().gateway_api_bundles:
        try:
            load_catalog().gateway_api_bundle([release], version)
        except ConfigError as error:
            for problem in error.problems:
                yield Mistake(problem.code, f": {problem.message}", problem.remedy, ("gateway_api", "version"))


def _prerequisites(release: Release, cluster: dict[str, Any]) -> Iterator[Mistake]:
    """What the cluster must offer to the mesh, as far as its platform is known."""
    platform = load_catalog().platforms.get(str(cluster.get("platform")))
    if platform is None:
        return
    kubernetes, compute = cluster.get("kubernetes_version"), cluster.get("compute")
    if isinstance(kubernetes, str):
        for problem in unmet(release, platform, kubernetes_version=kubernetes):
            yield Mistake(problem.code, f": {problem.message}", problem.remedy, ("cluster", "kubernetes_version"))
    if release.product == "istio" and isinstance(compute, list):
        for index, kind in enumerate(compute):
            for problem in unmet(release, platform, compute=[str(kind)]):
                yield Mistake(problem.code, f": {problem.message}", problem.remedy, ("cluster", "compute", index))
