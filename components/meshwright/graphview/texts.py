"""The picture as text for Mermaid (which GitHub and GitLab draw) and for Graphviz."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from meshwright.graphview.cards import SIGNS
from meshwright.graphview.svg import PHASES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.graphview.cards import Card, View

_COLOURS = (("#eceff3", "#6b7484"), ("#fdf0d5", "#8a5a00"), ("#d9f2e6", "#0b6a4f"), ("#e8e5fb", "#4c3fb1"))
"""Fill and line of the phases' colours, as in the light SVG."""


def mermaid(view: View) -> str:
    """A flowchart with a subgraph for each card."""
    lines = ["flowchart LR"]
    for number, card in enumerate(view.cards):
        if not card.rows:
            lines.append(f"  c{number}[{_quoted(_title(card))}]")
            continue
        lines += [f"  subgraph c{number}[{_quoted(_title(card))}]", "    direction TB"]
        for index, row in enumerate(card.rows):
            lines.append(f"    c{number}r{index}[{_quoted(_signed(f'{row.name}: {row.kind}', SIGNS[row.mark]))}]")
            lines += [f"    c{number}r{need} --> c{number}r{index}" for need in row.needs]
        lines.append("  end")
    lines += [f"  c{first} {'-.->' if backward else '-->'} c{later}" for first, later, backward in _edges(view)]
    lines += [
        f"  classDef p{number} fill:{fill},stroke:{line},color:#1c2330" for number, (fill, line) in enumerate(_COLOURS)
    ]
    lines += [f"  class c{number} p{PHASES.get(card.phase, 0)}" for number, card in enumerate(view.cards) if card.phase]
    return "\n".join(lines) + "\n"


def dot(view: View) -> str:
    """A directed graph with a cluster for each card."""
    lines = [
        f"digraph {_string(f'{view.project}/{view.stack}')} {{",
        "  graph [rankdir=LR, compound=true, fontname=sans];",
        "  node [shape=box, style=rounded, fontname=sans, fontsize=11];",
    ]
    for number, card in enumerate(view.cards):
        fill, line = _COLOURS[PHASES.get(card.phase, 0)] if card.phase else ("#ffffff", "#94a0b4")
        lines += [
            f"  subgraph cluster_{number} {{",
            f'    label={_string(_title(card))}; style="rounded,filled";',
            f"    color={_string(line)}; fillcolor={_string(fill)};",
            *(
                f"    c{number}r{index} [label={_string(_signed(f'{row.name}: {row.kind}', SIGNS[row.mark]))}];"
                for index, row in enumerate(card.rows)
            ),
            *([] if card.rows else [f'    c{number}r0 [label="", style=invis, width=0.1];']),
            *(
                f"    c{number}r{need} -> c{number}r{index};"
                for index, row in enumerate(card.rows)
                for need in row.needs
            ),
            "  }",
        ]
    for first, later, backward in _edges(view):
        ends = f"ltail=cluster_{first}, lhead=cluster_{later}"
        lines.append(f"  c{first}r0 -> c{later}r0 [{ends}{', style=dashed' if backward else ''}];")
    return "\n".join([*lines, "}"]) + "\n"


def _edges(view: View) -> Iterator[tuple[int, int, bool]]:
    for number, card in enumerate(view.cards):
        yield from ((other, number, False) for other in card.needs)
        yield from ((other, number, True) for other in card.backward)


def _title(card: Card) -> str:
    return _signed(" · ".join(part for part in (card.name, card.kind, card.phase) if part), SIGNS[card.mark])


def _signed(words: str, sign: str) -> str:
    return f"{sign} {words}" if sign else words


def _quoted(words: str) -> str:
    """A label that Mermaid takes as it is: what has a meaning for it is written by its number."""
    return '"' + re.sub(r"[^\w .:/·✗~×-]", lambda match: f"#{ord(match[0])};", words) + '"'


def _string(words: str) -> str:
    escaped = words.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
