"""Annotations on a pull request: GitHub's workflow commands.

GitHub shows ten of a kind for each step; the last line says how many there are. Escaping is that of
actions/toolkit, packages/core/src/command.ts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshwright.report.counting import remarks, totals

if TYPE_CHECKING:
    from meshwright.gate.result import Item, Result


def write(result: Result) -> str:
    """A command for each finding, and the totals as plain lines."""
    return "".join(f"{line}\n" for line in (*map(_command, result.items), *remarks(result), totals(result.rules)))


def _command(item: Item) -> str:
    finding = item.finding
    title = f"{finding.rule} {finding.title} ({finding.level}, {item.state})"
    places = {"file": item.file, "line": str(item.line) if item.line else "", "title": title}
    properties = ",".join(f"{key}={_property(value)}" for key, value in places.items() if value)
    return f"::{_kind(item)} {properties}::{_data(_message(item))}"


def _kind(item: Item) -> str:
    if item.fails:
        return "error"
    return "notice" if item.waived or item.known else "warning"


def _message(item: Item) -> str:
    finding = item.finding
    lines = [f"{finding.resource}: {item.message}"]
    if item.waived:
        lines.append(item.excuse)
    elif finding.remedy:
        lines.append(f"→ {finding.remedy}")
    return "\n".join([*lines, *([f"why: {finding.url}"] if finding.url else [])])


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
