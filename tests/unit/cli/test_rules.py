"""`meshwright rules`: the catalogue, the pack, the pages and what the command says are the same."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from meshwright_policy import catalogue
from meshwright_policy.info import pack_info

if TYPE_CHECKING:
    from tests.unit.cli.test_preview import Command

PAGES = Path(__file__).parents[3] / "docs" / "rules"


def test_the_list_the_pack_the_pages_and_the_catalogue_are_the_same(meshwright: Command) -> None:
    status, out, err = meshwright("rules", "list")
    assert (status, err) == (0, "")
    listed = [tuple(line.split(maxsplit=3)) for line in out.splitlines()]
    assert listed == [(rule.id, rule.level, rule.severity, rule.title) for rule in catalogue.RULES]
    ids = [rule.id for rule in catalogue.RULES]
    assert [policy.name for policy in pack_info(catalogue.RULES).policies] == ids
    assert sorted(page.stem for page in PAGES.glob("MW-*.md")) == ids
    as_json = json.loads(meshwright("rules", "list", "--json")[1])
    assert [rule["id"] for rule in as_json["rules"]] == ids


@pytest.mark.parametrize("name", [rule.id for rule in catalogue.RULES])
def test_a_rule_is_explained_in_full(meshwright: Command, name: str) -> None:
    rule = catalogue.BY_NAME[name]
    status, out, _ = meshwright("rules", "show", name)
    words = " ".join(out.split())
    assert status == 0
    assert out.startswith(f"{rule.id}  {rule.title}\n{rule.level}, severity {rule.severity}, {rule.slug}\n")
    said = (rule.why, rule.remedy, rule.notes, rule.bad.text, rule.bad.says, rule.good.text, rule.url, *rule.references)
    for text in (*said, *rule.applies_to, *(schema["description"] for schema in rule.config.values())):
        assert " ".join(text.split()) in words


def test_a_rule_says_which_requirements_it_answers(meshwright: Command) -> None:
    out = meshwright("rules", "show", "mw-ver-002")[1]
    assert "PCI DSS 4.0.1, 6.3.3\n  components are protected from known vulnerabilities" in out
    rule = json.loads(meshwright("rules", "show", "MW-VER-002", "--json")[1])["rule"]
    assert rule["frameworks"][0]["requirement"] == "6.3.3"
    assert (rule["scope"], rule["subject"], rule["options"]) == ("resource", "ver", {})


def test_a_rule_is_found_by_the_id_it_had_before(meshwright: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    renamed = replace(catalogue.RULES[0], aliases=("MW-OLD-001",))
    monkeypatch.setitem(catalogue.BY_NAME, "MW-OLD-001", renamed)
    out = meshwright("rules", "show", "MW-OLD-001")[1]
    assert out.startswith("MW-ADO-001  ")
    assert ", before: MW-OLD-001\n" in out


@pytest.mark.parametrize(
    ("name", "remedy"), [("MW-ADO-07", "did you mean MW-ADO-007?"), ("nonsense", "see meshwright rules list")]
)
def test_an_unknown_rule_is_one_line(meshwright: Command, name: str, remedy: str) -> None:
    assert meshwright("rules", "show", name) == (2, "", f"there is no rule {name!r}; {remedy} (MW-E086)\n")


def test_the_list_needs_no_pulumi() -> None:
    code = "import sys; from meshwright.cli import main; main(['rules', 'list']); sys.exit('pulumi' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0
