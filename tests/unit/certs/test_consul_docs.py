"""docs/consul/rotation.md: each stack file in it is what `advance` makes of the one before."""

import re
from datetime import date
from itertools import pairwise
from pathlib import Path
from textwrap import dedent

import pytest

from meshwright.certs.rotation import CONSUL_STEPS
from meshwright.certs.stack_file import read_stack_file, with_step
from meshwright.config import load_stack

DOCS = Path(__file__).parents[3] / "docs" / "consul"
PAGE = (DOCS / "rotation.md").read_text("utf-8")
FILES = [dedent(text) for text in re.findall(r"^ *```yaml\n(.*?)^ *```$", PAGE, re.S | re.M)]


def test_each_file_follows_from_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHWRIGHT_AS_OF", "2026-11-20")
    path = tmp_path / "Pulumi.prod.yaml"
    days = (9, 9, 16)
    assert len(FILES) == len(days) + 1
    for (before, after), day in zip(pairwise(FILES), days, strict=True):
        path.write_text(before)
        file = read_stack_file(path, "prod")
        to = file.steps.next(file.recorded.step)
        assert to
        assert with_step(file, to, date(2026, 11, day), following="{path: dc1/connect_root_2027}") == after


def test_each_step_is_in_the_table() -> None:
    assert tuple(re.findall(r"^\| `([a-z-]+)` \|", PAGE, re.M)) == CONSUL_STEPS.names


def test_the_example_of_the_other_page_loads(tmp_path: Path) -> None:
    (example,) = re.findall(r"^```yaml\n(.*?)^```$", (DOCS / "ca.md").read_text("utf-8"), re.S | re.M)
    path = tmp_path / "Pulumi.prod.yaml"
    path.write_text(example)
    assert load_stack(path).mesh.kind == "consul"
