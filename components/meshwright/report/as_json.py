"""The gate's result as one JSON object."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from meshwright.report.counting import counts

if TYPE_CHECKING:
    from meshwright.gate.result import Item, Result


def write(result: Result) -> str:
    """The text."""
    return json.dumps(content(result), indent=2, ensure_ascii=False) + "\n"


def content(result: Result) -> dict[str, Any]:
    """The object. Inputs of resources are left out: they may hold what nobody should print."""
    return {
        "command": "gate",
        "project": result.project,
        "stack": result.stack,
        "source": result.source,
        "as_of": result.as_of,
        "catalog_overlays": list(result.overlays),
        "fail_on": sorted(result.fail_on),
        "failed": result.failed,
        "compared": result.compared,
        "gone": list(result.gone),
        "policy": {
            "pack": result.pack,
            "version": result.pack_version,
            "rules": counts(result.rules),
            "blocks": any(
                item.finding.verdict == "violated" and item.finding.level == "mandatory" for item in result.items
            ),
        },
        "findings": [finding(item) for item in result.items],
        "notes": [{"subject": note.subject, "text": note.text} for note in result.notes],
    }


def finding(item: Item) -> dict[str, Any]:
    """One finding."""
    found, waiver = item.finding, item.finding.waiver
    return {
        "rule": found.rule,
        "title": found.title,
        "level": found.level,
        "severity": found.severity,
        "verdict": found.verdict.value,
        "resource": found.resource,
        "urn": found.urn,
        "message": item.message,
        "remedy": found.remedy,
        "place": item.place,
        "url": found.url,
        "fingerprint": item.fingerprint,
        "known": item.known,
        "fails": item.fails,
        "waiver": waiver
        and {"reason": waiver.reason, "owner": waiver.owner, "until": waiver.expires, "ticket": waiver.ticket},
    }
