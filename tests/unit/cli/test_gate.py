"""What `meshwright gate` prints, and where it says to look."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from meshwright.cli.places import place
from meshwright.engine.graph import SourcePosition
from meshwright.engine.policy import Verdict, Waiver
from tests.unit.cli.runs import LEGACY, STACK_FILE, bucket, finding, mesh_resources, offline_run, report
from tests.unit.render.graphs import component, urn

WAIVER = Waiver("moves last", "platform", "2026-12-31", "", "legacy", "")

if TYPE_CHECKING:
    from tests.conftest import Golden
    from tests.unit.cli.test_preview import Command, Found


def test_everything_that_a_person_needs(meshwright: Command, found: Found, golden: Golden) -> None:
    findings = [
        finding(Verdict.VIOLATED, urn=LEGACY),
        finding(Verdict.VIOLATED, "advisory", remedy="", url=""),
        finding(Verdict.UNDECIDED),
        replace(finding(Verdict.WAIVED, message=f"{WAIVER} (legacy is unmeshed)"), waiver=WAIVER),
    ]
    found(offline_run(Path(), *mesh_resources(), policy=report(*findings), stack_file=STACK_FILE))
    status, out, err = meshwright("gate", "dev", "--verbose")
    assert (status, err) == (1, "printed\n")
    golden("cli/gate", {"gate.txt": out.encode()})


def test_advice_alone_ends_with_0(meshwright: Command, found: Found) -> None:
    found(offline_run(Path(), policy=report(finding(Verdict.VIOLATED, "advisory"), not_applicable=2)))
    status, out, _ = meshwright("gate")
    assert status == 0
    assert out.splitlines()[-1] == "1 violated · 0 undecided · 2 passed · 0 waived · 2 do not apply"


def test_json(meshwright: Command, found: Found) -> None:
    found(
        offline_run(
            Path(), *mesh_resources(), policy=report(finding(Verdict.VIOLATED, urn=LEGACY)), stack_file=STACK_FILE
        )
    )
    status, out, _ = meshwright("gate", "--json")
    content = json.loads(out)
    assert status == 1
    assert content.keys() >= {"command", "project", "stack", "source", "fail_on", "policy", "findings"}
    assert content["policy"]["blocks"] is True
    assert content["findings"][0]["place"] == "Pulumi.dev.yaml:9"


@pytest.mark.parametrize(
    ("token", "name", "line"),
    [
        ("meshwright:index:AmbientNamespace", "legacy", 9),
        ("kubernetes:core/v1:Namespace", "legacy-namespace", 9),
        ("meshwright:index:AmbientNamespace", "checkout", 8),
        ("meshwright:index:IstioAmbient", "mesh", 4),
        ("meshwright:index:MeshWideMtls", "mtls", 6),
        ("meshwright:index:GatewayApiCrds", "crds", 2),
    ],
)
def test_the_line_of_the_stack_file(tmp_path: Path, token: str, name: str, line: int) -> None:
    extra = [
        component(f"meshwright:index:{kind}", name)
        for kind, name in (("MeshWideMtls", "mtls"), ("GatewayApiCrds", "crds"))
    ]
    run = offline_run(tmp_path, *mesh_resources(), *extra, stack_file=STACK_FILE)
    assert place(urn(token, name), run) == f"{tmp_path}/Pulumi.dev.yaml:{line}"


def test_else_the_line_of_the_program(tmp_path: Path) -> None:
    here = SourcePosition(str(Path.cwd() / "program" / "__main__.py"), 3)
    run = offline_run(tmp_path, *mesh_resources(), replace(bucket("one"), source=here), bucket("two"))
    assert place(bucket("one").urn, run) == "program/__main__.py:3"
    assert place(bucket("two").urn, run) == ""
    assert place(urn("kubernetes:helm.sh/v3:Release", "istiod"), run) == "/elsewhere/__main__.py:7"
    assert place("urn:of:nothing", run) == ""


def test_a_namespace_that_the_stack_file_does_not_have(tmp_path: Path) -> None:
    run = offline_run(tmp_path, *mesh_resources(), stack_file=STACK_FILE)
    assert place(urn("meshwright:index:AmbientNamespace", "catalog"), run) == ""


def test_a_stack_file_that_has_gone_since(tmp_path: Path) -> None:
    run = offline_run(tmp_path, *mesh_resources(), stack_file=STACK_FILE)
    (tmp_path / "Pulumi.dev.yaml").unlink()
    assert place(LEGACY, run) == f"{tmp_path}/Pulumi.dev.yaml"
