"""What counts, what is the same finding, and what `--fail-on` says."""

from __future__ import annotations

import pytest

from meshwright.engine.policy import Verdict
from meshwright.errors import ConfigError
from meshwright.gate.result import DEFAULT_FAIL_ON, decided, known, parse_fail_on
from tests.unit.gate.results import WAIVED, finding, made, urn

EACH = (
    finding(),
    finding(level="advisory"),
    finding(Verdict.UNDECIDED),
    finding(Verdict.WAIVED, message=WAIVED),
)


@pytest.mark.parametrize(
    ("words", "fails"),
    [
        ("mandatory", [True, False, False, False]),
        ("advisory", [False, True, False, False]),
        ("mandatory, undecided", [True, False, True, False]),
        ("waived", [False, False, False, True]),
        ("mandatory,advisory,undecided,waived", [True] * 4),
        ("none", [False] * 4),
    ],
)
def test_what_fails(words: str, fails: list[bool]) -> None:
    found = decided(made(*EACH), parse_fail_on(words))
    assert [item.fails for item in found.items] == fails
    assert found.failed is any(fails)


@pytest.mark.parametrize("words", ["", "mandatroy", "none,mandatory", ","])
def test_words_that_are_none(words: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_fail_on(words)
    assert str(error.value) == (
        f'--fail-on is "{words}"; none alone, or one or more of: mandatory, advisory, undecided, waived, '
        "with commas between them (MW-E042)"
    )


def test_a_known_finding_does_not_fail() -> None:
    found = made(finding(), finding(name="other"))
    marked = known(found, {found.items[0].fingerprint: "in the baseline"})
    assert [item.fails for item in decided(marked, DEFAULT_FAIL_ON).items] == [False, True]
    assert [item.finding.resource for item in marked.new] == ["other"]
    assert marked.items[0].state == "violated, in the baseline"


def test_a_fingerprint_outlives_the_days_but_not_the_matter() -> None:
    six, seven, other, open_, elsewhere, rule = (
        item.fingerprint
        for item in made(
            finding(message="6 of 7 days"),
            finding(message="7 of 7\ndays", name="legacy"),
            finding(message="no days"),
            finding(Verdict.UNDECIDED, message="no days"),
            finding(message="no days", name="else"),
            finding(message="no days", rule="MW-ADO-009"),
        ).items
    )
    assert six.removesuffix("/1") == seven.removesuffix("/2")
    assert six != seven  # the second of its kind is one of its own
    assert len({six, other, open_, elsewhere, rule}) == 5


def test_a_waiver_does_not_change_what_is_waived() -> None:
    waived, violated = made(finding(Verdict.WAIVED, message=WAIVED), finding(message="audit is unmeshed")).items
    assert waived.message == violated.message == "audit is unmeshed"
    assert waived.fingerprint.removesuffix("/1") == violated.fingerprint.removesuffix("/2")
    assert waived.excuse == "waived until 2026-12-31 by platform: they move last (MESH-7)"
    assert violated.excuse == ""


@pytest.mark.parametrize(
    ("place", "file", "line"),
    [("a/b.py:3", "a/b.py", 3), ("a/b.yaml", "a/b.yaml", 0), ("", "", 0), ("a:b/c.py", "a:b/c.py", 0)],
)
def test_a_place(place: str, file: str, line: int) -> None:
    (item,) = made(finding(), places={urn("legacy"): place}).items
    assert (item.file, item.line, item.place) == (file, line, place)
