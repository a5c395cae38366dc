"""What docs/consul/{phases,intentions,traffic}.md show can be written into a stack file."""

import re
from pathlib import Path

import pytest

from meshwright.config import load_stack
from tests.unit.config.conftest import Write
from tests.unit.config.mistakes import mesh

DOCS = Path(__file__).parents[3] / "docs" / "consul"
SNIPPETS = [
    (page, snippet)
    for page in ("phases", "intentions", "traffic")
    for snippet in re.findall(r"```yaml\n(.*?)```", (DOCS / f"{page}.md").read_text("utf-8"), re.DOTALL)
]


def test_each_page_has_one() -> None:
    assert [page for page, _ in SNIPPETS] == ["phases", "intentions", "intentions", "traffic"]


@pytest.mark.parametrize(("page", "snippet"), SNIPPETS)
def test_a_snippet_loads(stack_file: Write, page: str, snippet: str) -> None:
    assert load_stack(stack_file(mesh("consul", *snippet.splitlines()))).mesh.kind == "consul", page
