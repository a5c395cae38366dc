"""What the gate found, in the forms that pipelines read. Each module turns a `Result` into one text."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from meshwright.gate.result import Result

FORMATS: Final = ("text", "json", "sarif", "junit", "github", "markdown")


def written(result: Result, name: str) -> str:
    """The text of a result in one of `FORMATS`."""
    module = import_module(f"meshwright.report.{'as_json' if name == 'json' else name}")
    return str(module.write(result)).encode(errors="replace").decode()  # a name may hold half a surrogate pair
