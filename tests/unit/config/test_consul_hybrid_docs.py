"""What docs/consul/hybrid.md shows can be written into a stack file."""

import re
from pathlib import Path

import pytest

from meshwright.config import load_stack
from tests.unit.config.conftest import Write
from tests.unit.config.mistakes import mesh

PAGE = (Path(__file__).parents[3] / "docs" / "consul" / "hybrid.md").read_text("utf-8")
SNIPPETS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def test_there_are_snippets() -> None:
    assert len(SNIPPETS) == 3


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_a_snippet_loads(stack_file: Write, snippet: str) -> None:
    assert load_stack(stack_file(mesh("consul", *snippet.splitlines()))).mesh.kind == "consul"
