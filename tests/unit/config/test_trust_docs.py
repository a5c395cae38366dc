"""What docs/istio/certificates.md and multicluster.md show can be written into a stack file."""

import re
from pathlib import Path

import pytest

from meshwright.config import load_stack
from tests.unit.config.conftest import Write
from tests.unit.config.mistakes import istio

DOCS = Path(__file__).parents[3] / "docs" / "istio"
JOINED = (
    "certificates: {source: cacerts, authority: {folder: pki}}\n"
    "multicluster:\n  mesh: shop\n  cluster: eu\n  network: eu\n  api_server: https://eu.example\n"
)
SNIPPETS = [
    (name, snippet)
    for name in ("certificates.md", "multicluster.md")
    for snippet in re.findall(r"```yaml\n(.*?)```", (DOCS / name).read_text("utf-8"), re.DOTALL)
]


def test_there_are_snippets() -> None:
    assert len(SNIPPETS) >= 9


@pytest.mark.parametrize(("name", "snippet"), SNIPPETS)
def test_a_snippet_loads(stack_file: Write, name: str, snippet: str) -> None:
    text = snippet if snippet.startswith("certificates:") else JOINED + "  " + snippet
    platform = "eks" if "annotations" not in snippet else "generic"
    cluster = f"{{context: prod, platform: {platform}}}"
    indented = "".join(f"    {line}\n" for line in text.splitlines())
    assert load_stack(stack_file(istio(indented, cluster=cluster))).mesh.kind == "istio-ambient"
