"""Mistakes in a stack file: each is refused at its line before anything runs, with exit status 2; its twin is accepted."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from meshwright.cli import main
from meshwright.config import load_stack

HERE = Path(__file__).parent / "refused"


@dataclass(frozen=True)
class Refusal:
    """One file: why, what is refused where, the mistake and its twin."""

    path: Path

    def __str__(self) -> str:
        return self.path.stem

    @property
    def parts(self) -> list[str]:
        """What stands about it, the stack file with the mistake, and the mended one."""
        return self.path.read_text("utf-8").split("---\n")

    @property
    def code_and_line(self) -> tuple[str, str]:
        match = re.search(r"^# refused: (MW-E\d+) at line (\d+)$", self.parts[0], re.MULTILINE)
        assert match
        return match[1], match[2]


REFUSALS = [Refusal(path) for path in sorted(HERE.glob("*.yaml"))]


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHWRIGHT_AS_OF", "2026-11-23")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (tmp_path / "__main__.py").write_text("raise SystemExit('nothing runs')\n")


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_the_mistake_is_refused_at_its_line(refusal: Refusal, capsys: pytest.CaptureFixture[str]) -> None:
    Path("Pulumi.prod.yaml").write_text(refusal.parts[1])
    status = main(("gate", "prod"))
    code, line = refusal.code_and_line
    told = capsys.readouterr().err.splitlines()
    assert (status, len(told)) == (2, 1)
    assert told[0].startswith(f"Pulumi.prod.yaml:{line}: ")
    assert told[0].endswith(f"({code})")


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_its_mended_twin_is_accepted(refusal: Refusal) -> None:
    Path("Pulumi.prod.yaml").write_text(refusal.parts[2])
    assert load_stack(Path("Pulumi.prod.yaml")).mesh.kind == "istio-ambient"
