"""Single files that a command writes: as a whole, or not at all."""

from __future__ import annotations

import os
from shutil import copymode
from typing import TYPE_CHECKING

from meshwright.errors import Code, OutputError, Problem

if TYPE_CHECKING:
    from pathlib import Path


def write_file(path: Path, text: str, *, make_folder: bool = False) -> None:
    """Write a file by way of a neighbour that takes its place.

    Args:
        path: The file.
        text: What it holds from then on.
        make_folder: Make its folder, and those above it, where they are missing.

    Raises:
        OutputError: it can't be written (MW-E091).
    """
    neighbour = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        if make_folder:
            path.parent.mkdir(parents=True, exist_ok=True)
        neighbour.write_bytes(text.encode())
        if path.exists():
            copymode(path, neighbour)
        neighbour.replace(path)
    except OSError as error:
        if neighbour.parent.is_dir():
            neighbour.unlink(missing_ok=True)
        raise not_writable(path, error) from None


def not_writable(path: Path, error: OSError) -> OutputError:
    """One line for a failed system call."""
    reason = (error.strerror or str(error)).lower()
    remedy = "name a file in a folder that can be written"
    return OutputError(Problem(Code.OUTPUT_NOT_WRITABLE, f"can't be written: {reason}", remedy, str(path)))
