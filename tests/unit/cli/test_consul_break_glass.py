"""`meshwright consul break-glass`: what is printed, what is refused, and that nothing runs unless it is told to."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from meshwright.cli import consul_break_glass
from meshwright.kubernetes import reading
from tests.unit.consul.breakglass.clusters import IN_VAULT, JOB, OBJECTS, PODS, SEALED, TOKEN, reader, static_token
from tests.unit.consul.health.test_snapshots import CONSUL, server
from tests.unit.istio.breakglass.fake_kubectl import FakeKubectl, kubectl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Golden
    from tests.unit.cli.test_preview import Command

__all__ = ["kubectl"]

SCENARIOS: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "vault-sealed": (IN_VAULT + SEALED, {}, []),
    "token-expired": (IN_VAULT, static_token(), []),
    "ca-uninitialised": (IN_VAULT + PODS, {}, []),
    "root-lost": (IN_VAULT, {}, ["--key-is-lost", "--consul-address"]),
    "bootstrap-token-lost": (OBJECTS + JOB, {TOKEN: []}, []),
    "bootstrap-token-lost-written": (OBJECTS + JOB, {TOKEN: []}, ["--reset-written"]),
}
APPLY = ["--apply", "--reason", "nobody signs", "--yes", "--journal", "j"]


def opened(monkeypatch: pytest.MonkeyPatch, objects: str, more: dict[str, Any]) -> None:
    @contextmanager
    def open_cluster(context: str, kubeconfig: str) -> Iterator[Any]:
        yield reader(objects, more)

    monkeypatch.setattr(reading, "open_cluster", open_cluster)


def test_previews(meshwright: Command, golden: Golden, kubectl: FakeKubectl, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {}
    for name, (objects, more, options) in SCENARIOS.items():
        opened(monkeypatch, objects, more)
        with server(CONSUL) as address:
            given = [*options, *([address] if "--consul-address" in options else [])]
            scenario = name.removesuffix("-written")
            status, out, err = meshwright("consul", "break-glass", scenario, "--context", "prod-eu", *given)
        assert (status, err) == (0, "")
        assert "s.secret" not in out
        files[f"{name}.txt"] = re.sub(r"(?:OU=\d+,)?CN=(.+?) \([0-9a-f]{8}\)", r"CN=\1 (0123abcd)", out).encode()
    golden("cli/consul-break-glass", files)
    assert kubectl.calls() == []
    assert not list(Path().glob("*.jsonl"))


def test_what_kubectl_cannot_do_comes_first(
    meshwright: Command, kubectl: FakeKubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(monkeypatch, IN_VAULT + SEALED, {})
    status, _, err = meshwright("consul", "break-glass", "vault-sealed", "--context", "prod", *APPLY)
    assert status == 2
    assert "vault-sealed begins with what kubectl can't do: unseal Vault" in err
    assert "MW-E225" in err
    assert kubectl.calls() == []


def test_a_plan_is_run_and_journaled(
    meshwright: Command, kubectl: FakeKubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(monkeypatch, IN_VAULT + PODS, {})
    status, _, err = meshwright("consul", "break-glass", "vault-sealed", "--context", "prod", *APPLY)
    assert (status, err) == (0, "")
    journal = [json.loads(line) for line in Path("j").read_text().splitlines()]
    ran = [" ".join(each["command"]) for each in journal if each["entry"] == "begin"]
    assert ran[0] == "delete pod consul-server-1 --namespace=consul --ignore-not-found"
    assert len(ran) == len(kubectl.calls()) == 4
    status, out, _ = meshwright("consul", "break-glass", "undo", "j", "--yes")
    assert status == 0
    assert "vault-sealed: Vault, or OpenBao, behind Consul, in prod" in out
    assert kubectl.calls() == []


def test_the_page_names_every_scenario() -> None:
    page = (Path(__file__).parents[3] / "docs/consul/break-glass.md").read_text("utf-8")
    commands = {command.name for command in consul_break_glass.app.registered_commands} - {"resume", "undo"}
    assert commands == {name.removesuffix("-written") for name in SCENARIOS}
    assert all(f"| `{name}" in page and f"- **{name}**: " in page for name in commands)
