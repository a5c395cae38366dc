"""The picture as SVG, with its own styles for light and dark surroundings, and nothing from elsewhere."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from meshwright.graphview.cards import SIGNS, WORDS
from meshwright.graphview.layout import FOOT, HEAD, MARGIN, ROW, WIDTH, Box, lay_out

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from meshwright.graphview.cards import Card, Row, View

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BOLD, _NORMAL = 8.6, 7.1
"""Pixels of a character, on the wide side: which font is there is not known."""

PALETTE = """\
--paper:#f6f7f9;--card:#ffffff;--ink:#1c2330;--dim:#5b6678;--line:#d3d9e2;--edge:#94a0b4;--focus:#2458d3;
--stops:#b3261e;--warns:#8a5a00;--open:#0b6a86;--waived:#5b6678;
--p0:#6b7484;--p0b:#eceff3;--p1:#8a5a00;--p1b:#fdf0d5;--p2:#0b6a4f;--p2b:#d9f2e6;--p3:#4c3fb1;--p3b:#e8e5fb;"""
DARK = """\
--paper:#12161d;--card:#1b212b;--ink:#e7ebf2;--dim:#9ba7ba;--line:#343d4c;--edge:#5f6c82;--focus:#8fb0ff;
--stops:#ff9d94;--warns:#f2c063;--open:#75d2ee;--waived:#9ba7ba;
--p0:#b4bdcb;--p0b:#2a3240;--p1:#f2c063;--p1b:#3a2f17;--p2:#7fdcb7;--p2b:#163528;--p3:#c0b7ff;--p3b:#2a2650;"""
STYLE = """\
text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:var(--ink)}
.name{font-size:14px;font-weight:600}.kind,.row-kind,.row{font-size:12px}.kind,.row-kind{fill:var(--dim)}
.box{fill:var(--card);stroke:var(--line)}.rule{stroke:var(--line)}
.edge{fill:none;stroke:var(--edge);stroke-width:1.5}.backward{stroke-dasharray:5 4}
.inner{fill:none;stroke:var(--edge);stroke-width:1.2}.tip{fill:var(--edge)}
.sign{font-size:13px;font-weight:700}.pill-text{font-size:11px;font-weight:600}
.stops{fill:var(--stops)}.warns{fill:var(--warns)}.open{fill:var(--open)}.waived{fill:var(--waived)}
.box.stops{fill:var(--card);stroke:var(--stops);stroke-width:2}.box.warns{fill:var(--card);stroke:var(--warns)}
.box.open{fill:var(--card);stroke:var(--open)}.box.waived{fill:var(--card);stroke:var(--line)}
.p0{fill:var(--p0)}.p1{fill:var(--p1)}.p2{fill:var(--p2)}.p3{fill:var(--p3)}
.p0b{fill:var(--p0b)}.p1b{fill:var(--p1b)}.p2b{fill:var(--p2b)}.p3b{fill:var(--p3b)}"""

PHASES = {"unmeshed": 0, "permissive": 1, "audit": 1, "strict": 2, "authenticated": 2, "deny": 3}
"""Phase -> number of its colour: outside, watched, enforced, closed."""


def svg(view: View) -> str:
    """A document of its own."""
    return drawing(view, style=f"svg{{{PALETTE}}}@media (prefers-color-scheme:dark){{svg{{{DARK}}}}}{STYLE}")


def drawing(view: View, style: str = "") -> str:
    """The `svg` element; without `style`, the page around it has the styles."""
    layout = lay_out(view)
    width, height = max(layout.width, 2 * MARGIN + WIDTH), max(layout.height, 2 * MARGIN + HEAD)
    title = f"Resources of {view.project}/{view.stack}"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"',
        'role="img" aria-labelledby="graph-title graph-about">',
        f'<title id="graph-title">{text(title)}</title>',
        f'<desc id="graph-about">{text(_about(view))}</desc>',
        *([f"<style>{style}</style>"] if style else []),
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">',
        '<path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>',
        f'<rect width="{width}" height="{height}" fill="var(--paper)"/>',
        *_edges(view, layout.boxes),
    ]
    for number, (card, box) in enumerate(zip(view.cards, layout.boxes, strict=True)):
        lines += _card(number, card, box)
    return "\n".join([*lines, "</svg>"]) + "\n"


def text(words: str) -> str:
    """Text as XML and HTML take it; characters that neither can hold become a question mark."""
    return html.escape(_UNPRINTABLE.sub("?", words), quote=True)


def _about(view: View) -> str:
    cards = len(view.cards)
    return (
        f"{view.resources} resources in {cards} group{'' if cards == 1 else 's'}. "
        "An arrow leads from what comes first to what waits for it."
    )


def _edges(view: View, boxes: tuple[Box, ...]) -> Iterator[str]:
    for number, card in enumerate(view.cards):
        for other in card.needs:
            yield _edge(other, number, boxes, "edge")
        for other in card.backward:
            yield _edge(other, number, boxes, "edge backward")


def _edge(first: int, later: int, boxes: tuple[Box, ...], style: str) -> str:
    one, two = boxes[first], boxes[later]
    y1, y2 = one.y + HEAD // 2, two.y + HEAD // 2
    if one.x < two.x:
        x1, x2 = one.x + one.width, two.x - 2
        bend = max(36, (x2 - x1) // 2)
        path = f"M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"
    elif one.x > two.x:  # against the order: from the left side back to the right side
        x1, x2 = one.x, two.x + two.width + 2
        path = f"M{x1} {y1 + 14}C{x1 - 36} {y1 + 14} {x2 + 36} {y2 + 14} {x2} {y2 + 14}"
    else:
        right = one.x + one.width
        path = f"M{right} {y1}C{right + 44} {y1} {right + 44} {y2} {right + 2} {y2}"
    return f'<path class="{style}" data-from="{first}" data-to="{later}" marker-end="url(#tip)" d="{path}"/>'


def _card(number: int, card: Card, box: Box) -> Iterator[str]:
    label = ", ".join(part for part in (card.name, card.kind, card.phase, WORDS[card.mark]) if part)
    yield f'<g class="card" data-card="{number}" transform="translate({box.x} {box.y})"><title>{text(label)}</title>'
    yield f'<rect class="box {card.mark.value}" width="{box.width}" height="{box.height}" rx="9"/>'
    right = box.width - 12
    if card.mark:
        yield f'<text class="sign {card.mark.value}" x="{right}" y="20" text-anchor="end">{SIGNS[card.mark]}</text>'
        right -= 18
    if card.phase:
        right -= yield from _pill(card.phase, right)
    yield f'<text class="name" x="12" y="20">{text(_fit(card.name, right - 12, _BOLD))}</text>'
    yield f'<text class="kind" x="12" y="36">{text(_fit(card.kind, box.width - 24, _NORMAL))}</text>'
    if card.rows:
        yield f'<path class="rule" d="M0 {HEAD}H{box.width}"/>'
        for index, row in enumerate(card.rows):
            yield from _row(index, row)
    yield "</g>"


def _pill(phase: str, right: int) -> Generator[str, None, int]:
    """A phase in its colour, ending at `right`; returns its width with the gap before it."""
    colour = PHASES.get(phase, 0)
    shown = _fit(phase, 96, _NORMAL)
    width = int(len(shown) * 7.4) + 18
    yield f'<rect class="p{colour}b" x="{right - width}" y="7" width="{width}" height="18" rx="9"/>'
    yield (
        f'<text class="pill-text p{colour}" x="{right - width / 2:g}" y="20" text-anchor="middle" '
        f'style="fill:var(--p{colour})">{text(shown)}</text>'
    )
    return width + 8


def _row(index: int, row: Row) -> Iterator[str]:
    middle = HEAD + FOOT // 2 + ROW * index + ROW // 2
    for need in row.needs:
        other = HEAD + FOOT // 2 + ROW * need + ROW // 2
        bow = 4 if index - need > 1 else 9
        yield f'<path class="inner" d="M17 {other}C{bow} {other} {bow} {middle} 17 {middle}"/>'
    x = 24 + 12 * row.depth
    kind = _fit(row.kind, 150, _NORMAL)
    right = WIDTH - 12
    full = ", ".join(part for part in (row.name, row.kind, WORDS[row.mark]) if part)
    yield f"<g><title>{text(full)}</title>"
    yield f'<rect x="0" y="{middle - ROW // 2}" width="{WIDTH}" height="{ROW}" fill="transparent"/>'
    if row.mark:
        sign = f'class="sign {row.mark.value}" x="{right}" y="{middle + 4}" text-anchor="end"'
        yield f"<text {sign}>{SIGNS[row.mark]}</text>"
        right -= 18
    yield f'<text class="row-kind" x="{right}" y="{middle + 4}" text-anchor="end">{text(kind)}</text>'
    room = right - len(kind) * _NORMAL - 8 - x
    yield f'<text class="row" x="{x}" y="{middle + 4}">{text(_fit(row.name, room, _NORMAL))}</text></g>'


def _fit(words: str, room: float, wide: float) -> str:
    """As much of a name as there is room for; the middle goes, since ends tell names apart."""
    most = max(4, int(room / wide))
    if len(words) <= most:
        return words
    head = (most - 1) // 2
    return f"{words[:head]}…{words[len(words) - (most - 1 - head) :]}"
