"""The pack under the real CLI and our gate say the same of the same stack."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.conftest import ROOT, Projects, Pulumi


@pytest.fixture
def quickstart(stubbed: Projects) -> Pulumi:
    pulumi = stubbed.project(ROOT)
    pulumi.select("quickstart")
    return pulumi


def gate(pulumi: Pulumi) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("meshwright")), "gate", "quickstart"],
        cwd=pulumi.project,
        env=pulumi.env,
        capture_output=True,
        text=True,
        timeout=120,
    )


def set_mesh_wide_strict(pulumi: Pulumi) -> None:
    stack_file = pulumi.project / "stacks" / "Pulumi.quickstart.yaml"
    stack_file.write_text(
        stack_file.read_text().replace('    version: "1.31"', '    mtls: strict\n    version: "1.31"')
    )


def test_strict_too_early_is_stopped_by_both(quickstart: Pulumi) -> None:
    set_mesh_wide_strict(quickstart)
    cli = quickstart.run("preview", "--policy-pack", "policy", check=False)
    ours = gate(quickstart)
    assert cli.returncode != 0
    assert ours.returncode == 1
    message = "mesh-wide mTLS is STRICT, but catalog is permissive and legacy is unmeshed"
    assert "MW-ADO-003" in cli.stdout
    assert message in cli.stdout
    assert "MW-ADO-003" in ours.stdout
    assert message in " ".join(ours.stdout.split())


def test_it_is_stopped_before_the_change_even_without_a_preview(quickstart: Pulumi) -> None:
    set_mesh_wide_strict(quickstart)
    done = quickstart.run("up", "--yes", "--skip-preview", "--policy-pack", "policy", check=False)
    assert done.returncode != 0
    assert "MW-ADO-003" in done.stdout
    made = {resource["urn"] for resource in quickstart.state()}
    assert not [urn for urn in made if "mesh-wide-mtls" in urn]


def test_the_mended_twin_passes_both(quickstart: Pulumi) -> None:
    cli = quickstart.run("preview", "--policy-pack", "policy")
    assert "meshwright@" in cli.stdout
    assert "mandatory" not in cli.stdout
    assert gate(quickstart).returncode == 0
