"""How the real CLI shows what our pack refuses, and that levels and options reach it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.engine.conftest import ROOT, Projects, Pulumi

PROGRAM = """
import pulumi

soaked = {"phase": "permissive", "since": "2026-11-16"}
shop = {"namespace": "shop", "phase": "strict", "since": "2026-11-20", "previous": soaked}
pulumi.ComponentResource("meshwright:index:AmbientNamespace", "shop", shop)
"""


@pytest.fixture
def pulumi(stubbed: Projects, tmp_path: Path) -> Pulumi:
    folder = tmp_path / "program"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: levels\nruntime: {name: python, options: {virtualenv: .venv}}\n")
    (folder / "__main__.py").write_text(PROGRAM)
    project = stubbed.project(folder)
    project.select("dev")
    return project


def _preview(pulumi: Pulumi, rules: dict[str, Any], waivers: list[dict[str, str]] | None = None) -> tuple[int, str]:
    (pulumi.project / "rules.json").write_text(json.dumps(rules))
    (pulumi.project / "Pulumi.dev.yaml").write_text(json.dumps({"config": {"meshwright:waivers": waivers or []}}))
    pack = ("--policy-pack", str(ROOT / "policy"), "--policy-pack-config", "rules.json")
    done = pulumi.run("preview", *pack, check=False)
    return done.returncode, done.stdout + done.stderr


def test_levels_and_options_reach_the_pack(pulumi: Pulumi) -> None:
    status, said = _preview(pulumi, {"MW-ADO-002": {"soak_days": 30}})
    assert status != 0
    assert "strict after 4 of 30 days" in said
    status, said = _preview(pulumi, {"all": "advisory"})
    assert (status, "[advisory]" in said, "4 of 7 days" in said) == (0, True, True)
    assert _preview(pulumi, {"MW-ADO-002": {"soak_days": 4}})[0] == 0
    assert _preview(pulumi, {"MW-ADO-002": "disabled"})[0] == 0
    status, said = _preview(pulumi, {"MW-ADO-002": "remediate"})
    assert (status != 0, "[mandatory]" in said) == (True, True)


@pytest.mark.parametrize(
    ("rules", "waivers", "line"),
    [
        ({"MW-ADO-099": "advisory"}, [], "it has no rule 'MW-ADO-099'; one of: all, or what meshwright rules list has"),
        ({"MW-ADO-002": {"days": 1}}, [], "MW-ADO-002 has no option 'days'; one of: soak_days (MW-E084)"),
        (
            {"MW-ADO-002": {"soak_days": "1"}},
            [],
            "MW-ADO-002: soak_days: Invalid type. Expected: integer, given: string",
        ),
        (
            {},
            [{"rule": "MW-ADO-099", "resource": "shop", "reason": "r", "expires": "2026-12-01"}],
            "meshwright:waivers[0]: the waiver is for 'MW-ADO-099', which is no rule; see meshwright rules list (MW-E085)",
        ),
    ],
)
def test_what_does_not_fit_stops_the_preview_with_a_line(
    pulumi: Pulumi, rules: dict[str, Any], waivers: list[dict[str, str]], line: str
) -> None:
    status, said = _preview(pulumi, rules, waivers)
    assert status != 0
    assert [each for each in said.splitlines() if "error: " in each and line in each], said
