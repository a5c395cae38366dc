"""A sign of life for what takes longer than a second: on a terminal, on standard error, and nowhere else."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

AFTER_S = 1.0


@contextmanager
def working(on: str) -> Iterator[None]:
    """Show a spinner with these words for as long as the body runs, once it has run for a second."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield
        return
    done = Event()
    spinner = Thread(target=_spin, args=(on, done), daemon=True)
    spinner.start()
    try:
        yield
    finally:
        done.set()
        spinner.join()


def _spin(on: str, done: Event) -> None:
    if done.wait(AFTER_S):
        return
    from rich.console import Console

    with Console(stderr=True).status(on):
        done.wait()
