"""What is drawn of a graph."""

from __future__ import annotations

from hypothesis import given

from meshwright.engine.graph import Graph, Resource
from meshwright.graphview import Finding, Mark, View, view
from meshwright.graphview.layout import WIDTH, lay_out
from tests.unit.render.graphs import STACK_URN, component, graph, kubernetes
from tests.unit.render.meshes import mesh, provider
from tests.unit.render.test_units import graphs

DAY = "2026-11-23"


def _view(*resources: Resource, findings: tuple[Finding, ...] = ()) -> View:
    return view(graph(*resources), findings, DAY, {})


def _rows(found: View, name: str) -> dict[str, tuple[str, ...]]:
    (card,) = [card for card in found.cards if card.name == name]
    return {row.name: tuple(card.rows[need].name for need in row.needs) for row in card.rows}


def test_a_card_is_a_component_and_all_alone_are_the_stack_s() -> None:
    found = _view(*mesh())
    assert [(card.name, card.kind) for card in found.cards] == [
        ("shop-dev", "Stack"),
        ("mesh", "IstioAmbient"),
        ("checkout", "AmbientNamespace"),
    ]
    assert [card.needs for card in found.cards] == [(), (), (1,)]
    assert _rows(found, "mesh") == {
        "gateway-api": (),
        "istio-system": (),
        "istio-base": ("istio-system",),
        "istiod": ("gateway-api", "istio-base"),
    }
    assert _rows(found, "checkout")["checkout-waypoint"] == ("waypoint",)


def test_components_in_components_are_rows_that_stand_in() -> None:
    outer = component("acme:index:Outer", "outer", inputs={"phase": "strict"})
    inner = component("acme:index:Inner", "inner", parent=outer.urn)
    made = kubernetes("v1", "ConfigMap", "made", parent=inner.urn)
    (card,) = _view(outer, inner, made).cards
    assert card.phase == "strict"
    assert [(row.name, row.depth) for row in card.rows] == [("inner", 0), ("made", 1)]


def test_a_custom_resource_with_children_has_a_card_and_a_phase_is_text() -> None:
    parent = kubernetes("v1", "ConfigMap", "parent", body={"phase": 3})
    child = kubernetes("v1", "ConfigMap", "child", parent=parent.urn)
    (card,) = _view(parent, child).cards
    assert (card.name, card.phase, [row.name for row in card.rows]) == ("parent", "", ["child"])


def test_an_edge_against_the_order_is_told_apart() -> None:
    one, two = component("acme:index:App", "one"), component("acme:index:App", "two")
    first = kubernetes("v1", "ConfigMap", "first", parent=one.urn)
    second = kubernetes("v1", "ConfigMap", "second", parent=two.urn, dependencies=(first.urn,))
    third = kubernetes("v1", "ConfigMap", "third", parent=one.urn, dependencies=(second.urn,))
    found = _view(one, two, first, second, third)
    assert [(card.needs, card.backward) for card in found.cards] == [((), (1,)), ((0,), ())]


def test_the_provider_of_all_is_no_edge() -> None:
    cluster = provider()
    app = component("acme:index:App", "app")
    made = kubernetes("v1", "ConfigMap", "made", parent=app.urn, provider=cluster.urn)
    assert [card.needs for card in _view(cluster, app, made).cards] == [(), ()]


def test_many_of_a_type_are_counted_and_marked_ones_stay() -> None:
    app = component("acme:index:App", "app")
    many = [kubernetes("v1", "ConfigMap", f"c{number:02}", parent=app.urn) for number in range(30)]
    (card,) = _view(app, *many, findings=(Finding(many[7].urn, Mark.WARNS, "R", "m"),)).cards
    assert [(row.name, row.kind, row.mark) for row in card.rows] == [
        ("c07", "ConfigMap", Mark.WARNS),
        ("29 ×", "ConfigMap", Mark.NONE),
    ]


def test_a_card_has_the_worst_mark_of_all_in_it_and_findings_come_worst_first() -> None:
    app = component("acme:index:App", "app")
    made = kubernetes("v1", "ConfigMap", "made", parent=app.urn)
    findings = (
        Finding(made.urn, Mark.WAIVED, "B", "m"),
        Finding(made.urn, Mark.OPEN, "C", "m"),
        Finding(app.urn, Mark.STOPS, "A", "m"),
        Finding(STACK_URN, Mark.WARNS, "D", "m"),
    )
    found = _view(app, made, findings=findings)
    assert (found.cards[0].mark, found.cards[0].rows[0].mark) == (Mark.STOPS, Mark.OPEN)
    assert [each.rule for each in found.findings] == ["A", "D", "C", "B"]


@given(graphs())
def test_every_resource_is_in_one_card_and_no_two_cards_lie_on_each_other(found: Graph) -> None:
    drawn = view(found, (), DAY, {})
    components = sum(card.key in {each.urn for each in found.resources[1:]} for card in drawn.cards)
    assert sum(len(card.rows) for card in drawn.cards) + components == len(found.resources) - 1
    layout = lay_out(drawn)
    boxes = layout.boxes
    for number, one in enumerate(boxes):
        assert one.x + WIDTH < layout.width
        assert one.y + one.height < layout.height
        assert all(boxes[need].x < one.x for need in drawn.cards[number].needs)
        for other in boxes[:number]:
            apart = abs(one.x - other.x) > WIDTH or one.y + one.height < other.y or other.y + other.height < one.y
            assert apart


def test_a_tall_layer_is_broken_into_columns() -> None:
    apps = [component("acme:index:App", f"app-{number}") for number in range(60)]
    last = component("acme:index:App", "last", dependencies=tuple(app.urn for app in apps))
    layout = lay_out(_view(*apps, last))
    assert len({box.x for box in layout.boxes}) == 4
    assert layout.height < 1500
    assert layout.boxes[-1].x > max(box.x for box in layout.boxes[:-1])
