"""`meshwright render`: what is written, and what is said of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from meshwright.engine.policy import Verdict
from tests.unit.cli.runs import bucket, finding, mesh_resources, offline_run, report
from tests.unit.render.graphs import kubernetes, resource

if TYPE_CHECKING:
    from tests.unit.cli.test_preview import Command, Found

PATCH = resource("kubernetes:core/v1:NamespacePatch", "shop", {"kind": "Namespace", "metadata": {"name": "shop"}})
UNNAMED = resource("kubernetes:core/v1:ConfigMap", "settings", {})


def test_where_what_and_what_is_next(meshwright: Command, found: Found) -> None:
    found(offline_run(Path(), *mesh_resources(), PATCH, UNNAMED, bucket("one")))
    status, out, err = meshwright("render", "dev", "--to", "out/dev", "--verbose")
    assert (status, err) == (0, "printed\n")
    assert out.splitlines() == [
        "out/dev/  2 Helm releases, 4 objects in 1 wave",
        "  1 patch for server-side apply: commands in out/dev/NOT-RENDERED.md",
        "  1 resource not rendered: reasons in out/dev/NOT-RENDERED.md",
        "  1 difference from `pulumi up`: see out/dev/NOT-RENDERED.md",
        "",
        "next: wave by wave, each ready before the next: `kustomize build --enable-helm out/dev/wave-01 | kubectl apply --server-side -f -`",
    ]
    assert Path("out/dev/wave-01/kustomization.yaml").is_file()


def test_a_plain_rendering_says_no_more_than_it_must(meshwright: Command, found: Found) -> None:
    found(offline_run(Path(), kubernetes("v1", "Namespace", "shop")))
    assert meshwright("render", "--to", "x")[1].splitlines()[0] == "x/  1 object in 1 wave"


def test_several_patches_and_nothing_else(meshwright: Command, found: Found) -> None:
    second = resource(PATCH.type, "two", {"kind": "Namespace", "metadata": {"name": "two"}})
    found(offline_run(Path(), PATCH, second))
    assert meshwright("render", "--to", "x")[1].splitlines()[1].startswith("  2 patches for server-side apply")


def test_a_program_without_kubernetes(meshwright: Command, found: Found) -> None:
    found(offline_run(Path(), bucket("one")))
    assert meshwright("render", "--to", "x")[1].splitlines()[0] == "x/  nothing that can be a file"


def test_a_mandatory_violation_writes_nothing(meshwright: Command, found: Found) -> None:
    found(offline_run(Path(), *mesh_resources(), policy=report(finding(Verdict.VIOLATED))))
    status, out, _ = meshwright("render", "--to", "x")
    assert status == 1
    assert out.splitlines()[-1] == (
        "1 violated · 0 undecided · 2 passed · 0 waived · 1 does not apply: nothing was written"
    )
    assert not Path("x").exists()


def test_json(meshwright: Command, found: Found) -> None:
    found(offline_run(Path(), PATCH, UNNAMED, bucket("one")))
    status, out, _ = meshwright("render", "--to", "x", "--json")
    content = json.loads(out)
    assert status == 0
    assert (content["command"], content["folder"], content["written"]) == ("render", "x", True)
    assert content["files"] == [path.relative_to("x").as_posix() for path in _files(Path("x"))]
    assert content["patches"] == ["wave-01/patches/namespace-shop.yaml"]
    assert content["not_rendered"] == [
        {
            "urn": bucket("one").urn,
            "type": "aws:s3/bucket:Bucket",
            "name": "one",
            "reason": "not a Kubernetes object: Pulumi alone makes it",
        }
    ]
    assert [one["name"] for one in content["differences"]] == ["settings"]
    assert content["findings"] == []


def test_json_of_a_violation(meshwright: Command, found: Found) -> None:
    found(offline_run(Path(), PATCH, policy=report(finding(Verdict.VIOLATED))))
    status, out, _ = meshwright("render", "--to", "x", "--json")
    content = json.loads(out)
    assert (status, content["written"], content["files"], content["patches"]) == (1, False, [], [])


def test_a_folder_that_is_not_ours(meshwright: Command, found: Found) -> None:
    Path("x").mkdir()
    Path("x/mine.txt").touch()
    found(offline_run(Path(), PATCH))
    assert meshwright("render", "--to", "x") == (
        2,
        "",
        "x/mine.txt: is not a rendered file; move it away, or name another folder with --to (MW-E090)\n",
    )


def _files(folder: Path) -> list[Path]:
    return sorted((path for path in folder.rglob("*") if path.is_file() and path.name != ".meshwright"), key=str)


def test_flux_is_told_where_the_files_are_in_the_repository(meshwright: Command, found: Found) -> None:
    found(offline_run(Path(), *mesh_resources()))
    Path(".git").mkdir()
    status, out, _ = meshwright("render", "dev", "--to", "clusters/dev", "--format", "flux")
    assert status == 0
    assert out.splitlines()[-1] == (
        "next: commit clusters/dev/, and once: `flux create kustomization dev --source=GitRepository/flux-system "
        "--path=./clusters/dev --prune=true --interval=1h`"
    )
    assert "./clusters/dev/units/istiod" in Path("clusters/dev/flux/istiod.yaml").read_text()


def test_argo_cd_and_helmfile(meshwright: Command, found: Found) -> None:
    found(offline_run(Path(), *mesh_resources()))
    url = "git@git.example:platform.git"
    _, out, _ = meshwright("render", "--to", "a", "--format", "argocd", "--repository", url, "--at", "there")
    assert out.splitlines()[-1] == "next: commit a/, and once: `kubectl apply -f a/root.yaml`"
    assert f"repoURL: {url}" in Path("a/root.yaml").read_text().replace('"', "")
    assert "path: there/sync" in Path("a/root.yaml").read_text()
    _, out, _ = meshwright("render", "--to", "h", "--format", "helmfile")
    assert out.splitlines()[-1] == "next: `helmfile --file h/helmfile.yaml sync`"


def test_argo_cd_without_a_repository(meshwright: Command) -> None:
    status, _, err = meshwright("render", "--to", "x", "--format", "argocd")
    assert status == 2
    assert err == ("an Application names its repository, and none was given; add --repository https://... (MW-E098)\n")


def test_a_password_in_an_address_goes_into_no_file(meshwright: Command) -> None:
    url = "https://me:hunter2@git.example/platform.git"
    status, out, err = meshwright("render", "--to", "x", "--format", "argocd", "--repository", url)
    assert status == 2
    assert "MW-E098" in err
    assert "hunter2" not in out + err


def test_expanding_charts_needs_helm(
    meshwright: Command, found: Found, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    asked = found(offline_run(Path(), *mesh_resources()))
    status, _, err = meshwright("render", "--to", "x", "--expand-charts")
    assert status == 2
    assert err.startswith("--expand-charts needs helm, which is not on PATH")
    assert "MW-E100" in err
    assert asked == []
    helm = tmp_path / "helm"
    helm.write_text("#!/bin/sh\necho 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: made}'\n")
    helm.chmod(0o755)
    assert meshwright("render", "--to", "x", "--expand-charts")[0] == 0
    assert [path.name for path in _files(Path("x")) if "made" in path.name]


def test_a_folder_in_no_checkout_is_the_repository_s_root(meshwright: Command, found: Found, tmp_path: Path) -> None:
    found(offline_run(Path(), *mesh_resources()))
    assert "--path=./. " in meshwright("render", "--to", str(tmp_path / "x"), "--format", "flux")[1]
    assert 'path: "./units/istiod"' in (tmp_path / "x/flux/istiod.yaml").read_text()
    assert "--path=./y " in meshwright("render", "--to", "y", "--format", "flux")[1]
