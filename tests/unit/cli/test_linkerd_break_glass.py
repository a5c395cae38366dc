"""`meshwright linkerd break-glass`: what is printed, what is refused, and that nothing runs unless it is told to."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from meshwright.cli import linkerd_break_glass
from meshwright.kubernetes import reading
from tests.unit.istio.breakglass.fake_kubectl import FakeKubectl, kubectl
from tests.unit.linkerd.breakglass.clusters import OBJECTS, PLAIN_PODS, reader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Golden
    from tests.unit.cli.test_preview import Command

__all__ = ["kubectl"]

SCENARIOS = {
    "anchor-expired": ("2036-06-01", []),
    "issuer-expired": ("2027-01-02", []),
    "anchor-key-lost": ("2026-11-23", ["--key-is-lost"]),
    "injector-down": ("2026-11-23", []),
    "injector-down-relaxed": ("2026-11-23", ["--relax-webhook"]),
}
RELAX = ["injector-down", "--context", "prod", "--relax-webhook"]


@pytest.fixture(autouse=True)
def _opened(monkeypatch: pytest.MonkeyPatch, kubectl: FakeKubectl) -> None:
    @contextmanager
    def open_cluster(context: str, kubeconfig: str) -> Iterator[Any]:
        yield reader(objects=OBJECTS + PLAIN_PODS)

    monkeypatch.setattr(reading, "open_cluster", open_cluster)


def test_previews(meshwright: Command, golden: Golden, kubectl: FakeKubectl, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {}
    for name, (day, options) in SCENARIOS.items():
        monkeypatch.setenv("MESHWRIGHT_AS_OF", day)
        scenario = name.removesuffix("-relaxed")
        status, out, err = meshwright("linkerd", "break-glass", scenario, "--context", "prod-eu", *options)
        assert (status, err) == (0, "")
        files[f"{name}.txt"] = re.sub(r"(?:OU=\d+,)?CN=(.+?) \([0-9a-f]{8}\)", r"CN=\1 (0123abcd)", out).encode()
    golden("cli/linkerd-break-glass", files)
    assert kubectl.calls() == []
    assert not list(Path().glob("*.jsonl"))


def test_the_webhook_is_relaxed_and_made_strict_again(meshwright: Command, kubectl: FakeKubectl) -> None:
    arguments = ["--apply", "--reason", "no pods", "--yes", "--journal", "j"]
    status, out, _ = meshwright("linkerd", "break-glass", *RELAX, *arguments)
    assert status == 0
    assert "meshwright linkerd break-glass undo j" in out
    assert len(kubectl.calls()) == 3
    assert "PRIVATE" not in Path("j").read_text()
    status, _, _ = meshwright("linkerd", "break-glass", "undo", "j", "--yes")
    assert status == 0
    (undone,) = kubectl.commands()
    assert '"value":"Fail"' in undone


def test_what_waits_for_a_person_is_not_run(
    meshwright: Command, kubectl: FakeKubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MESHWRIGHT_AS_OF", "2027-01-02")
    arguments = ["issuer-expired", "--context", "prod", "--apply", "--reason", "x", "--yes"]
    status, out, err = meshwright("linkerd", "break-glass", *arguments)
    assert (status, kubectl.calls()) == (2, [])
    assert "first, by you" in out
    errors = (Path(__file__).parents[3] / "docs/errors.md").read_text("utf-8")
    assert f"**Example.** `{err.strip()}`" in errors
    assert err.endswith("(MW-E225)\n")
    assert not list(Path().glob("*.jsonl"))
    status, out, _ = meshwright("linkerd", "break-glass", *arguments[:3], "--json")
    report = json.loads(out)
    assert (status, report["command"]) == (0, "linkerd break-glass")
    assert len(report["before"]) == 2


def test_the_page_shows_a_preview_as_it_is_and_names_every_scenario() -> None:
    root = Path(__file__).parents[3]
    page = (root / "docs/linkerd/break-glass.md").read_text("utf-8")
    preview = (root / "tests/golden/cli/linkerd-break-glass/injector-down-relaxed.txt").read_text("utf-8")
    shown = page.split("--relax-webhook\n", 1)[1].split("...\n")[0]
    assert preview.startswith(shown)
    assert shown.count("\n") == 6
    commands = {command.name for command in linkerd_break_glass.app.registered_commands} - {"resume", "undo"}
    assert commands == {name.removesuffix("-relaxed") for name in SCENARIOS}
    assert all(f"| `{name}" in page and f"- **{name}**: " in page for name in commands)
