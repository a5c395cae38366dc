"""What can't work between the parts of a stack's config.

These checks read the raw config, so that one misspelt value elsewhere does not hide what they find. Parts that are
wrong in themselves they leave alone: the models have complained of those.
"""

from collections.abc import Iterator
from typing import Any

from meshwright.catalog import load_catalog
from meshwright.catalog.prerequisites import unmet
from meshwright.config.base import Mistake, repeated
from meshwright.config.versions import release_of


def in_mesh(mesh: dict[str, Any]) -> Iterator[Mistake]:
    """The mistakes between the parts of `meshwright:mesh`; key paths begin in it."""
    for key in ("namespaces", "services"):
        yield from repeated(key, _names(mesh.get(key)), "name")
    if isinstance(cluster := mesh.get("cluster"), dict):
        yield from _prerequisites(mesh, cluster)


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


def _prerequisites(mesh: dict[str, Any], cluster: dict[str, Any]) -> Iterator[Mistake]:
    """What the cluster must offer to the mesh, as far as version and platform are known."""
    catalog = load_catalog()
    platform = catalog.platforms.get(str(cluster.get("platform")))
    release = release_of(mesh, catalog)
    if platform is None or release is None:
        return
    kubernetes, compute = cluster.get("kubernetes_version"), cluster.get("compute")
    if isinstance(kubernetes, str):
        for problem in unmet(release, platform, kubernetes_version=kubernetes):
            yield Mistake(problem.code, f": {problem.message}", problem.remedy, ("cluster", "kubernetes_version"))
    if mesh["kind"] == "istio-ambient" and isinstance(compute, list):
        for index, kind in enumerate(compute):
            for problem in unmet(release, platform, compute=[str(kind)]):
                yield Mistake(problem.code, f": {problem.message}", problem.remedy, ("cluster", "compute", index))
