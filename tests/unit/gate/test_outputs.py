"""Which report goes where."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshwright.errors import ConfigError
from meshwright.gate.outputs import Target, parse_targets


def test_where_reports_go() -> None:
    assert parse_targets([]) == (Target("text"),)
    assert parse_targets(["json"]) == (Target("json"),)
    assert parse_targets(["sarif=a.sarif", "junit=b=c.xml"]) == (
        Target("sarif", Path("a.sarif")),
        Target("junit", Path("b=c.xml")),
        Target("text"),
    )


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (["sarf"], '--format is "sarf"; one of: text, json, sarif, junit, github, markdown (MW-E042)'),
        (["sarif="], '--format is "sarif=", without a file; name a file: --format sarif=FILE (MW-E042)'),
        (["json", "text"], "two formats go to standard output; give each a file: --format sarif=FILE (MW-E042)"),
        (["json=a", "text=./a"], "two formats go to the file a; give each a file: --format sarif=FILE (MW-E042)"),
    ],
)
def test_reports_that_go_nowhere(texts: list[str], says: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_targets(texts)
    assert str(error.value) == says
