"""Projects that tests write."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from meshwright.engine.project import Project, load_project

MakeProject = Callable[..., Project]


@pytest.fixture(autouse=True)
def _no_passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def make_project(tmp_path: Path) -> MakeProject:
    """Writes a project named ``shop``: its program, further lines of ``Pulumi.yaml``, and stack files by stack."""

    def make(program: str = "", *, settings: str = "", **stacks: str) -> Project:
        (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n" + textwrap.dedent(settings))
        (tmp_path / "__main__.py").write_text(textwrap.dedent(program))
        for stack, content in stacks.items():
            (tmp_path / f"Pulumi.{stack}.yaml").write_text(textwrap.dedent(content))
        return load_project(tmp_path)

    return make
