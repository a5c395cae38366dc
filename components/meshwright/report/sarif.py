"""SARIF 2.1.0, as code scanning services read it.

The standard: docs.oasis-open.org/sarif/sarif/v2.1.0. Numbers for ``security-severity`` are those by which GitHub makes
low, medium, high and critical of them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from meshwright import __version__
from meshwright.engine.policy import Verdict
from meshwright.report.counting import remarks, totals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshwright.engine.policy import RuleResult
    from meshwright.gate.result import Item, Result

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_SEVERITY: Final = {"low": "3.0", "medium": "5.5", "high": "8.0", "critical": "9.5"}
_LEVELS: Final = {"mandatory": "error", "advisory": "warning"}
_KINDS: Final = {Verdict.VIOLATED: "fail", Verdict.UNDECIDED: "open", Verdict.WAIVED: "fail"}


def write(result: Result) -> str:
    """The log, with one run."""
    known = _catalogue()
    rules = [_rule(rule, known.get(rule.rule)) for rule in result.rules]
    indexes = {rule["id"]: index for index, rule in enumerate(rules)}
    driver = {
        "name": "meshwright",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": rules,
        "properties": {"pack": result.pack, "packVersion": result.pack_version},
    }
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"meshwright/{result.project}/{result.stack}/"},
        "columnKind": "unicodeCodePoints",
        "results": [_result(item, indexes, result) for item in result.items],
        "properties": {
            "asOf": result.as_of,
            "source": result.source,
            "totals": totals(result.rules),
            "remarks": remarks(result),
            "failed": result.failed,
        },
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _catalogue() -> Mapping[str, Any]:
    """Our own rules by id: they know more than a pack can say over the protocol."""
    from meshwright_policy.catalogue import RULES

    return {rule.id: rule for rule in RULES}


def _rule(rule: RuleResult, known: Any) -> dict[str, Any]:
    described: dict[str, Any] = {
        "id": rule.rule,
        "shortDescription": {"text": rule.title or rule.rule},
        "defaultConfiguration": {"level": _LEVELS[rule.level]},
        "properties": {"tags": ["policy"]},
    }
    if known is None:
        return described
    lines = [known.why, known.remedy, f"See {known.url}."]
    described["name"] = "".join(word.capitalize() for word in known.slug.split("-"))
    described["fullDescription"] = {"text": known.why}
    described["help"] = {"text": "\n\n".join(lines)}
    described |= _help_uri(known.url) or _help_uri(next(iter(known.references), ""))
    described["properties"] = {
        "tags": ["security", "policy", known.subject, *map(_requirement, known.frameworks)],
        "security-severity": _SEVERITY[known.severity.value],
        "references": list(known.references),
    }
    return described


def _requirement(answered: Any) -> str:
    return f"{answered.framework} {answered.version} {answered.id}"


def _help_uri(url: str) -> dict[str, str]:
    """SARIF wants an absolute address; a page in this repository is none."""
    return {"helpUri": url} if urlsplit(url).scheme in ("http", "https") else {}


def _result(item: Item, indexes: Mapping[str, int], result: Result) -> dict[str, Any]:
    finding, kind = item.finding, _KINDS[item.finding.verdict]
    text = f"{finding.resource}: {item.message}" + (f"\n→ {finding.remedy}" if finding.remedy else "")
    found: dict[str, Any] = {
        "ruleId": finding.rule,
        "kind": kind,
        "level": _LEVELS[finding.level] if kind == "fail" else "none",
        "message": {"text": text},
        "locations": [_location(item)],
        "partialFingerprints": {"meshwrightFinding/v1": item.fingerprint},
        "properties": {
            "verdict": finding.verdict.value,
            "enforcement": finding.level,
            "severity": finding.severity,
            "remedy": finding.remedy,
            "page": finding.url,
            "fails": item.fails,
            "known": item.known,
        },
    }
    if finding.rule in indexes:
        found["ruleIndex"] = indexes[finding.rule]
    if item.waived:
        found["suppressions"] = [_suppression(item)]
    if result.compared or item.known:
        found["baselineState"] = "unchanged" if item.known else "new"
    return found


def _location(item: Item) -> dict[str, Any]:
    location: dict[str, Any] = {
        "logicalLocations": [
            {"name": item.finding.resource, "fullyQualifiedName": item.finding.urn, "kind": "resource"}
        ]
    }
    if item.file:
        artifact = {"uri": quote(item.file), "uriBaseId": "%SRCROOT%"}
        if Path(item.file).is_absolute():
            artifact = {"uri": Path(item.file).as_uri()}
        physical: dict[str, Any] = {"artifactLocation": artifact}
        if item.line:
            physical["region"] = {"startLine": item.line}
        location["physicalLocation"] = physical
    return location


def _suppression(item: Item) -> dict[str, Any]:
    suppression: dict[str, Any] = {"kind": "external", "status": "accepted", "justification": item.excuse}
    if waiver := item.finding.waiver:
        facts = {"reason": waiver.reason, "owner": waiver.owner, "until": waiver.expires, "ticket": waiver.ticket}
        suppression["properties"] = facts
    return suppression
