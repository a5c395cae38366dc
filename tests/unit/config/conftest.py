from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[[str], Path]


@pytest.fixture(autouse=True)
def _pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHWRIGHT_AS_OF", "2026-11-23")
    monkeypatch.delenv("MESHWRIGHT_CATALOG", raising=False)


@pytest.fixture
def stack_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes stacks/Pulumi.prod.yaml in a project, which becomes the working folder."""
    (tmp_path / "Pulumi.yaml").touch()
    (tmp_path / "stacks").mkdir()
    monkeypatch.chdir(tmp_path)

    def write(text: str) -> Path:
        path = Path("stacks/Pulumi.prod.yaml")
        path.write_text(text, encoding="utf-8")
        return path

    return write
