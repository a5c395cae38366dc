"""The four pictures: well-formed, the same each time, and with nothing in them that should not be seen."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwright.engine.graph import Secret
from meshwright.graphview import Finding, Mark, Picture, View, draw, view
from tests.conftest import Golden
from tests.unit.render.graphs import component, graph, kubernetes
from tests.unit.render.meshes import mesh

SVG = "{http://www.w3.org/2000/svg}"
ENDINGS = {Picture.SVG: "graph.svg", Picture.HTML: "graph.html", Picture.MERMAID: "graph.mmd", Picture.DOT: "graph.dot"}
VOID = {"meta", "br"}


def _mesh() -> View:
    phased = component("meshwright:index:AmbientNamespace", "legacy", inputs={"phase": "unmeshed"})
    one, two = component("acme:index:App", "one"), component("acme:index:App", "two")
    first = kubernetes("v1", "ConfigMap", "first", parent=one.urn)
    second = kubernetes("v1", "ConfigMap", "second", parent=two.urn, dependencies=(first.urn,))
    third = kubernetes("v1", "ConfigMap", "third", parent=one.urn, dependencies=(second.urn,))
    findings = [
        Finding(phased.urn, Mark.STOPS, "MW-ADO-003", "legacy is <unmeshed>", "keep it & wait"),
        Finding(first.urn, Mark.OPEN, "MW-X-001", "not known yet", "nothing"),
    ]
    counts = {"passed": 5, "violated": 1, "not_applicable": 3}
    return view(graph(*mesh(), phased, one, two, first, second, third), findings, "2026-11-23", counts)


def _named(name: str) -> View:
    app = component("acme:index:App", name, inputs={"phase": name})
    made = kubernetes("v1", "ConfigMap", name, parent=app.urn)
    finding = Finding(made.urn, Mark.WARNS, name, name, name)
    return view(graph(app, made), [finding], "2026-11-23", {})


class _Balance(HTMLParser):
    """Every element that is opened is closed, in turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self.addresses += [value or "" for key, value in attrs if key in ("src", "href", "action")]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for key, value in attrs if key in ("src", "href", "action")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("how", list(Picture))
def test_the_picture_of_a_mesh(how: Picture, golden: Golden) -> None:
    golden(f"graph/{how}", {ENDINGS[how]: draw(_mesh(), how).encode()})
    assert draw(_mesh(), how) == draw(_mesh(), how)


@pytest.mark.parametrize("how", list(Picture))
def test_no_input_is_in_a_picture(how: Picture) -> None:
    secret = kubernetes("v1", "Secret", "ca", body={"data": Secret({"key": "hunter2"}), "stringData": {"a": "plain2"}})
    drawn = draw(view(graph(secret), (), "2026-11-23", {}), how)
    assert "hunter2" not in drawn
    assert "plain2" not in drawn


@given(st.text(min_size=1, max_size=60))
def test_any_name_makes_a_well_formed_svg(name: str) -> None:
    root = ElementTree.fromstring(draw(_named(name), Picture.SVG))  # noqa: S314  our own text
    assert root.tag == f"{SVG}svg"
    assert len(root.findall(f"{SVG}g")) == 1


@given(st.text(min_size=1, max_size=60))
def test_any_name_makes_a_balanced_page(name: str) -> None:
    parser = _Balance()
    parser.feed(draw(_named(name), Picture.HTML))
    assert parser.open == []


@given(st.text(min_size=1, max_size=60))
def test_any_name_stays_within_its_line_of_mermaid_and_dot(name: str) -> None:
    assert len(draw(_named(name), Picture.MERMAID).splitlines()) == len(draw(_named("x"), Picture.MERMAID).splitlines())
    text = draw(_named(name), Picture.DOT)
    assert len(re.findall(r'(?<!\\)(?:\\\\)*"', text)) % 2 == 0


def test_the_page_asks_for_nothing_and_allows_its_own_script_alone() -> None:
    text = draw(_mesh(), Picture.HTML)
    parser = _Balance()
    parser.feed(text)
    assert parser.addresses == []
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)
    assert script
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in text
    assert "url(" not in text.replace("url(#tip)", "")
    assert "@import" not in text


def test_the_page_says_in_words_what_the_picture_shows() -> None:
    text = draw(_mesh(), Picture.HTML)
    assert '<html lang="en">' in text
    assert "legacy is &lt;unmeshed&gt;<br>→ keep it &amp; wait" in text
    assert "<td>waypoint</td><td>kubernetes:gateway.networking.k8s.io/v1:Gateway</td>" in text
    assert "not known yet</td>" in text
    for role in ('role="img"', 'role="region"', "<title", "<desc", "scope='col'"):
        assert role in text


def test_what_waits_for_a_later_card_is_tied_to_it_on_the_outside() -> None:
    one, two = component("acme:index:App", "one"), component("acme:index:App", "two")
    first = kubernetes("v1", "ConfigMap", "first", parent=two.urn)
    second = kubernetes("v1", "ConfigMap", "second", parent=one.urn, dependencies=(first.urn,))
    drawn = draw(view(graph(one, two, first, second), (), "2026-11-23", {}), Picture.SVG)
    (edge,) = re.findall(r'<path class="edge backward" data-from="1" data-to="0" [^>]* d="M(\d+) \d+C(\d+)', drawn)
    assert int(edge[1]) > int(edge[0])


def test_a_graph_of_nothing() -> None:
    nothing = view(graph(), (), "2026-11-23", {})
    assert draw(nothing, Picture.MERMAID).startswith("flowchart LR\n")
    assert ElementTree.fromstring(draw(nothing, Picture.SVG)).find(f"{SVG}g") is None  # noqa: S314  our own text
