"""`meshwright schema`: the JSON Schema of a stack file, for editors."""

from pathlib import Path
from typing import Annotated

import typer

from meshwright.cli import options
from meshwright.cli.output import emit, line, show, show_json


def schema(
    *,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", show_default=False, help="Write it there instead.")
    ] = None,
    as_json: options.Json = False,
) -> int:
    """Print the JSON Schema of a stack file."""
    from meshwright.config.schema import schema_text

    text = schema_text()
    if to is None:
        emit(text)
        return 0
    _write(to, text)
    if as_json:
        show_json({"command": "schema", "file": str(to)})
    else:
        show([line(f"{to}: written")])
    return 0


def _write(path: Path, text: str) -> None:
    """Write a file as a whole: by way of a neighbour that takes its place.

    Raises:
        OutputError: it can't be written (MW-E091).
    """
    from meshwright.errors import Code, OutputError, Problem

    neighbour = path.with_name(f".{path.name}.new")
    try:
        neighbour.write_text(text, "utf-8")
        neighbour.replace(path)
    except OSError as error:
        neighbour.unlink(missing_ok=True)
        reason = (error.strerror or str(error)).lower()
        remedy = "name a file in a folder that can be written"
        raise OutputError(Problem(Code.OUTPUT_NOT_WRITABLE, f"can't be written: {reason}", remedy, str(path))) from None
