"""`meshwright istio break-glass`: what is printed, what is asked, and that nothing runs unless it is told to."""

from __future__ import annotations

import io
import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from meshwright.cli import istio_break_glass
from meshwright.kubernetes import reading
from tests.unit.istio.breakglass.clusters import reader
from tests.unit.istio.breakglass.fake_kubectl import FakeKubectl, kubectl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Golden
    from tests.unit.cli.test_preview import Command

__all__ = ["kubectl"]

SCENARIOS = {
    "strict-strands-caller": ["--namespace", "shop"],
    "strict-strands-caller-search": ["--namespace", "search"],
    "waypoint-down": ["--namespace", "shop"],
    "waypoint-down-bypass": ["--namespace", "shop", "--bypass"],
    "root-expired": [],
    "istiod-lost": ["--relax-webhooks"],
    "half-done-upgrade": [],
}
STRICT = ["strict-strands-caller", "--context", "prod", "--namespace", "shop"]


@pytest.fixture(autouse=True)
def opened(monkeypatch: pytest.MonkeyPatch, kubectl: FakeKubectl) -> list[tuple[str, str]]:
    """A cluster to plan for; the list of how it was opened."""
    found: list[tuple[str, str]] = []

    @contextmanager
    def open_cluster(context: str, kubeconfig: str) -> Iterator[Any]:
        found.append((context, kubeconfig))
        yield reader(secrets=("istio-ca-secret",))

    monkeypatch.setattr(reading, "open_cluster", open_cluster)
    return found


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    stdin = io.StringIO(text)
    stdin.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stdin", stdin)


def test_previews(meshwright: Command, golden: Golden, kubectl: FakeKubectl) -> None:
    files = {}
    for name, options in SCENARIOS.items():
        scenario = name.removesuffix("-bypass").removesuffix("-search")
        status, out, err = meshwright("istio", "break-glass", scenario, "--context", "prod-eu", *options)
        assert (status, err) == (0, "")
        files[f"{name}.txt"] = out.encode()
    golden("cli/break-glass", files)
    assert kubectl.calls() == []
    assert not list(Path().glob("*.jsonl"))


def test_a_preview_as_json_has_the_argv(meshwright: Command, opened: list[tuple[str, str]]) -> None:
    status, out, _ = meshwright("istio", "break-glass", *STRICT, "--kubeconfig", "kube.yaml", "--json")
    assert (status, opened) == (0, [("prod", str(Path("kube.yaml").absolute()))])
    report = json.loads(out)
    (step,) = report["steps"]
    assert step["command"][:4] == ["kubectl", "--context=prod", f"--kubeconfig={Path('kube.yaml').absolute()}", "patch"]
    assert step["undo"][-1] == '--patch={"spec":{"mtls":{"mode":"STRICT"}}}'
    assert report["risks"]


def test_it_is_done_once_the_context_is_typed_and_taken_back(
    meshwright: Command, kubectl: FakeKubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, "prod\n")
    status, out, err = meshwright(
        "istio", "break-glass", *STRICT, "--apply", "--reason", "job cut off", "--journal", "j"
    )
    assert status == 0
    assert err == "Type the context's name, prod, to run this: "
    assert "✓ 1. PeerAuthentication shop/default: STRICT becomes PERMISSIVE   done\n" in out
    assert "take it back by " in out
    assert len(kubectl.calls()) == 1
    status, out, _ = meshwright("istio", "break-glass", "resume", "j", "--yes")
    assert (status, kubectl.calls()) == (0, [])
    status, out, _ = meshwright("istio", "break-glass", "undo", "j", "--yes")
    assert status == 0
    assert "reason: job cut off" in out
    assert kubectl.commands()[0].endswith('--patch={"spec":{"mtls":{"mode":"STRICT"}}}')


def test_another_name_runs_nothing(meshwright: Command, kubectl: FakeKubectl, monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, "yes\n")
    status, _, _ = meshwright("istio", "break-glass", *STRICT, "--apply", "--reason", "x")
    assert (status, kubectl.calls()) == (130, [])
    assert not list(Path().glob("*.jsonl"))


def test_what_cannot_be_taken_back_is_said(meshwright: Command, kubectl: FakeKubectl) -> None:
    arguments = ["root-expired", "--context", "prod", "--apply", "--reason", "x", "--yes", "--hours", "0.1"]
    status, out, _ = meshwright("istio", "break-glass", *arguments)
    assert status == 0
    (journal,) = Path().glob("break-glass-root-expired-*.jsonl")
    assert f"journal: {journal}" in out
    old = journal.read_text()
    entry = json.loads(old.splitlines()[0])
    journal.write_text(old.replace(entry["expires"], "2026-01-01T00:00:00+00:00"))
    kubectl.calls()
    status, out, _ = meshwright("istio", "break-glass", "undo", str(journal), "--yes")
    assert (status, kubectl.calls()) == (0, [])
    assert "! it was to be taken back by 2026-01-01 00:00 UTC" in out
    assert "! step 1 stays as it is: the old CA is of no use: it has expired" in out


def test_what_is_run_is_not_printed_as_json(meshwright: Command, kubectl: FakeKubectl) -> None:
    status, out, _ = meshwright("istio", "break-glass", *STRICT, "--apply", "--reason", "x", "--json")
    assert (status, kubectl.calls()) == (2, [])
    assert "--json is for the preview" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([*STRICT, "--apply"], "--apply needs a reason; say why by --reason; it is journaled (MW-E096)\n"),
        ([*STRICT, "--apply", "--reason", " "], "--apply needs a reason"),
        (
            [*STRICT, "--apply", "--reason", "x"],
            "nobody is there to confirm the plan; add --yes once you have read it (MW-E096)\n",
        ),
        (["waypoint-down", "--namespace", "shop"], "Missing option '--context'"),
        (["waypoint-down", "--context", "c", "--namespace", "$(x)"], "--namespace '$(x)' is no name of Kubernetes'"),
        (["undo", "gone", "--yes"], "gone: can't be opened: no such file or directory; name another file (MW-E174)\n"),
        (["half-done-upgrade", "--context", "c", "--part", "x"], "--part 'x' is unknown"),
    ],
)
def test_mistakes_on_the_command_line(
    meshwright: Command, kubectl: FakeKubectl, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    status, _, err = meshwright("istio", "break-glass", *arguments)
    assert (status, kubectl.calls()) == (2, [])
    assert err.startswith(said)


def test_the_page_shows_a_preview_as_it_is_and_names_every_scenario() -> None:
    root = Path(__file__).parents[3]
    page = (root / "docs/istio/break-glass.md").read_text("utf-8")
    preview = (root / "tests/golden/cli/break-glass/strict-strands-caller.txt").read_text("utf-8")
    shown = page.split("--namespace shop\n", 1)[1].split("...\n")[0]
    assert preview.startswith(shown)
    assert shown.count("\n") == 6
    commands = {command.name for command in istio_break_glass.app.registered_commands} - {"resume", "undo"}
    assert commands == {name.removesuffix("-bypass").removesuffix("-search") for name in SCENARIOS}
    assert all(f"| `{name}" in page and f"- **{name}**: " in page for name in commands)
