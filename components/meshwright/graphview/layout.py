"""Where cards lie: in layers from left to right, each to the right of all that comes before it.

The method is Sugiyama's in its simplest form: the longest path decides the layer, sweeps of barycentres the order in
it. A layer that would get too tall is broken into columns.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from meshwright.graphview.cards import Card, View

WIDTH, HEAD, ROW, FOOT = 376, 46, 22, 8
_GAP_X, _GAP_COLUMN, _GAP_Y, MARGIN = 76, 28, 22, 24
_TALLEST = 1400
_SWEEPS = 4


@dataclass(frozen=True, slots=True)
class Box:
    """A card's place, in pixels."""

    x: int
    y: int
    height: int
    width: int = WIDTH


@dataclass(frozen=True, slots=True)
class Layout:
    """The places of all cards, by number, and the size of the picture."""

    boxes: tuple[Box, ...]
    width: int
    height: int


def lay_out(view: View) -> Layout:
    """Place every card; the same for the same view."""
    columns = [column for layer in _ordered(view.cards) for column in _columns(view.cards, layer)]
    boxes: dict[int, Box] = {}
    x, tallest = MARGIN, max((_height_of(view.cards, column) for column, _ in columns), default=0)
    for column, is_last in columns:
        y = MARGIN + (tallest - _height_of(view.cards, column)) // 2
        for number in column:
            boxes[number] = Box(x, y, card_height(view.cards[number]))
            y += boxes[number].height + _GAP_Y
        x += WIDTH + (_GAP_X if is_last else _GAP_COLUMN)
    width = max((box.x + WIDTH for box in boxes.values()), default=0) + MARGIN
    return Layout(tuple(boxes[number] for number in range(len(view.cards))), width, tallest + 2 * MARGIN)


def card_height(card: Card) -> int:
    """In pixels."""
    return HEAD + ROW * len(card.rows) + (FOOT if card.rows else 0)


def _ordered(cards: Sequence[Card]) -> list[list[int]]:
    """The layers, each in an order that keeps edges short."""
    layer: dict[int, int] = {}
    after: dict[int, list[int]] = defaultdict(list)
    for number, card in enumerate(cards):
        layer[number] = max((layer[need] + 1 for need in card.needs), default=0)
        for need in card.needs:
            after[need].append(number)
    for number in range(len(cards) - 1, -1, -1):  # what comes early but is needed late stands beside who needs it
        if after[number] and not cards[number].needs:
            layer[number] = min(layer[other] for other in after[number]) - 1
    layers: dict[int, list[int]] = defaultdict(list)
    for number in range(len(cards)):
        layers[layer[number]].append(number)
    ordered = [layers[index] for index in sorted(layers)]
    for sweep in range(_SWEEPS):
        place = {number: index for members in ordered for index, number in enumerate(members)}
        neighbours = {n: tuple(after[n]) if sweep % 2 else cards[n].needs for n in range(len(cards))}
        for members in ordered:
            members.sort(key=lambda number: (_centre(neighbours[number], place, place[number]), number))
    return ordered


def _centre(neighbours: Sequence[int], place: Mapping[int, int], own: int) -> float:
    return sum(place[other] for other in neighbours) / len(neighbours) if neighbours else own


def _columns(cards: Sequence[Card], layer: Sequence[int]) -> list[tuple[list[int], bool]]:
    """A layer in as many columns as it needs; true for the last of them."""
    columns: list[list[int]] = [[]]
    for number in layer:
        if columns[-1] and _height_of(cards, [*columns[-1], number]) > _TALLEST:
            columns.append([])
        columns[-1].append(number)
    return [(column, index == len(columns) - 1) for index, column in enumerate(columns)]


def _height_of(cards: Sequence[Card], column: Sequence[int]) -> int:
    return sum(card_height(cards[number]) for number in column) + _GAP_Y * (len(column) - 1)
