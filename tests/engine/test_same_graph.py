"""The offline engine says what the real one says: URNs, parents, dependencies and inputs."""

from pathlib import Path
from typing import Any

import pytest

from meshwright.engine.graph import UNKNOWN, Graph, Secret
from meshwright.engine.project import load_project
from meshwright.engine.run import run_program
from meshwright.engine.stack import load_stack_settings
from tests.engine.conftest import ROOT, Projects

# How the engine writes a value that is unknown at preview.
UNKNOWN_SENTINEL = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def offline(project: Path, stack: str) -> Graph:
    loaded = load_project(project)
    return run_program(loaded, load_stack_settings(loaded, stack))


def plain(value: Any) -> Any:
    if value is UNKNOWN:
        return UNKNOWN_SENTINEL
    if isinstance(value, Secret):
        return "[secret]"
    if isinstance(value, dict):
        return {key: plain(below) for key, below in value.items()}
    return [plain(below) for below in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("source", "stack"),
    [(ROOT, "quickstart"), (ROOT, "istio-production"), (ROOT / "examples/compose", "dev")],
    ids=["quickstart", "istio-production", "compose"],
)
def test_offline_and_real_engine_agree(stubbed: Projects, source: Path, stack: str) -> None:
    pulumi = stubbed.project(source)
    pulumi.select(stack)
    real = pulumi.plan()
    graph = offline(pulumi.project, stack)

    assert {resource.urn for resource in graph} == set(real)
    for resource in graph:
        planned = real[resource.urn]
        assert resource.parent == planned.get("parent", ""), resource.urn
        assert list(resource.dependencies) == sorted(planned.get("dependencies", [])), resource.urn
        properties = {key: sorted(urns) for key, urns in planned.get("propertyDependencies", {}).items() if urns}
        assert {key: list(urns) for key, urns in resource.property_dependencies.items() if urns} == properties
        if not resource.type.startswith("pulumi:"):
            assert plain(dict(resource.inputs)) == planned.get("inputs", {}), resource.urn
