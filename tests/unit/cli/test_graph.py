"""`meshwright graph`: what is drawn, and where it goes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from meshwright.cli.graph import Picture
from meshwright.engine.policy import Verdict
from meshwright.graphview import Picture as Drawn
from tests.unit.cli.runs import LEGACY, finding, mesh_resources, offline_run, report

if TYPE_CHECKING:
    from tests.unit.cli.test_preview import Command, Found


def test_the_pictures_are_those_of_the_view() -> None:
    assert [each.value for each in Picture] == [each.value for each in Drawn]


@pytest.mark.parametrize(
    ("file", "start"),
    [("a.svg", "<svg"), ("out/a.HTML", "<!doctype html>"), ("a.dot", "digraph"), ("a.txt", "flowchart LR")],
)
def test_the_ending_of_the_file_decides(meshwright: Command, found: Found, file: str, start: str) -> None:
    found(offline_run(Path(), *mesh_resources()))
    status, out, err = meshwright("graph", "dev", "--to", file)
    assert (status, err) == (0, "")
    assert out == f"{file}  10 resources in 4 groups\n"
    assert Path(file).read_text().startswith(start)


def test_without_a_file_the_picture_is_printed(meshwright: Command, found: Found) -> None:
    found(offline_run(Path(), *mesh_resources()))
    assert meshwright("graph", "--format", "dot")[1].startswith('digraph "shop/dev"')
    assert meshwright("graph", "--verbose")[2] == "printed\n"


def test_policy_is_drawn_and_stops_nothing(meshwright: Command, found: Found) -> None:
    stops = finding(Verdict.VIOLATED, urn=LEGACY)
    warns = finding(Verdict.VIOLATED, "advisory", urn=LEGACY)
    run = offline_run(Path(), *mesh_resources(), policy=report(stops, warns, finding(Verdict.UNDECIDED)))
    found(run)
    status, out, _ = meshwright("graph", "--json")
    content = json.loads(out)
    assert status == 0
    assert (content["command"], content["format"], content["file"]) == ("graph", "mermaid", "")
    assert '["✗ legacy · AmbientNamespace · unmeshed"]' in content["picture"]
    meshwright("graph", "--to", "a.html")
    page = Path("a.html").read_text()
    assert "should be mended" in page
    assert "<b>2</b>violated" in page
    meshwright("graph", "--to", "b.html", "--json")
    assert Path("b.html").read_text() == page


def test_the_pack_is_configured_as_for_the_gate(meshwright: Command, found: Found) -> None:
    asked = found(offline_run(Path(), *mesh_resources()))
    meshwright("graph", "dev", "--policy-pack-config", "levels.json")
    assert [request.pack_config for request in asked] == [Path("levels.json")]


def test_a_file_that_can_not_be_written(meshwright: Command, found: Found) -> None:
    found(offline_run(Path(), *mesh_resources()))
    Path("a").touch()
    status, _, err = meshwright("graph", "--to", "a/b.svg")
    assert status == 2
    assert err == "a/b.svg: can't be written: file exists; name a file in a folder that can be written (MW-E091)\n"
    Path("folder").mkdir()
    assert meshwright("graph", "--to", "folder")[0] == 2
    assert sorted(path.name for path in Path().iterdir()) == ["a", "folder"]
