"""The stack that a newcomer runs first, from its file to the folder of manifests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from tests.conftest import Golden
    from tests.unit.cli.test_preview import Command

PROJECT = Path(__file__).parents[3]


def test_the_quickstart(meshwright: Command, golden: Golden, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(PROJECT)
    target = tmp_path / "quickstart"
    status, _, err = meshwright("render", "quickstart", "--as-of", "2026-11-22", "--to", str(target))
    assert (status, err) == (0, "")
    files = {path.relative_to(target).as_posix(): path.read_bytes() for path in target.rglob("*") if path.is_file()}
    del files[".meshwright"]
    golden("quickstart", files)
