"""SARIF 2.1.0: its structure, and its schema where that is at hand."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from meshwright.engine.policy import Verdict
from meshwright.report.sarif import write
from tests.servers.programs import data_file
from tests.unit.gate.results import everything, finding, made, urn

RESULT_KEYS = {
    "ruleId",
    "ruleIndex",
    "kind",
    "level",
    "message",
    "locations",
    "partialFingerprints",
    "properties",
    "suppressions",
    "baselineState",
}
RULE_KEYS = {
    "id",
    "name",
    "shortDescription",
    "fullDescription",
    "defaultConfiguration",
    "help",
    "helpUri",
    "properties",
}


@pytest.fixture
def log() -> dict[str, Any]:
    return json.loads(write(everything()))  # type: ignore[no-any-return]


def test_the_structure_is_the_standards(log: dict[str, Any]) -> None:
    assert set(log) == {"$schema", "version", "runs"}
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    assert set(run) == {"tool", "automationDetails", "columnKind", "results", "properties"}
    assert set(run["tool"]) == {"driver"}
    driver = run["tool"]["driver"]
    assert set(driver) == {"name", "version", "semanticVersion", "rules", "properties"}
    for rule in driver["rules"]:
        assert set(rule) <= RULE_KEYS
        assert rule["defaultConfiguration"]["level"] in ("error", "warning")
        assert rule.get("helpUri", "https://").startswith("https://")
        assert isinstance(rule["properties"]["tags"], list)
    for result in run["results"]:
        assert set(result) <= RESULT_KEYS
        assert result["kind"] in ("fail", "open")
        assert result["level"] in (("error", "warning") if result["kind"] == "fail" else ("none",))
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"]
        (location,) = result["locations"]
        assert set(location) <= {"physicalLocation", "logicalLocations"}


def test_the_schema(log: dict[str, Any]) -> None:
    schema = json.loads(data_file("schemas", "sarif-schema-2.1.0.json").read_text())
    for content in (log, json.loads(write(made()))):
        jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker()).validate(content)


def test_our_rules_are_described_from_the_catalogue(log: dict[str, Any]) -> None:
    rules = {rule["id"]: rule for rule in log["runs"][0]["tool"]["driver"]["rules"]}
    ours = rules["MW-ADO-003"]
    assert float(ours["properties"]["security-severity"]) > 7
    assert "ado" in ours["properties"]["tags"]
    assert "docs/rules/MW-ADO-003.md" in ours["help"]["text"]
    assert rules["MW-X-001"] == {
        "id": "MW-X-001",
        "shortDescription": {"text": "Another pack's"},
        "defaultConfiguration": {"level": "warning"},
        "properties": {"tags": ["policy"]},
    }


def test_where_a_finding_is(log: dict[str, Any]) -> None:
    legacy, catalog, later, _, old = log["runs"][0]["results"]
    assert legacy["locations"][0] == {
        "physicalLocation": {
            "artifactLocation": {"uri": "stacks/Pulumi.dev.yaml", "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": 9},
        },
        "logicalLocations": [{"name": "legacy", "fullyQualifiedName": urn("legacy"), "kind": "resource"}],
    }
    artifact = catalog["locations"][0]["physicalLocation"]["artifactLocation"]
    assert artifact == {"uri": "file:///elsewhere/pro%20gram.py"}
    assert "physicalLocation" not in later["locations"][0]
    assert old["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "a%2Cb%3Ac.py", "uriBaseId": "%SRCROOT%"}
    }


def test_what_is_waived_known_or_open(log: dict[str, Any]) -> None:
    legacy, catalog, later, audit, old = log["runs"][0]["results"]
    assert (legacy["kind"], legacy["level"], legacy["properties"]["fails"]) == ("fail", "error", True)
    assert catalog["level"] == "warning"
    assert (later["kind"], later["properties"]["verdict"]) == ("open", "undecided")
    (suppression,) = audit["suppressions"]
    assert suppression == {
        "kind": "external",
        "status": "accepted",
        "justification": "waived until 2026-12-31 by platform: they move last (MESH-7)",
        "properties": {"reason": "they move last", "owner": "platform", "until": "2026-12-31", "ticket": "MESH-7"},
    }
    assert "suppressions" not in legacy
    assert (legacy["baselineState"], old["baselineState"]) == ("new", "unchanged")
    assert "baselineState" not in json.loads(write(made(finding())))["runs"][0]["results"][0]


def test_fingerprints_are_the_same_in_every_run() -> None:
    def marks(message: str) -> list[Any]:
        return [
            one["partialFingerprints"]
            for one in json.loads(write(made(finding(message=message))))["runs"][0]["results"]
        ]

    assert marks("6 of 7 days") == marks("7 of 7 days") != marks("other")


def test_a_finding_of_a_rule_that_the_pack_does_not_list() -> None:
    found = made(finding(Verdict.UNDECIDED))
    (result,) = json.loads(
        write(type(found)(**{**{key: getattr(found, key) for key in found.__slots__}, "rules": ()}))
    )["runs"][0]["results"]
    assert "ruleIndex" not in result
