"""Waves: what has to be applied first."""

from __future__ import annotations

from dataclasses import replace

from meshwright.engine.graph import Resource
from meshwright.engine.render.waves import waves
from tests.unit.render.graphs import component, graph, resource


def _waves(*resources: Resource, not_rendered: tuple[Resource, ...] = ()) -> dict[str, int]:
    names = {item.urn: item.name for item in resources}
    rendered = [item.urn for item in resources if item.custom and item not in not_rendered]
    return {names[urn]: wave for urn, wave in waves(graph(*resources), rendered).items()}


A = resource("k:a:A", "a")
B = resource("k:a:A", "b", dependencies=(A.urn,))
C = resource("k:a:A", "c", property_dependencies={"spec": (B.urn,), "metadata": (A.urn,)})


def test_the_longest_path_counts() -> None:
    assert _waves(A, B, C, resource("k:a:A", "d")) == {"a": 1, "b": 2, "c": 3, "d": 1}


def test_what_is_not_rendered_passes_on_what_it_waits_for() -> None:
    assert _waves(A, B, C, not_rendered=(B,)) == {"a": 1, "c": 2}


def test_a_component_stands_for_all_in_it() -> None:
    outer = component("m:m:Outer", "outer")
    inner = component("m:m:Inner", "inner", parent=outer.urn)
    first = replace(A, parent=inner.urn)
    second = replace(B, parent=inner.urn)
    waiting = resource("k:a:A", "waiting", dependencies=(outer.urn,))
    assert _waves(outer, inner, first, second, waiting) == {"a": 1, "b": 2, "waiting": 3}


def test_what_is_in_a_component_waits_for_what_the_component_waits_for() -> None:
    mesh = component("m:m:Mesh", "mesh", dependencies=(B.urn,))
    inner = component("m:m:Inner", "inner", parent=mesh.urn)
    child = resource("k:a:A", "child", parent=inner.urn)
    assert _waves(A, B, mesh, inner, child) == {"a": 1, "b": 2, "child": 3}


def test_a_child_of_a_resource_waits_for_it() -> None:
    assert _waves(A, resource("k:a:A", "child", parent=A.urn)) == {"a": 1, "child": 2}


def test_a_provider_passes_on_what_it_waits_for() -> None:
    provider = resource("pulumi:providers:kubernetes", "eks", dependencies=(A.urn,))
    user = resource("k:a:A", "user", provider=provider.urn)
    assert _waves(A, provider, user, not_rendered=(provider,)) == {"a": 1, "user": 2}


def test_a_child_that_names_a_component_around_it_does_not_wait_for_its_siblings() -> None:
    mesh = component("m:m:Mesh", "mesh")
    first = replace(A, parent=mesh.urn)
    second = resource("k:a:A", "second", parent=mesh.urn, dependencies=(mesh.urn,))
    assert _waves(mesh, first, second) == {"a": 1, "second": 1}
