"""Which rendered resources belong to one cluster."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from meshwright.engine.graph import UNKNOWN, Secret
from meshwright.engine.render.manifests import file_stem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meshwright.engine.graph import Graph, Resource

_PROVIDER = "pulumi:providers:kubernetes"


def by_cluster(graph: Graph, resources: Iterable[Resource]) -> list[tuple[str, list[Resource]]]:
    """The resources of each cluster, and the cluster's name; the name is empty where there is only one.

    A cluster is named after its provider: of several, after the one whose URN comes first.
    """
    providers = {resource.urn: resource for resource in graph if resource.type == _PROVIDER}
    found: dict[str, list[Resource]] = defaultdict(list)
    for resource in resources:
        found[_cluster(providers.get(resource.provider))].append(resource)
    if len(found) <= 1:
        return [("", members) for members in found.values()]
    named, taken = [], set[str]()
    for members in sorted(found.values(), key=lambda members: min(each.provider for each in members)):
        provider = providers.get(min(each.provider for each in members))
        named.append((unique(file_stem(provider.name if provider else "default-provider"), taken), members))
    return named


def _cluster(provider: Resource | None) -> str:
    """What tells the clusters of two providers apart: two that name the same kubeconfig and context are one cluster."""
    if provider is None:
        return ""
    named = {key: provider.inputs.get(key) for key in ("kubeconfig", "context", "cluster")}
    config = named["kubeconfig"].value if isinstance(named["kubeconfig"], Secret) else named["kubeconfig"]
    if config is UNKNOWN:
        config = provider.property_dependencies.get("kubeconfig") or provider.urn
    return repr(named | {"kubeconfig": config})


def unique(name: str, taken: set[str]) -> str:
    """`name`, with a number before its ending where an earlier one has it."""
    stem, dot, ending = name.rpartition(".") if name.endswith(".yaml") else (name, "", "")
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{stem}-{number}{dot}{ending}"
    taken.add(candidate)
    return candidate
