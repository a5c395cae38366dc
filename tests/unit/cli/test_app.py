"""Exit statuses, and that every error is a line and never a traceback."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer

from meshwright import __version__
from meshwright.cli import app, offline, output
from meshwright.engine.run import FailedProgramError
from meshwright.errors import Code, ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.cli.test_preview import Command

COMMANDS = ("preview", "gate", "render", "up", "schema", "version")
MISTAKES = ConfigError([Problem(Code.NO_STACK, "one", "do this", "a.yaml:1"), Problem(Code.NO_STACK, "two", "do that")])


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Let every offline run end with an exception."""

    def fail(error: BaseException) -> None:
        def raise_it(_: object) -> None:
            raise error

        monkeypatch.setattr(offline, "offline", raise_it)

    return fail


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], *([name, "--help"] for name in COMMANDS)])
def test_help(meshwright: Command, arguments: list[str]) -> None:
    status, out, err = meshwright(*arguments)
    assert (status, err) == (0, "")
    assert out.startswith("Usage: meshwright")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["prevew"], "No such command 'prevew'"),
        (["preview", "--thre"], "No such option: --thre"),
        (["preview", "a", "b"], "Got unexpected extra argument"),
        (["preview", "--timeout", "soon"], "Invalid value for '--timeout': "),
        (["render"], "Missing option '--to'"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line(meshwright: Command, arguments: list[str], line: str) -> None:
    status, out, err = meshwright(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith(line)
    assert re.search(r"; see meshwright[a-z ]* --help \(MW-E096\)\n$", err)
    assert err.count("\n") == 1


def test_each_mistake_has_its_line(meshwright: Command, failing: Callable[[BaseException], None]) -> None:
    failing(MISTAKES)
    said = "a.yaml:1: one; do this (MW-E067)\ntwo; do that (MW-E067)\n"
    assert meshwright("gate") == meshwright("gate", "--verbose") == (2, "", said)


def test_mistakes_as_json(meshwright: Command, failing: Callable[[BaseException], None]) -> None:
    failing(MISTAKES)
    status, out, err = meshwright("gate", "--json")
    assert (status, err) == (2, "")
    assert json.loads(out) == {
        "problems": [
            {"code": "MW-E067", "place": "a.yaml:1", "message": "one", "remedy": "do this"},
            {"code": "MW-E067", "place": "", "message": "two", "remedy": "do that"},
        ]
    }


def test_a_failed_programs_output_and_traceback_are_for_those_who_ask(
    meshwright: Command, failing: Callable[[BaseException], None]
) -> None:
    problem = Problem(Code.PROGRAM_FAILED, "it failed", "correct it")
    failing(FailedProgramError([problem], traceback="Traceback: ...\n", output="printed"))
    said = "it failed; correct it (MW-E060)\n"
    assert meshwright("gate") == (2, "", said)
    assert meshwright("gate", "--verbose") == (2, "", f"printed\nTraceback: ...\n{said}")


def test_a_fault_of_ours_is_a_line_too(meshwright: Command, failing: Callable[[BaseException], None]) -> None:
    failing(ValueError("odd\nthing"))
    said = (
        "this is a fault of meshwright's, not of yours: ValueError: odd thing; "
        "run it again with --verbose, and report what it says (MW-E099)\n"
    )
    assert meshwright("gate") == (2, "", said)
    status, _, err = meshwright("gate", "--verbose")
    assert status == 2
    assert err.startswith("Traceback (most recent call last):")
    assert err.endswith(said)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), typer.Abort()])
def test_an_interruption(meshwright: Command, failing: Callable[[BaseException], None], error: BaseException) -> None:
    failing(error)
    assert meshwright("gate") == (130, "", "")


@pytest.mark.parametrize("day", ["tomorrow", "2026-13-01"])
def test_a_day_that_is_none(meshwright: Command, day: str) -> None:
    status, _, err = meshwright("gate", "--as-of", day)
    assert (status, err) == (2, f'MESHWRIGHT_AS_OF is "{day}"; give a date as YYYY-MM-DD (MW-E034)\n')


def test_version(meshwright: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    status, out, _ = meshwright("version")
    assert status == 0
    assert out.splitlines()[0].split() == ["meshwright", __version__]
    assert out.splitlines()[-1] == "pulumi CLI         not installed"


@pytest.mark.parametrize(("script", "said"), [("echo v3.259.0", "3.259.0"), ("exit 1", "does not answer")])
def test_version_of_the_cli(
    meshwright: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, said: str
) -> None:
    (tmp_path / "pulumi").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "pulumi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin")
    content = json.loads(meshwright("version", "--json")[1])
    assert content["versions"].keys() == {
        "meshwright", "python", "pulumi", "pulumi-kubernetes", "pulumi-policy", "pulumi-cli"
    }  # fmt: skip
    assert content["versions"]["pulumi-cli"] == said


def test_a_package_that_is_not_installed() -> None:
    from meshwright.cli.version import package_version

    assert package_version("no-such-package") == ""


def test_schema(meshwright: Command) -> None:
    _, out, _ = meshwright("schema")
    assert json.loads(out)["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert meshwright("schema", "--to", "schema.json") == (0, "schema.json: written\n", "")
    assert Path("schema.json").read_text() == out
    assert json.loads(meshwright("schema", "--to", "schema.json", "--json")[1]) == {
        "command": "schema",
        "file": "schema.json",
    }
    assert [path.name for path in Path().iterdir()] == ["schema.json"]


def test_a_schema_that_cannot_be_written(meshwright: Command) -> None:
    assert meshwright("schema", "--to", "no/where.json") == (
        2,
        "",
        (
            "no/where.json: can't be written: no such file or directory; "
            "name a file in a folder that can be written (MW-E091)\n"
        ),
    )


def _meshwright(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    code = "import sys; from meshwright.cli import main; status = main(); "
    code += "print([name for name in sys.modules if name.split('.')[0] in ('pulumi', 'grpc')], file=sys.stderr); "
    code += "sys.exit(status)"
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("command", ["--help", "version", "schema"])
def test_starting_does_not_import_pulumi(command: str) -> None:
    ended = _meshwright(command)
    assert ended.returncode == 0
    assert ended.stderr == "[]\n"


def test_a_reader_that_has_gone_is_no_error() -> None:
    code = "import sys; from meshwright.cli import main; sys.exit(main(['schema']))"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0


def test_what_follows_goes_nowhere() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        output.emit("lost\n", stream)
        output.emit("lost too\n", stream)
        assert str(Path(f"/proc/self/fd/{writer}").readlink()) == os.devnull


def test_colours_are_for_terminals(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    output.show([output.line(("✗", "bold red"), " [x] plain")])
    assert capsys.readouterr().out == "\x1b[1;31m✗\x1b[0m [x] plain\n"
    monkeypatch.setenv("NO_COLOR", "1")
    output.show([output.line(("✗", "bold red"), " plain")])
    assert capsys.readouterr().out == "✗ plain\n"


def test_a_stream_without_encoding_errors_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert app.main(["version"]) == 0


def test_places_are_as_a_person_here_would_write_them(
    meshwright: Command, failing: Callable[[BaseException], None], tmp_path: Path
) -> None:
    places = (
        f"{Path.cwd()}/a/b.yaml:7",
        f"{tmp_path}/c.yaml",
        f"{Path.cwd()}-other/d.yaml",
        str(Path.cwd()),
        "e.yaml",
        "",
    )
    failing(ConfigError([Problem(Code.NO_STACK, "one", "do this", place) for place in places]))
    problems = json.loads(meshwright("gate", "--json")[1])["problems"]
    assert [problem["place"] for problem in problems] == ["a/b.yaml:7", *places[1:]]
