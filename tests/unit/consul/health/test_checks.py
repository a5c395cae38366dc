"""Each check finds its fault, and is silent about the mended twin."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from meshwright.consul.health.catalogue import CHECKS, PAGE
from meshwright.health.verdicts import Check, Verdict, ask
from tests.unit.consul.health.scenes import CASES, scenes
from tests.unit.istio.health.scenes import Scene, snapshot

BY_ID = {check.id: check for check in CHECKS}
ALL = [(check, scene) for check in BY_ID if (CASES / f"{check}.yaml").is_file() for scene in scenes(check)]
MOVING = re.compile(r" \([0-9a-f]{8}\)")
"""Fingerprints of keys that are made anew each time."""


@pytest.mark.parametrize(("check", "scene"), ALL, ids=[f"{check}-{scene.name}" for check, scene in ALL])
def test_a_check_says_what_is_wrong_and_nothing_else(check: str, scene: Scene) -> None:
    found = ask(BY_ID[check], scene.snapshot)
    said = ([fixed(str(each)) for each in found.findings], list(map(fixed, found.doubts)), fixed(found.reason))
    assert said == (scene.findings, scene.doubts, scene.skipped)


def fixed(text: str) -> str:
    return MOVING.sub("", text)


@pytest.mark.parametrize("check", BY_ID)
def test_every_check_has_a_fault_and_its_mended_twin(check: str) -> None:
    fault, mended, *_ = scenes(check)
    assert ask(BY_ID[check], fault.snapshot).verdict is Verdict.FAILED
    assert ask(BY_ID[check], mended.snapshot).verdict is Verdict.PASSED


def test_ids_are_those_of_the_cases_and_of_the_page() -> None:
    page = (Path(__file__).parents[4] / PAGE).read_text("utf-8")
    sections = re.findall(r"^### (.+)$", page, re.MULTILINE)
    assert sections == list(BY_ID)
    assert {path.stem for path in CASES.glob("*.yaml")} == set(BY_ID)
    assert len(BY_ID) == len(CHECKS)


def test_the_table_of_the_page_has_each_check_once() -> None:
    page = (Path(__file__).parents[4] / PAGE).read_text("utf-8")
    rows = re.findall(r"^\| \[([a-z-]+)\]\(#([a-z-]+)\) \| (error|warning) \| (.*) \|$", page, re.MULTILINE)
    assert rows == [(each.id, each.id, each.severity.value, each.title) for each in CHECKS]


def test_the_page_has_each_checks_sentence_and_its_remedy_is_no_sentence() -> None:
    page = (Path(__file__).parents[4] / PAGE).read_text("utf-8")
    for check in CHECKS:
        section = page.split(f"### {check.id}\n")[1].split("\n#")[0]
        assert f"**{check.title}** ({check.severity})" in section.replace("\n", " ")
        assert not check.title.endswith(".")
        assert not check.remedy.endswith(".")


@pytest.mark.parametrize("check", CHECKS, ids=BY_ID)
def test_without_consul_no_check_fails(check: Check) -> None:
    for live in (True, False):
        assert ask(check, snapshot([], live=live)).verdict is not Verdict.FAILED
