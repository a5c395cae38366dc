"""The ready files of docs/ci: what reads them accepts them, and their commands exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from meshwright.cli.app import app
from meshwright.gate.outputs import parse_targets
from meshwright.gate.result import parse_fail_on

FOLDER = Path(__file__).parents[3] / "docs" / "ci"
FILES = sorted(FOLDER.iterdir())
SCHEMAS = {
    "github-actions.yml": "vendor.github-workflows",
    "gitlab-ci.yml": "vendor.gitlab-ci",
    "azure-pipelines.yml": "vendor.azure-pipelines",
}
COMMAND = re.compile(r"(?:(?<=\s)|(?<=\|)|^|/)meshwright ((?:gate|evidence)\b[^\n|;&#`]*)", re.MULTILINE)


def commands(file: Path) -> list[list[str]]:
    """Each command line of ours, continued lines joined."""
    text = file.read_text()
    if file.suffix in (".yml", ".yaml"):
        text = "\n".join(strings(yaml.safe_load(text)))
    text = re.sub(r"\\\n\s*", " ", text)
    return [shlex.split(match[1]) for match in COMMAND.finditer(text)]


def strings(content: Any) -> list[str]:
    if isinstance(content, dict):
        return [text for value in content.values() for text in strings(value)]
    if isinstance(content, list):
        return [text for value in content for text in strings(value)]
    return [str(content)]


def test_there_is_a_file_for_each_pipeline() -> None:
    assert [file.name for file in FILES] == [
        "Jenkinsfile",
        "README.md",
        "azure-pipelines.yml",
        "github-actions.yml",
        "gitlab-ci.yml",
        "pre-commit-config.yaml",
    ]
    guide = (FOLDER / "README.md").read_text()
    assert all(f"({file.name})" in guide for file in FILES if file.name != "README.md")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_commands_exist_and_take_these_options(file: Path) -> None:
    found = commands(file)
    assert found
    group: Any = typer.main.get_command(app)
    for words in found:
        command, arguments = group, words
        while hasattr(command, "commands"):
            command, arguments = command.commands[arguments[0]], arguments[1:]
        context = command.make_context(command.name, list(arguments))
        if command.name == "gate":
            parse_targets(context.params["formats"] or [])
            parse_fail_on(context.params["fail_on"])


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_pipeline_accepts_its_file(name: str) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--regex-variant", "python"]
    command += ["--builtin-schema", SCHEMAS[name], str(FOLDER / name)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_hook_is_one_that_pre_commit_runs() -> None:
    content = yaml.safe_load((FOLDER / "pre-commit-config.yaml").read_text())
    ((hook,),) = (repository["hooks"] for repository in content["repos"])
    assert {"id", "name", "entry", "language"} <= hook.keys()
    assert re.search(hook["files"], "stacks/Pulumi.prod.yaml")
    assert re.search(hook["files"], "stacks/__main__.py")
    assert not re.search(hook["files"], "README.md")


def test_the_jenkinsfile_is_balanced() -> None:
    text = re.sub(r"'''.*?'''|'[^'\n]*'|//[^\n]*", "", (FOLDER / "Jenkinsfile").read_text(), flags=re.DOTALL)
    for opening, closing in ("{}", "()", "[]"):
        assert text.count(opening) == text.count(closing)
