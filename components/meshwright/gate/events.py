"""The events of the real CLI's preview, one JSON object a line.

``PULUMI_ENABLE_STREAMING_JSON_PREVIEW=1 pulumi preview --json`` prints them (sdk/go/common/apitype/events.go): the only
output of the CLI that has the resources of a preview as the providers checked them. Secrets are ``[secret]`` there, and
source positions are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshwright.errors import Code, ConfigError, Problem
from meshwright.gate import states
from meshwright.gate.files import foreign, name_of, parse_json, read_text

if TYPE_CHECKING:
    from pathlib import Path

    from meshwright.engine.graph import Graph, Resource

_REMEDY = "write it with `PULUMI_ENABLE_STREAMING_JSON_PREVIEW=1 pulumi preview --json > FILE`"
_GOING = frozenset(
    {"delete", "delete-replaced", "discard", "discard-replaced", "read-discard", "remove-pending-replace"}
)


def read_events(path: Path) -> Graph:
    """The graph of a preview: what the stack would have when it is done. Deleted resources are left out.

    Args:
        path: The lines that the CLI printed; ``-`` for standard input.

    Raises:
        ConfigError: MW-E035 it can't be read, MW-E036 it is something else, MW-E037 the preview failed or didn't end.
    """
    text = read_text(path)
    found: dict[str, Resource] = {}
    result = ""
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        event = _event(path, text, line, number)
        if isinstance(summary := event.get("summaryEvent"), dict):
            result = str(summary.get("result") or ("failed" if summary.get("maybeCorrupt") else "succeeded"))
        try:
            _take(event, found)
        except (ValueError, TypeError, AttributeError) as error:
            raise foreign(path, f"has an event that Pulumi does not write ({error})", _REMEDY, number) from None
    if result != "succeeded":
        how = f"a preview that {result}" if result else "a preview that did not end"
        remedy = "mend what the preview complains of, and write the events again"
        raise ConfigError(Problem(Code.PREVIEW_FAILED, f"has the events of {how}", remedy, name_of(path)))
    try:
        return states.graph(found.values())
    except ValueError as error:
        raise foreign(path, f"isn't the events of one preview ({error})", _REMEDY) from None


def _event(path: Path, text: str, line: str, number: int) -> dict[str, Any]:
    try:
        event = parse_json(line)
    except ValueError:
        event = None
    if isinstance(event, dict) and isinstance(event.get("sequence"), int):
        return event
    if number == 1 and text.lstrip().startswith("{") and '"steps"' in text:
        what = "has the JSON of a `pulumi preview` that did not stream, which leaves out what policy needs"
        raise foreign(path, what, _REMEDY)
    raise foreign(path, "isn't the events of a `pulumi preview`", _REMEDY, number)


def _take(event: dict[str, Any], found: dict[str, Resource]) -> None:
    """Keep the state that a step leads to; the outputs of a component come with a later event."""
    for kind in ("resourcePreEvent", "resOutputsEvent"):
        metadata = (event.get(kind) or {}).get("metadata") or {}
        state = metadata.get("new")
        if state and metadata.get("op") not in _GOING and state.get("delete") is not True:
            resource = states.resource(state)
            found[resource.urn] = resource
