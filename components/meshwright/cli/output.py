"""What is printed: lines of styled text on a terminal, the same lines plain elsewhere, or one JSON object."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any, TextIO, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from meshwright.errors import Problem

Line: TypeAlias = "tuple[tuple[str, str], ...]"
"""Pieces of one line, each with its style (rich's words; empty for none)."""


def line(*pieces: str | tuple[str, str]) -> Line:
    """A line of pieces; a bare string has no style."""
    return tuple((piece, "") if isinstance(piece, str) else piece for piece in pieces)


def is_styled() -> bool:
    """Whether to print colours: on a terminal that has them, without NO_COLOR in the environment (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def emit(text: str, stream: TextIO | None = None) -> None:
    """Write text, by default to standard output.

    A reader that has gone, as `head` does, is no error: the rest is written to nowhere, and the command goes on to its
    own exit status.
    """
    stream = stream or sys.stdout
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def show(lines: Iterable[Line]) -> None:
    """Print lines; plain ones where nothing is styled."""
    if not is_styled():
        for pieces in lines:
            emit("".join(text for text, _ in pieces).rstrip() + "\n")
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    for pieces in lines:
        console.print(Text.assemble(*pieces), soft_wrap=True)


def show_json(content: dict[str, Any]) -> None:
    """Print one JSON object."""
    emit(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def show_problems(problems: Sequence[Problem], *, as_json: bool) -> None:
    """Print mistakes: a line each on standard error, or one JSON object on standard output."""
    if as_json:
        fields = ("code", "place", "message", "remedy")
        show_json({"problems": [{field: str(getattr(problem, field)) for field in fields} for problem in problems]})
        return
    for problem in problems:
        emit(f"{problem}\n", sys.stderr)


def columns(rows: Sequence[Sequence[str]], gap: int = 2) -> list[str]:
    """Rows of cells as lines in which the cells of a column start below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "".join(cell.ljust(width + gap * bool(width)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def plural(number: int, noun: str) -> str:
    """`1 release`, `4 releases`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
