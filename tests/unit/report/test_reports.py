"""Every format says the same of the same result."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
from junitparser import Failure, JUnitXml, Skipped

from meshwright.engine.policy import Verdict
from meshwright.gate.result import decided
from meshwright.report import FORMATS, written
from tests.unit.gate.results import everything, finding, made

if TYPE_CHECKING:
    from tests.conftest import Golden


@pytest.mark.parametrize("name", FORMATS)
def test_golden(golden: Golden, name: str) -> None:
    assert written(everything(), name) == written(everything(), name)
    if name != "sarif":  # that one has the whole catalogue in it
        golden(f"report/{name}", {f"gate.{name}": written(everything(), name).encode()})


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_says_all_of_a_finding(name: str) -> None:
    text = written(everything(), name)
    text = unquote(text) if name == "github" else text.replace("\\\\", "\\")
    text = re.sub(r"\\([-_*|<>#@~`.])", r"\1", text)
    for item in everything().items:
        found = item.finding
        for said in (
            found.rule,
            found.title,
            found.level,
            found.verdict.value,
            found.resource,
            found.remedy,
            found.url,
        ):
            assert said in text, said
        assert item.file in unquote(text)
        if "<b>" not in item.message:
            assert item.message in text
        assert item.known in text
    for said in ("they move last", "platform", "2026-12-31", "MW-ADO-001", "compared with main (0123456789)"):
        assert said in text, said
    if name != "json":  # there the numbers are numbers
        assert "2 violated · 0 undecided" in text or "violated" in text


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_to_say(name: str) -> None:
    assert written(made(), name)


def test_json_and_junit_agree_on_what_fails() -> None:
    found = decided(everything(), frozenset({"mandatory", "undecided", "advisory"}))
    content = json.loads(written(found, "json"))
    xml = JUnitXml.fromstring(written(found, "junit").encode())
    failures = {
        (case.classname, case.name)
        for suite in xml
        for case in suite
        if any(isinstance(one, Failure) for one in case.result)
    }
    assert failures == {(one["rule"], one["urn"]) for one in content["findings"] if one["fails"]}
    assert len(failures) == 3
    assert content["failed"] is True


def test_junit_is_what_a_standard_parser_reads() -> None:
    xml = JUnitXml.fromstring(written(everything(), "junit").encode())
    cases = [case for suite in xml for case in suite]
    outcomes = [type(case.result[0]) if case.result else None for case in cases]
    assert outcomes == [Failure, Skipped, Skipped, Skipped, None, Skipped, None, None]
    assert (xml.tests, xml.failures, xml.skipped, xml.errors) == (8, 1, 4, 0)
    assert (
        cases[0].result[0].message.startswith("legacy: legacy is unmeshed: it would be cut off (mandatory, violated)")
    )
    xml.update_statistics()  # type: ignore[no-untyped-call]
    assert (xml.tests, xml.failures, xml.skipped, xml.errors) == (8, 1, 4, 0)


def test_junit_has_no_character_that_xml_has_not() -> None:
    text = written(made(finding(message="a\x00\x1b[31mb<&]]>\ud800")), "junit")
    (case, *_), *_ = JUnitXml.fromstring(text.encode())
    assert "a��[31mb<&]]>�" in case.result[0].message


@pytest.mark.parametrize("name", FORMATS)
def test_half_a_character_is_no_mistake(name: str) -> None:
    assert "half a ?" in written(made(finding(message="half a \ud800")), name) or name in ("json", "junit", "sarif")


def test_github_commands_escape_what_ends_them() -> None:
    lines = written(everything(), "github").splitlines()
    assert [line.split(" ")[0] for line in lines[:5]] == ["::error", "::warning", "::warning", "::notice", "::notice"]
    assert lines[0].startswith("::error file=stacks/Pulumi.dev.yaml,line=9,title=MW-ADO-003 Strict mTLS")
    assert "file=a%2Cb%3Ac.py,title=" in lines[4]
    assert "100%25" in lines[4]
    assert lines[4].count("\r") == 0
    assert "\n→" not in written(everything(), "github")
    assert lines[0].count("%0A") == 2


def test_github_annotations_can_not_be_forged() -> None:
    text = written(made(finding(message="a\n::error::forged", name="b\n::error::forged")), "github")
    assert [line[:8] for line in text.splitlines() if line.startswith("::")] == ["::error "]


def test_markdown_shows_what_was_written_as_it_was() -> None:
    text = written(everything(), "markdown")
    assert text.splitlines()[0] == "<!-- meshwright gate shop/dev -->"
    assert r"old \| \<b\>100%\</b\> of 5, it: \`x\`" in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 4 for row in rows)


def test_markdown_is_cut_before_a_comment_is_too_long() -> None:
    text = written(made(*(finding(name=f"n{number}", message="x" * 500) for number in range(200))), "markdown")
    assert len(text) < 65_536
    assert re.search(r"and \d+ more: see the full report\n$", text)


def test_a_waiver_of_which_nothing_is_known() -> None:
    result = made(finding(Verdict.WAIVED, message="accepted by the board"))
    assert "accepted by the board\n    waived\n" in written(result, "text")
    assert "suppressions" in written(result, "sarif")


def test_a_place_without_a_line() -> None:
    found = made(finding())
    item = replace(found.items[0], line=0)
    assert "line=" not in written(replace(found, items=(item,)), "github")
    assert 'line="' not in written(replace(found, items=(item,)), "junit")


@pytest.mark.parametrize("name", FORMATS)
def test_a_rule_without_a_remedy_and_a_page(name: str) -> None:
    text = written(made(replace(finding(), remedy="", url="")), name)
    assert "→" not in text
    assert "why: " not in text
