"""`meshwright up`: hand over to Pulumi, or render."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer

from meshwright.cli.cluster import unreachable
from meshwright.engine.policy import Verdict
from tests.unit.cli.runs import STACK_FILE, finding, offline_run, report
from tests.unit.render.graphs import kubernetes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.cli.test_preview import Command, Found

NAMESPACE = kubernetes("v1", "Namespace", "shop")


@pytest.fixture
def server() -> Iterator[str]:
    """The address of something that answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def _kubeconfig(path: Path, server: str, context: str = "kind-dev") -> Path:
    content = {
        "current-context": context,
        "contexts": [{"name": context, "context": {"cluster": "c"}}],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
    }
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def cluster(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster that can be reached by the context kind-dev."""
    monkeypatch.setenv("KUBECONFIG", str(_kubeconfig(tmp_path / "config", server)))


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `pulumi` on PATH that records its arguments and ends with 7; returns the record."""
    record = tmp_path / "pulumi-was-called"
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "pulumi"
    script.write_text(f'#!/bin/sh\necho "$@" > {record}\nexit 7\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}/bin")
    return record


@pytest.fixture
def no_pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("no_pulumi")
def test_without_pulumi_the_stack_is_rendered(meshwright: Command, found: Found) -> None:
    found(offline_run(Path.cwd(), NAMESPACE))
    status, out, err = meshwright("up", "--verbose")
    assert (status, err) == (0, "printed\n")
    assert out.splitlines()[-5:] == [
        "not deployed: pulumi is not on PATH. Rendered instead:",
        "out/dev/  1 object in 1 wave",
        "",
        "then: wave by wave, each ready before the next: `kustomize build --enable-helm out/dev/wave-01 | kubectl apply --server-side -f -`",
        "or, with Pulumi and the cluster at hand: `meshwright up dev`",
    ]
    assert Path("out/dev/wave-01/namespace-shop.yaml").is_file()


@pytest.mark.usefixtures("cluster")
def test_yes_hands_over_to_pulumi(meshwright: Command, found: Found, pulumi: Path) -> None:
    found(offline_run(Path.cwd(), NAMESPACE, stack_file=STACK_FILE))
    (Path.cwd() / "policy").mkdir()
    (Path.cwd() / "policy" / "PulumiPolicy.yaml").touch()
    status, out, _ = meshwright("up", "--yes")
    here = Path.cwd()
    assert status == 7
    assert pulumi.read_text() == f"up --stack dev --cwd {here} --policy-pack {here}/policy --yes\n"
    assert out.startswith("shop/dev")
    assert not Path("out").exists()


@pytest.mark.usefixtures("cluster")
def test_yes_with_json_prints_what_pulumi_prints(meshwright: Command, found: Found, pulumi: Path) -> None:
    found(offline_run(Path.cwd(), NAMESPACE, stack_file=STACK_FILE))
    assert meshwright("up", "--yes", "--json") == (7, "", "")
    assert pulumi.read_text() == f"up --stack dev --cwd {Path.cwd()} --yes --json\n"


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("answer", [True, False])
def test_a_terminal_is_asked(
    meshwright: Command, found: Found, pulumi: Path, monkeypatch: pytest.MonkeyPatch, answer: bool
) -> None:
    asked = []

    def ask(text: str, **_: object) -> bool:
        asked.append(text)
        return answer

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(typer, "confirm", ask)
    found(offline_run(Path.cwd(), NAMESPACE, stack_file=STACK_FILE))
    status, out, _ = meshwright("up")
    assert asked == ["\nRun `pulumi up` for dev now?"]
    assert (status == 7) == pulumi.exists() == answer
    assert ("not deployed: you did not say yes. Rendered instead:" in out) != answer


@pytest.mark.usefixtures("cluster", "pulumi")
def test_nobody_to_ask(meshwright: Command, found: Found) -> None:
    found(offline_run(Path.cwd(), NAMESPACE, stack_file=STACK_FILE))
    status, out, _ = meshwright("up", "--json")
    content = json.loads(out)
    assert (status, content["command"], content["deploys"], content["folder"]) == (0, "up", False, "out/dev")


@pytest.mark.usefixtures("pulumi")
def test_a_cluster_that_another_stack_knows_is_pulumis_to_find(meshwright: Command, found: Found) -> None:
    text = STACK_FILE.replace("context: kind-dev", "stack: acme/eks/dev, output: kubeconfig")
    found(offline_run(Path.cwd(), NAMESPACE, stack_file=text))
    assert meshwright("up", "--yes")[0] == 7


@pytest.mark.usefixtures("pulumi")
def test_a_cluster_out_of_reach(meshwright: Command, found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    found(offline_run(Path.cwd(), NAMESPACE))
    assert "not deployed: there is no kubeconfig. Rendered instead:" in meshwright("up", "--yes")[1]


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("as_json", [True, False])
def test_a_mandatory_violation_stops_it(meshwright: Command, found: Found, pulumi: Path, as_json: bool) -> None:
    found(offline_run(Path.cwd(), NAMESPACE, policy=report(finding(Verdict.VIOLATED))))
    status, out, _ = meshwright("up", "--yes", *(["--json"] if as_json else []))
    assert status == 1
    assert not pulumi.exists()
    assert not Path("out").exists()
    if as_json:
        assert json.loads(out)["deploys"] is False
    else:
        assert out.splitlines()[-1] == (
            "1 violated · 0 undecided · 2 passed · 0 waived · 1 does not apply: nothing was deployed or written"
        )


def test_a_cluster_that_answers(server: str, tmp_path: Path) -> None:
    assert unreachable("kind-dev", str(_kubeconfig(tmp_path / "config", server))) == ""
    assert unreachable(None, str(_kubeconfig(tmp_path / "config", server))) == ""


@pytest.mark.parametrize(
    ("server", "context", "reason"),
    [
        ("http://127.0.0.1:1", None, "nothing answers at http://127.0.0.1:1"),
        ("http://127.0.0.1:x", None, "nothing answers at http://127.0.0.1:x"),
        ("https://host.invalid", None, "nothing answers at https://host.invalid"),
        ("http://host.invalid", None, "nothing answers at http://host.invalid"),
        ("http://127.0.0.1:1", "prod", "the kubeconfig has no context 'prod'"),
    ],
)
def test_a_cluster_that_does_not_answer(tmp_path: Path, server: str, context: str | None, reason: str) -> None:
    assert unreachable(context, str(_kubeconfig(tmp_path / "config", server))) == reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("[", "there is no kubeconfig"),
        ("text", "there is no kubeconfig"),
        ("{contexts: null}", "the kubeconfig has no current context"),
    ],
)
def test_a_kubeconfig_that_says_nothing(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / "config").write_text(content)
    assert unreachable(None, str(tmp_path / "config")) == reason


def test_the_first_of_several_kubeconfigs_wins(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = _kubeconfig(tmp_path / "1", server), _kubeconfig(tmp_path / "2", "http://127.0.0.1:1")
    monkeypatch.setenv("KUBECONFIG", f"{first}{os.pathsep}{second}")
    assert unreachable("kind-dev", None) == ""
