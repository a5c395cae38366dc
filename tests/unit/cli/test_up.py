"""`meshwright up`: hand over to Pulumi, or render."""

from __future__ import annotations

import json
import os
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer

from meshwright.cli import offline
from meshwright.cli.cluster import unreachable
from meshwright.config import clock
from meshwright.engine.policy import Verdict
from tests.unit.cli.runs import STACK_FILE, finding, offline_run, report
from tests.unit.render.graphs import kubernetes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.cli.offline import Offline, Request
    from tests.unit.cli.test_preview import Command, Found

NAMESPACE = kubernetes("v1", "Namespace", "shop")
FAKE = """\
#!/bin/sh
echo "$@" >> {record}
[ "$1" = stack ] && echo "the stack is there" && exit "${{NO_STACK:-0}}"
env > {record}.env
for argument; do [ -f "$argument" ] && cat "$argument" > {record}.config; done
exit 7
"""
SELECT = "stack select --create --stack dev --cwd {}\n"


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
    """A `pulumi` on PATH that records its arguments, has every stack, and ends with 7; returns the record."""
    record = tmp_path / "pulumi-was-called"
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "pulumi"
    script.write_text(FAKE.format(record=record))
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
    assert pulumi.read_text() == (
        SELECT.format(here) + f"up --policy-pack {here}/policy --yes --stack dev --cwd {here}\n"
    )
    assert out.startswith("shop/dev")
    assert not Path("out").exists()


@pytest.mark.usefixtures("cluster")
def test_yes_with_json_prints_what_pulumi_prints(meshwright: Command, found: Found, pulumi: Path) -> None:
    found(offline_run(Path.cwd(), NAMESPACE, stack_file=STACK_FILE))
    assert meshwright("up", "--yes", "--json") == (7, "", "")
    assert pulumi.read_text() == SELECT.format(Path.cwd()) + f"up --yes --json --stack dev --cwd {Path.cwd()}\n"


@pytest.mark.usefixtures("cluster")
def test_the_stack_may_be_named_as_for_pulumi(meshwright: Command, found: Found, pulumi: Path) -> None:
    requests = found(offline_run(Path.cwd(), NAMESPACE, stack_file=STACK_FILE))
    assert meshwright("up", "-s", "dev", "--yes")[0] == meshwright("up", "--stack", "dev", "--yes")[0] == 7
    assert {request.stack for request in requests} == {"dev"}


@pytest.mark.usefixtures("cluster")
def test_a_stack_that_cannot_be_created_is_rendered(
    meshwright: Command, found: Found, pulumi: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_STACK", "255")
    found(offline_run(Path.cwd(), NAMESPACE, stack_file=STACK_FILE))
    status, out, _ = meshwright("up", "--yes")
    assert status == 0
    assert pulumi.read_text() == SELECT.format(Path.cwd())
    assert (
        "not deployed: `pulumi stack select --create` ended with status 255, and says why above. Rendered instead:"
    ) in out
    assert Path("out/dev/wave-01/namespace-shop.yaml").is_file()


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("text", ['{"MW-ADO-002": {"soak_days": 14}}', "MW-ADO-002:\n  soak_days: 14\n"])
def test_pulumi_gets_the_options_of_the_rules_as_json(
    meshwright: Command, found: Found, pulumi: Path, text: str
) -> None:
    requests = found(offline_run(Path.cwd(), NAMESPACE, stack_file=STACK_FILE))
    Path("rules").write_text(text)
    Path("pack").mkdir()
    Path("pack/PulumiPolicy.yaml").touch()
    assert meshwright("up", "--yes", "--policy-pack", "pack", "--policy-pack-config", "rules")[0] == 7
    assert requests[0].pack_config == Path("rules")
    assert f"up --policy-pack {Path.cwd()}/pack --policy-pack-config /" in pulumi.read_text()
    assert json.loads(Path(f"{pulumi}.config").read_text()) == {"MW-ADO-002": {"soak_days": 14}}


@pytest.mark.usefixtures("cluster")
def test_a_deployment_has_the_real_clock(
    meshwright: Command, found: Found, pulumi: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(clock.VARIABLE)
    requests = found(offline_run(Path.cwd(), NAMESPACE, stack_file=STACK_FILE))
    status, out, _ = meshwright("up", "--yes", "--as-of", "2026-11-01")
    assert (status, len(requests), os.environ[clock.VARIABLE]) == (7, 2, "2026-11-01")
    assert out.splitlines()[0].endswith("  offline, as of 2026-11-01, nothing was changed")
    assert clock.VARIABLE not in Path(f"{pulumi}.env").read_text()
    monkeypatch.delenv(clock.VARIABLE)
    assert (meshwright("up", "--yes")[0], len(requests)) == (7, 3)


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("as_json", [True, False])
def test_what_is_violated_today_stops_a_deployment(
    meshwright: Command, pulumi: Path, monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    def judge(_: Request) -> Offline:
        policy = report() if clock.is_pinned() else report(finding(Verdict.VIOLATED))
        return offline_run(Path.cwd(), NAMESPACE, stack_file=STACK_FILE, policy=policy)

    monkeypatch.setattr(offline, "offline", judge)
    status, out, _ = meshwright("up", "--yes", "--as-of", "2026-11-01", *(["--json"] if as_json else []))
    assert status == 1
    assert not pulumi.exists()
    today = datetime.now(UTC).date()
    if as_json:
        assert (json.loads(out)["deploys"], json.loads(out)["as_of"]) == (False, str(today))
    else:
        assert out.splitlines()[-1] == (
            f"judged by today, {today}, as a deployment is: "
            "1 violated · 0 undecided · 2 passed · 0 waived · 1 does not apply: nothing was deployed or written"
        )


def test_a_kubeconfig_is_relative_to_the_project(
    meshwright: Command, found: Found, pulumi: Path, server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _kubeconfig(Path("clusters"), server)
    text = STACK_FILE.replace("context: kind-dev", "context: kind-dev, kubeconfig: clusters")
    found(offline_run(Path.cwd(), NAMESPACE, stack_file=text))
    monkeypatch.chdir(tmp_path)
    assert meshwright("up", "--yes")[0] == 7
    assert pulumi.exists()


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
