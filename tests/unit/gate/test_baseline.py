"""What an old project is known to have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from meshwright.engine.policy import Verdict
from meshwright.errors import ConfigError
from meshwright.gate.baseline import apply, baseline_text, read_baseline
from meshwright.gate.result import DEFAULT_FAIL_ON, decided
from tests.unit.gate.results import WAIVED, finding, made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "baseline.json"


def test_known_findings_do_not_fail_and_new_ones_do(path: Path) -> None:
    old = made(finding(), finding(Verdict.UNDECIDED, "later"), finding(Verdict.WAIVED, "audit", message=WAIVED))
    path.write_text(baseline_text(old))
    again = decided(apply(old, read_baseline(path), path), frozenset({"mandatory", "undecided"}))
    assert not again.failed
    assert [item.known for item in again.items] == ["in the baseline", "in the baseline", ""]
    more = decided(apply(made(finding(), finding(name="new")), read_baseline(path), path), DEFAULT_FAIL_ON)
    assert [item.fails for item in more.items] == [False, True]
    assert more.gone == ("MW-ADO-003  later",)


def test_what_was_undecided_fails_when_it_is_violated(path: Path) -> None:
    path.write_text(baseline_text(made(finding(Verdict.UNDECIDED, message="the mode is unknown"))))
    found = apply(made(finding(message="the mode is unknown")), read_baseline(path), path)
    assert decided(found, DEFAULT_FAIL_ON).failed


def test_an_expired_waiver_is_not_covered_by_a_baseline(path: Path) -> None:
    waived = made(finding(Verdict.WAIVED, "audit", message=WAIVED))
    path.write_text(baseline_text(waived))
    assert read_baseline(path).findings == {}
    assert decided(apply(made(finding(name="audit")), read_baseline(path), path), DEFAULT_FAIL_ON).failed


def test_the_file_is_sorted_and_has_a_line_for_each(path: Path) -> None:
    text = baseline_text(made(finding(name="b"), finding(name="a")))
    assert [json.loads(line.rstrip(","))["resource"] for line in text.splitlines()[1:-1]] == ["a", "b"]
    assert json.loads(text)["project"] == "shop"
    assert text == baseline_text(made(finding(name="a"), finding(name="b")))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "isn't a baseline: Expecting value"),
        (
            "{}",
            "isn't a baseline: it has no 'meshwright_baseline'; write it with `meshwright gate --write-baseline FILE`",
        ),
        ("[]", "isn't a baseline: list indices"),
        ('{"meshwright_baseline": 2}', "isn't a baseline: its form is 2, and this version reads 1"),
        (
            '{"meshwright_baseline": 1, "findings": [{"fingerprint": 3}]}',
            "isn't a baseline: its fingerprint is no text",
        ),
        ('{"meshwright_baseline": 1, "findings": []}', "isn't a baseline: it has no 'project'"),
    ],
)
def test_a_file_that_is_no_baseline(path: Path, content: str, says: str) -> None:
    path.write_text(content)
    with pytest.raises(ConfigError) as error:
        read_baseline(path)
    assert str(error.value).startswith(f"{path}: {says}")
    assert str(error.value).endswith("(MW-E038)")


def test_the_baseline_of_another_stack(path: Path) -> None:
    path.write_text(baseline_text(made()).replace('"dev"', '"prod"'))
    with pytest.raises(ConfigError) as error:
        apply(made(), read_baseline(path), path)
    says = "is the baseline of shop/prod, not of shop/dev; keep one file for each stack (MW-E039)"
    assert str(error.value) == f"{path}: {says}"
