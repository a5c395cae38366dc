"""`meshwright schema`: the JSON Schema of a stack file, for editors."""

from pathlib import Path
from typing import Annotated

import typer

from meshwright.cli import options
from meshwright.cli.files import write_file
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
    write_file(to, text)
    if as_json:
        show_json({"command": "schema", "file": str(to)})
    else:
        show([line(f"{to}: written")])
    return 0
