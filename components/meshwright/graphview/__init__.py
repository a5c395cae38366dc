"""A resource graph as a picture: SVG, a page of HTML, or the text of Mermaid and Graphviz."""

from enum import StrEnum

from meshwright.graphview.cards import Card, Finding, Mark, Row, View, view
from meshwright.graphview.page import page
from meshwright.graphview.svg import svg
from meshwright.graphview.texts import dot, mermaid

__all__ = ["Card", "Finding", "Mark", "Picture", "Row", "View", "draw", "view"]


class Picture(StrEnum):
    """How a graph is drawn."""

    SVG = "svg"
    HTML = "html"
    MERMAID = "mermaid"
    DOT = "dot"


def draw(what: View, how: Picture) -> str:
    """The text of the file: the same for the same view, byte for byte."""
    return {Picture.SVG: svg, Picture.HTML: page, Picture.MERMAID: mermaid, Picture.DOT: dot}[how](what)
