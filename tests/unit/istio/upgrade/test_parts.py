"""Which part runs which version, and what is refused."""

import pytest

from meshwright.catalog import load_catalog
from meshwright.istio.upgrade.parts import Part, own_tag, parts, skew, tag_problems
from meshwright.versions import version_key

OLD, NEW = (load_catalog().release("istio", version) for version in ("1.30.7", "1.31.1"))


@pytest.mark.parametrize("step", ["istiod", "cni", "ztunnel"])
@pytest.mark.parametrize("revisions", [("", ""), ("", "1-31-1"), ("1-30-7", "1-31-1")])
def test_node_agents_are_never_newer_than_istiod_nor_a_second_minor_behind(
    step: str, revisions: tuple[str, str]
) -> None:
    running = parts(Part(OLD, revisions[0]), Part(NEW, revisions[1]), step)
    by_revision = {each.revision: version_key(each.release.version) for each in running.istiods}
    for agent in (running.cni, running.ztunnel):
        served_by = by_revision[agent.revision]
        assert version_key(agent.release.version) <= served_by
        assert served_by[1] - version_key(agent.release.version)[1] <= 1
    assert running.base.release is NEW


def test_a_ztunnel_is_served_by_a_control_plane_that_stands() -> None:
    for step in ("istiod", "cni", "ztunnel"):
        running = parts(Part(OLD, "a"), Part(NEW, "b"), step)
        assert running.ztunnel.revision_label in running.revisions


def test_without_an_upgrade_all_is_one_version() -> None:
    running = parts(Part(OLD, ""), None, "istiod")
    assert {each.release.version for each in (running.base, *running.istiods, running.cni, running.ztunnel)} == {
        "1.30.7"
    }
    assert running.revisions == ("default",)


@pytest.mark.parametrize(
    ("now", "after", "refused"),
    [
        ("1.31.0", "1.31.1", False),
        ("1.30.7", "1.31.0", False),
        ("1.29.9", "1.31.0", True),
        ("1.31.1", "1.31.1", True),
        ("1.31.1", "1.30.7", True),
    ],
)
def test_an_upgrade_goes_up_by_a_minor_at_most(now: str, after: str, refused: bool) -> None:
    catalog = load_catalog()
    problems = list(skew(catalog.release("istio", now), catalog.release("istio", after)))
    assert [problem.code.value for problem in problems] == (["MW-E110"] if refused else [])


@pytest.mark.parametrize(
    ("tags", "own"),
    [([], ""), (["stable"], "stable"), (["default"], "default"), (["default", "x"], "x"), (["x", "y"], "")],
)
def test_the_tag_that_waypoints_follow_of_themselves(tags: list[str], own: str) -> None:
    assert own_tag(tags) == own


def test_tags_stand_for_revisions_and_are_none() -> None:
    found = {tag: str(problem) for tag, problem in tag_problems({"a": "r", "b": "s", "r": "r"}, ("r",))}
    assert set(found) == {"b", "r"}
    assert all(line.endswith("(MW-E111)") for line in found.values())
