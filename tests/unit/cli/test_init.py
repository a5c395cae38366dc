"""`meshwright init`: flags, questions, and files that are never written over."""

from __future__ import annotations

import errno
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from meshwright.cli.init import Kind
from meshwright.config import KINDS, load_stack

if TYPE_CHECKING:
    from tests.unit.cli.test_preview import Command

NEEDED = {
    "istio-ambient": ["--context", "kind-dev", "--platform", "kind"],
    "linkerd": [],
    "consul": [],
    "vpc-lattice": ["--region", "eu-west-1", "--network", "shop"],
    "none": ["--because", "under_20_services"],
}


def test_the_kinds_are_those_of_the_config() -> None:
    assert list(Kind) == list(KINDS)


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_file_that_the_loader_accepts(meshwright: Command, kind: str) -> None:
    status, out, err = meshwright("init", kind, *NEEDED[kind])
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "Pulumi.dev.yaml  written",
        "",
        "next: `meshwright schema --to schema.json` for your editor, then `meshwright preview dev`",
    ]
    assert load_stack(Path("Pulumi.dev.yaml")).mesh.kind == kind
    assert list(Path().iterdir()) == [Path("Pulumi.dev.yaml")]


def test_the_file_goes_where_the_project_has_its_stacks(meshwright: Command) -> None:
    Path("Pulumi.yaml").write_text("name: shop\nruntime: python\nstackConfigDir: stacks\n")
    Path("stacks").mkdir()
    Path("__main__.py").touch()
    Path("stacks/schema.json").touch()
    status, out, _ = meshwright("init", "linkerd", "--stack", "prod")
    assert status == 0
    assert out.splitlines()[-1] == "next: read it, then `meshwright preview prod`"
    assert load_stack(Path("stacks/Pulumi.prod.yaml")).mesh.kind == "linkerd"


def test_an_existing_file_is_kept_unless_force_is_given(meshwright: Command) -> None:
    Path("a.yaml").write_text("mine\n")
    status, _, err = meshwright("init", "linkerd", "--to", "a.yaml")
    assert (status, err) == (2, "a.yaml: is there already; name another with --to, or give --force (MW-E103)\n")
    assert Path("a.yaml").read_text() == "mine\n"
    status, out, _ = meshwright("init", "linkerd", "--to", "a.yaml", "--force", "--json")
    assert (status, json.loads(out)) == (0, {"command": "init", "kind": "linkerd", "file": "a.yaml"})
    assert load_stack(Path("a.yaml")).mesh.kind == "linkerd"


def _hardlink(monkeypatch: pytest.MonkeyPatch, number: int, *, taken: bool = False) -> None:
    def fail(path: Path, _: Path) -> None:
        if taken:
            path.write_text("another's\n")
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(Path, "hardlink_to", fail)


def test_a_file_that_somebody_makes_in_the_meantime_is_kept(
    meshwright: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    _hardlink(monkeypatch, errno.EEXIST, taken=True)
    status, _, err = meshwright("init", "linkerd", "--to", "a.yaml")
    assert (status, err.rpartition(" ")[2]) == (2, "(MW-E103)\n")
    assert Path("a.yaml").read_text() == "another's\n"
    assert list(Path().iterdir()) == [Path("a.yaml")]


def test_a_file_that_comes_and_goes_in_the_meantime(meshwright: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    _hardlink(monkeypatch, errno.EEXIST)
    status, _, err = meshwright("init", "linkerd", "--to", "a.yaml")
    assert (status, err.rpartition(" ")[2]) == (2, "(MW-E091)\n")
    assert not list(Path().iterdir())


def test_a_file_system_without_hard_links(meshwright: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    _hardlink(monkeypatch, errno.EPERM)
    assert meshwright("init", "linkerd", "--to", "a.yaml")[0] == 0
    assert load_stack(Path("a.yaml")).mesh.kind == "linkerd"


def test_a_full_disk_leaves_nothing(meshwright: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    _hardlink(monkeypatch, errno.ENOSPC)
    status, _, err = meshwright("init", "linkerd", "--to", "a.yaml")
    assert status == 2
    assert err.startswith("a.yaml: can't be written: no space left on device; name a file")
    assert not list(Path().iterdir())


def test_a_folder_that_is_a_file(meshwright: Command) -> None:
    Path("a").touch()
    status, _, err = meshwright("init", "linkerd", "--to", "a/b.yaml")
    assert (status, err.rpartition(" ")[2]) == (2, "(MW-E091)\n")


def test_a_value_that_the_loader_refuses_writes_nothing(meshwright: Command) -> None:
    status, _, err = meshwright("init", "linkerd", "--context", "a", "--platform", "ekss")
    assert status == 2
    assert "mesh.cluster.platform" in err
    assert not list(Path().iterdir())


def test_without_a_terminal_nothing_is_asked(meshwright: Command) -> None:
    status, _, err = meshwright("init")
    assert status == 2
    assert err.startswith("no kind of mesh was named; name one of: istio-ambient, linkerd")


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A terminal on which these answers are given, in turn; `*` takes the default."""
    said: list[str] = []

    def prompt(text: str, default: str | None = None, **_: object) -> str:
        answer = said.pop(0)
        assert (answer, default) != ("*", None), text
        return str(default) if answer == "*" else answer

    monkeypatch.setattr("meshwright.cli.init.typer.prompt", prompt)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    return said


def test_a_terminal_is_asked_for_everything(meshwright: Command, answers: list[str]) -> None:
    answers += ["isto", "istio-ambient", "*", "kind-dev", "minikub", "minikube", "*", "checkout, legacy"]
    assert meshwright("init")[0] == 0
    mesh = load_stack(Path("Pulumi.dev.yaml")).mesh
    assert mesh.cluster is not None
    assert (mesh.kind, mesh.cluster.context, mesh.cluster.platform) == ("istio-ambient", "kind-dev", "minikube")
    assert mesh.environment is None
    assert "name: checkout" in Path("Pulumi.dev.yaml").read_text()
    assert answers == []


@pytest.mark.parametrize("context", ["k3d-shop", "shop"])
def test_the_platform_that_the_kubeconfig_tells_is_the_default(
    meshwright: Command, answers: list[str], context: str
) -> None:
    told = {"k3d-shop": "k3d"}.get(context, "generic")
    answers += [context, "*", "*", ""]
    assert meshwright("init", "linkerd", "--to", "asked.yaml")[0] == 0
    assert meshwright("init", "linkerd", "--context", context, "--to", "given.yaml", "--json")[0] == 0
    for name in ("asked.yaml", "given.yaml"):
        cluster = load_stack(Path(name)).mesh.cluster
        assert cluster is not None
        assert (cluster.context, cluster.platform) == (context, told)


def test_with_flags_only_what_is_needed_is_asked(meshwright: Command, answers: list[str]) -> None:
    answers += ["shop"]
    assert meshwright("init", "vpc-lattice", "--region", "eu-west-1")[0] == 0
    assert answers == []


def test_a_platform_is_asked_of_a_cluster_alone(meshwright: Command, answers: list[str]) -> None:
    answers += ["*", "*", ""]
    assert meshwright("init", "linkerd")[0] == 0
    assert load_stack(Path("Pulumi.dev.yaml")).mesh.cluster is None
