"""Each check finds its fault, and is silent about the mended twin."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from meshwright.health.verdicts import Verdict, ask
from meshwright.istio.health.catalogue import CHECKS, PAGE
from tests.unit.istio.health.scenes import CASES, Scene, scenes

BY_ID = {check.id: check for check in CHECKS}
ALL = [(check, scene) for check in BY_ID if (CASES / f"{check}.yaml").is_file() for scene in scenes(check)]


@pytest.mark.parametrize(("check", "scene"), ALL, ids=[f"{check}-{scene.name}" for check, scene in ALL])
def test_a_check_says_what_is_wrong_and_nothing_else(check: str, scene: Scene) -> None:
    found = ask(BY_ID[check], scene.snapshot)
    said = ([str(each) for each in found.findings], list(found.doubts), found.reason)
    assert said == (scene.findings, scene.doubts, scene.skipped)


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


def test_the_page_has_each_checks_sentence_and_its_remedy_is_no_sentence() -> None:
    page = (Path(__file__).parents[4] / PAGE).read_text("utf-8")
    for check in CHECKS:
        section = page.split(f"### {check.id}\n")[1].split("\n#")[0]
        assert f"**{check.title}** ({check.severity})" in section.replace("\n", " ")
        assert not check.title.endswith(".")
        assert not check.remedy.endswith(".")
