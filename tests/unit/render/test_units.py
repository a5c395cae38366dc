"""Units: their names, their order, and what each waits for."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from meshwright.engine.graph import Graph, Resource
from meshwright.engine.render.items import collect
from meshwright.engine.render.units import Unit, label, requirements, units
from meshwright.engine.render.waves import waves
from tests.unit.render.graphs import component, graph, kubernetes, urn
from tests.unit.render.meshes import mesh


def _units(*resources: Resource) -> dict[str, Unit]:
    found = graph(*resources)
    items, _ = collect(found, Path())
    ((_, members),) = units(found, items)
    return {unit.name: unit for unit in members}


def test_a_unit_is_a_release_a_bundle_or_the_objects_of_one_kind_in_a_component() -> None:
    found = _units(*mesh())
    assert {name: unit.needs for name, unit in found.items()} == {
        "gateway-api": (),
        "mesh-namespace": (),
        "istio-base": ("mesh-namespace",),
        "istiod": ("gateway-api", "istio-base"),
        "checkout-namespace": ("istiod",),
        "checkout-configmap": ("istiod",),
        "checkout-gateway": ("checkout-configmap", "checkout-namespace"),
        "checkout-namespace-patch": ("checkout-gateway",),
    }
    assert [item.resource.name for item in found["checkout-configmap"].items] == ["kept", "waypoint-1"]


def test_objects_outside_of_components_are_named_after_their_namespace() -> None:
    found = _units(kubernetes("v1", "Namespace", "a"), kubernetes("v1", "ConfigMap", "b", "shop"))
    assert set(found) == {"cluster-namespace", "shop-configmap"}


def test_one_kind_on_two_waves_makes_two_units() -> None:
    first = kubernetes("v1", "ConfigMap", "first", "shop")
    second = kubernetes("v1", "ConfigMap", "second", "shop", dependencies=(first.urn,))
    found = _units(first, second)
    assert found["shop-configmap-2"].needs == ("shop-configmap",)


def test_a_long_name_ends_in_a_hash() -> None:
    name = label("checkout." * 10)
    assert len(name) <= 40
    assert name != label("checkout." * 11)
    assert label("...") == "unnamed"


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Graphs of components and objects that name any earlier ones."""
    made: list[Resource] = []
    around = [urn("pulumi:pulumi:Stack", "shop-dev")]
    for number in range(draw(st.integers(1, 12))):
        parent = draw(st.sampled_from(around))
        earlier = [each.urn for each in made]
        waits = tuple(draw(st.lists(st.sampled_from(earlier), max_size=3, unique=True)) if earlier else ())
        if draw(st.booleans()):
            made.append(component("acme:index:Part", f"part-{number}", parent=parent, dependencies=waits))
            around.append(made[-1].urn)
        else:
            kind = draw(st.sampled_from(["ConfigMap", "Service"]))
            made.append(kubernetes("v1", kind, f"object-{number}", "shop", parent=parent, dependencies=waits))
    return graph(*made)


@given(graphs())
def test_what_a_resource_waits_for_is_on_earlier_waves_and_one_of_them_on_the_last(found: Graph) -> None:
    items, _ = collect(found, Path())
    order = waves(found, items.keys())
    waits = requirements(found, items.keys())
    names = list(waits)
    for name, bits in waits.items():
        before = [order[names[index]] for index in range(len(names)) if bits >> index & 1]
        assert order[name] == max(before, default=0) + 1


@given(graphs())
def test_units_name_each_other_without_cycles_and_nothing_is_lost(found: Graph) -> None:
    items, _ = collect(found, Path())
    for _, members in units(found, items):
        order = {unit.name: unit.wave for unit in members}
        assert len(order) == len(members)
        assert all(order[need] < unit.wave for unit in members for need in unit.needs)
        assert sum(len(unit.items) for unit in members) == len(items)
