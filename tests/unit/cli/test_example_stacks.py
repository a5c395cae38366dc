"""Example stacks, from the file to the folder of manifests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Golden
    from tests.unit.cli.test_preview import Command

PROJECT = Path(__file__).parents[3]
STACKS = (
    "quickstart",  # what a newcomer runs first
    "linkerd-production",
    "linkerd-access",
    "linkerd-traffic",
    "linkerd-rotation",
    "linkerd-openbao",
    "consul-production",
    "consul-mesh",
    "consul-openbao",
)


@pytest.mark.parametrize("stack", STACKS)
def test_what_a_stack_becomes(
    stack: str, meshwright: Command, golden: Golden, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(PROJECT)
    target = tmp_path / stack
    status, _, err = meshwright("render", stack, "--as-of", "2026-11-22", "--to", str(target))
    assert (status, err) == (0, "")
    files = {path.relative_to(target).as_posix(): path.read_bytes() for path in target.rglob("*") if path.is_file()}
    del files[".meshwright"]
    golden(stack, files)
