"""Short words for asking a recorded graph."""

from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from meshwright.engine.graph import Graph, Resource
from meshwright.engine.record import record


def with_provider(program: Callable[[pulumi.ResourceOptions], object]) -> Graph:
    """The graph of a program that is handed options with a provider of a cluster."""

    def run() -> None:
        cluster = kubernetes.Provider("cluster", context="test")
        program(pulumi.ResourceOptions(providers=[cluster]))

    return record(run)


def find(graph: Graph, name: str) -> Resource:
    """The one resource of this name."""
    (found,) = [resource for resource in graph if resource.name == name]
    return found


def names(urns: tuple[str, ...]) -> set[str]:
    """The names in URNs."""
    return {urn.rsplit("::", 1)[1] for urn in urns}


def shape(graph: Graph) -> list[tuple[str, str, str]]:
    """Type, name and parent's name of every resource but the stack and its provider, in order."""
    return [
        (resource.type, resource.name, resource.parent.rsplit("::", 1)[-1])
        for resource in graph
        if not resource.type.startswith("pulumi:")
    ]


def inputs(graph: Graph, name: str) -> dict[str, Any]:
    """The inputs of the one resource of this name."""
    return dict(find(graph, name).inputs)
