"""A stack that an older version deployed shows, under this one, what the changelog announces, and nothing else.

`recorded/` holds the states: `pytest tests/engine/test_upgrade.py --update-golden` writes them anew, at a release, or
with a change that the changelog announces.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.engine.conftest import ROOT, Projects

RECORDED = Path(__file__).parent / "recorded"
STACKS = [(ROOT, "quickstart"), (ROOT, "istio-production"), (ROOT / "examples/compose", "dev")]


@pytest.mark.parametrize(("source", "stack"), STACKS, ids=["quickstart", "istio-production", "compose"])
def test_a_deployed_stack_is_left_as_it_is(
    stubbed: Projects, source: Path, stack: str, request: pytest.FixtureRequest
) -> None:
    pulumi = stubbed.project(source)
    pulumi.select(stack)
    recorded = RECORDED / f"{stack}.json"
    if request.config.getoption("--update-golden"):
        pulumi.run("up", "--yes", "--skip-preview")
        state = _without_times(json.loads(pulumi.run("stack", "export").stdout))
        recorded.write_text(json.dumps(state, indent=1, sort_keys=True).replace(str(pulumi.project), "PROJECT") + "\n")
    imported = pulumi.project / "state.json"
    imported.write_text(recorded.read_text().replace("PROJECT", str(pulumi.project)))
    pulumi.run("stack", "import", "--file", str(imported))
    pulumi.run("preview", "--expect-no-changes")


def _without_times(state: dict[str, Any]) -> dict[str, Any]:
    """A state without what differs from run to run."""
    deployment = state["deployment"]
    deployment["manifest"] = {"time": "2026-11-22T00:00:00Z", "magic": "", "version": ""}
    for resource in deployment["resources"]:
        for key in ("created", "modified", "sourcePosition", "stackTrace"):
            resource.pop(key, None)
    return state
