"""Mistakes in a stack file of Consul's: each is refused at its line before anything runs; its twin is accepted."""

from pathlib import Path

import pytest

from meshwright.cli import main
from meshwright.config import load_stack
from tests.istio_mistakes.test_refused import Refusal

REFUSALS = [Refusal(path) for path in sorted((Path(__file__).parent / "refused").glob("*.yaml"))]
each = pytest.mark.parametrize("refusal", REFUSALS, ids=str)


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHWRIGHT_AS_OF", "2026-11-23")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (tmp_path / "__main__.py").write_text("raise SystemExit('nothing runs')\n")


@each
def test_the_mistake_is_refused_at_its_line(refusal: Refusal, capsys: pytest.CaptureFixture[str]) -> None:
    Path("Pulumi.prod.yaml").write_text(refusal.parts[1])
    status = main(("gate", "prod"))
    code, line = refusal.code_and_line
    told = capsys.readouterr().err.splitlines()
    assert (status, len(told)) == (2, 1)
    assert told[0].startswith(f"Pulumi.prod.yaml:{line}: ")
    assert told[0].endswith(f"({code})")


@each
def test_its_mended_twin_is_accepted(refusal: Refusal) -> None:
    Path("Pulumi.prod.yaml").write_text(refusal.parts[2])
    assert load_stack(Path("Pulumi.prod.yaml")).mesh.kind == "consul"
