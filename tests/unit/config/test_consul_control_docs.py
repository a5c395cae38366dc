"""What docs/consul shows of servers, gateways and the end of them can be written into a stack file."""

import re
import textwrap
from pathlib import Path

import pytest

from meshwright.config import load_stack
from tests.unit.config.conftest import Write
from tests.unit.config.mistakes import mesh

PAGES = [
    Path(__file__).parents[3] / "docs" / "consul" / name for name in ("control-plane.md", "uninstall.md", "gateways.md")
]
SNIPPETS = [
    textwrap.dedent(found)
    for page in PAGES
    for found in re.findall(r"```yaml\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
]


def test_there_are_snippets() -> None:
    assert len(SNIPPETS) == 7


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_a_snippet_loads(stack_file: Write, snippet: str) -> None:
    assert load_stack(stack_file(mesh("consul", *snippet.splitlines()))).mesh.kind == "consul"
