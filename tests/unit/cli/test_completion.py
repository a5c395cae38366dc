"""Completion in a shell, asked as a shell asks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from meshwright.cli import completion, main
from meshwright_policy.catalogue import RULES

Complete = Callable[[str], list[str]]


@pytest.fixture
def complete(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Complete:
    """The answers to a line that ends where the cursor stands."""

    def ask(line: str) -> list[str]:
        monkeypatch.setenv("_MESHWRIGHT_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
        with pytest.raises(SystemExit):
            main([])
        return capsys.readouterr().out.split()

    return ask


def _project() -> None:
    Path("Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    Path("__main__.py").touch()
    for stack in ("dev", "prod-eu", "prod-us"):
        Path(f"Pulumi.{stack}.yaml").touch()


@pytest.mark.parametrize("command", ["preview", "gate", "render", "graph", "up", "preview --stack"])
def test_stacks_complete_by_name(complete: Complete, command: str) -> None:
    _project()
    assert complete(f"meshwright {command} ") == ["dev", "prod-eu", "prod-us"]
    assert complete(f"meshwright {command} prod") == ["prod-eu", "prod-us"]


def test_without_a_project_there_is_nothing_to_complete(complete: Complete) -> None:
    assert complete("meshwright preview ") == []


def test_rules_complete_by_id(complete: Complete) -> None:
    found = complete("meshwright rules show MW-ADO-00")
    assert found == [rule.id for rule in RULES if rule.id.startswith("MW-ADO-00")]
    assert len(found) >= 3
    assert completion.rules("mw-ado-001") == ["MW-ADO-001"]


def test_commands_and_choices_complete(complete: Complete) -> None:
    assert complete("meshwright rend") == ["render"]
    assert complete("meshwright render --format f") == ["flux"]
    assert complete("meshwright init vpc") == ["vpc-lattice"]


def test_the_script_for_a_shell_is_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    with pytest.raises(SystemExit) as ended:
        main(["--show-completion", "bash"])
    assert ended.value.code == 0
    assert "_MESHWRIGHT_COMPLETE=complete_bash" in capsys.readouterr().out
