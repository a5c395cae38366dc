"""The snippets of the control plane's pages are stack files that the loader takes."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshwright.config import parse_config

DOCS = Path(__file__).parents[3] / "docs" / "istio"
BASE: dict[str, Any] = {"kind": "istio-ambient", "version": "1.31", "cluster": {"context": "c", "platform": "generic"}}
SNIPPETS = [
    pytest.param(snippet, id=f"{page}-{number}")
    for page in ("control-plane", "upgrades")
    for number, snippet in enumerate(
        re.findall(r"(?ms)^```yaml\n(.+?)^```", (DOCS / f"{page}.md").read_text("utf-8")), 1
    )
]


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_a_snippet_is_taken(snippet: str) -> None:
    parse_config({**BASE, **yaml.safe_load(snippet)}, None)


def test_there_are_snippets() -> None:
    assert len(SNIPPETS) >= 8
