"""A stack goes up, stays as it is, and goes away, under the real engine with stub providers."""

import re
from pathlib import Path

import pytest

from tests.engine.conftest import ROOT, Projects


@pytest.mark.parametrize(
    ("source", "stack"),
    [(ROOT, "quickstart"), (ROOT / "examples/compose", "dev")],
    ids=["quickstart", "compose"],
)
def test_up_then_no_change_then_destroy(stubbed: Projects, source: Path, stack: str) -> None:
    pulumi = stubbed.project(source)
    pulumi.select(stack)
    pulumi.run("up", "--yes", "--skip-preview")
    made = {resource["urn"] for resource in pulumi.state()}
    assert any("IstioAmbient::mesh" in urn for urn in made)
    pulumi.run("preview", "--expect-no-changes")
    pulumi.run("destroy", "--yes", "--skip-preview")
    assert pulumi.state() == []


def test_a_phase_change_touches_that_namespace_alone(stubbed: Projects) -> None:
    pulumi = stubbed.project(ROOT)
    pulumi.select("quickstart")
    pulumi.run("up", "--yes", "--skip-preview")
    stack_file = pulumi.project / "stacks" / "Pulumi.quickstart.yaml"
    text = stack_file.read_text()
    stack_file.write_text(
        text.replace("services: [reports], phase: unmeshed", "services: [reports], phase: permissive")
    )
    printed = pulumi.run("preview", "--diff").stdout
    changed = set(re.findall(r"\[urn=urn:pulumi:quickstart::meshwright::([^\]]+)\]", printed))
    below = "meshwright:index:AmbientNamespace"
    assert changed == {
        "pulumi:pulumi:Stack::meshwright-quickstart",
        f"{below}::legacy",
        f"{below}$kubernetes:core/v1:Namespace::legacy-namespace",
        f"{below}$kubernetes:security.istio.io/v1:PeerAuthentication::legacy-peer-authentication",
    }


def test_a_mistake_in_a_stack_file_is_one_line_and_no_traceback(stubbed: Projects) -> None:
    pulumi = stubbed.project(ROOT)
    pulumi.select("quickstart")
    stack_file = pulumi.project / "stacks" / "Pulumi.quickstart.yaml"
    stack_file.write_text(stack_file.read_text().replace("phase: unmeshed}\n", "phase: unmeshd}\n"))
    done = pulumi.run("preview", check=False)
    assert done.returncode != 0
    assert 'mesh.namespaces[2].phase is "unmeshd"' in done.stdout
    assert "Did you mean unmeshed?" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
