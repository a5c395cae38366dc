"""`meshwright istio upgrade plan`: from the stack file and the catalog alone."""

import json
from pathlib import Path

import pytest

from meshwright.cli.app import main

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def plan(*arguments: str) -> int:
    return main(["istio", "upgrade", "plan", *arguments])


def test_an_upgrade_under_way_says_what_comes_next(capsys: pytest.CaptureFixture[str]) -> None:
    assert plan("istio-upgrade") == 0
    printed = capsys.readouterr().out
    assert printed.startswith("istio-upgrade  istio 1.30.7 to 1.31.1   offline, nothing was changed\n")
    assert "✓ 3. istio-cni 1.31.1   done" in printed
    assert "→ 4. ztunnel 1.31.1   next" in printed
    assert "      upgrade: {to: 1.31.1, revision: 1-31-1, step: ztunnel}" in printed
    assert "      the old way: istiod env PILOT_ENABLE_STRICT_GATEWAY_MERGING=false" in printed


def test_a_preview_says_how_far_it_has_come(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preview", "istio-upgrade"]) == 0
    assert "istio-ambient 1.30.7, upgraded to 1.31.1 as far as cni on eks" in capsys.readouterr().out


def test_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert plan("--stack", "istio-upgrade", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["command"], printed["start"], printed["target"]) == ("istio upgrade plan", "1.30.7", "1.31.1")
    (hop,) = printed["hops"]
    assert [step["state"] for step in hop["steps"]].count("next") == 1
    assert hop["steps"][3]["edit"]["set"] == {"upgrade": {"to": "1.31.1", "revision": "1-31-1", "step": "ztunnel"}}


def test_as_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert plan("istio-upgrade", "--to", "1.31", "--markdown") == 0
    assert capsys.readouterr().out.startswith("# Upgrade istio-upgrade: Istio 1.30.7 to 1.31.1\n")


def test_the_way_over_several_minors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (tmp_path / "__main__.py").touch()
    (tmp_path / "Pulumi.dev.yaml").write_text(
        'config:\n  meshwright:mesh:\n    kind: istio-ambient\n    version: "1.29.9"\n'
        "    cluster: {context: c, platform: kind}\n"
    )
    monkeypatch.chdir(tmp_path)
    assert plan("--to", "1.31") == 0
    printed = capsys.readouterr().out
    assert "\n1.29.9 to 1.30.7\n" in printed
    assert "\n1.30.7 to 1.31.1\n" in printed
    assert "  ! 1.29.9 has had no fixes since 2026-10-15" in printed


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["quickstart"], "no upgrade of quickstart is under way; say where to: --to 1.31 (MW-E096)"),
        (
            ["istio-production", "--to", "1.30"],
            "an upgrade from 1.31.1 to 1.30.7 doesn't go up; name a newer version; to go back, take back the upgrade's steps (MW-E110)",
        ),
    ],
)
def test_what_cannot_be_planned(arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert plan(*arguments) == 2
    assert capsys.readouterr().err == f"{line}\n"


def test_a_stack_of_another_mesh(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (tmp_path / "__main__.py").touch()
    (tmp_path / "Pulumi.dev.yaml").write_text(
        "config:\n  meshwright:mesh:\n    kind: none\n    because: [under_20_services]\n"
    )
    monkeypatch.chdir(tmp_path)
    assert plan("--to", "1.31") == 2
    assert capsys.readouterr().err == (
        "Pulumi.dev.yaml: the stack dev is of kind none, which has no istiod to upgrade; "
        "name a stack of kind istio-ambient (MW-E096)\n"
    )
