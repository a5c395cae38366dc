"""Which report goes where."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from meshwright.errors import ConfigError, OutputError
from meshwright.gate.outputs import Target, parse_targets, write_file


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


def test_a_file_is_written_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "gate.sarif"
    path.write_text("before")
    write_file(path, "after ✗\n")
    assert path.read_text() == "after ✗\n"
    assert [each.name for each in tmp_path.iterdir()] == ["gate.sarif"]
    mask = os.umask(0)
    os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "none" / "gate.sarif"
    with pytest.raises(OutputError) as error:
        write_file(path, "")
    remedy = "name a file in a folder that can be written (MW-E091)"
    assert str(error.value) == f"{path}: can't be written: no such file or directory; {remedy}"
    with pytest.raises(OutputError, match="is a directory"):
        write_file(tmp_path, "")
    assert not [*tmp_path.iterdir()]
