"""Fixtures of the command line's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from meshwright.catalog import OVERLAY_VARIABLE
from meshwright.cli import main, offline

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from meshwright.cli.offline import Offline, Request


@pytest.fixture(autouse=True)
def _quiet_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No stack, catalog or colours from the environment, and a current folder of the test's own."""
    monkeypatch.setenv(OVERLAY_VARIABLE, "")
    monkeypatch.setenv("PULUMI_STACK", "")
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")


@pytest.fixture
def meshwright(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command in this process; returns exit status, standard output and standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(arguments)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Callable[[Offline], list[Request]]:
    """Let every command find a given offline run; returns the list of what was asked for."""

    def give(run: Offline) -> list[Request]:
        requests: list[Request] = []

        def answer(request: Request) -> Offline:
            requests.append(request)
            return run

        monkeypatch.setattr(offline, "offline", answer)
        return requests

    return give
