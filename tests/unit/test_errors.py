"""The codes of the enum, the sections of docs/errors.md and the codes that tests assert are the same."""

import re
from pathlib import Path

import pytest

from meshwright.errors import Code, ConfigError, MeshwrightError, Problem
from tests.unit.config.mistakes import CASES

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs" / "errors.md").read_text("utf-8")
SECTIONS = {section[3:10]: section for section in re.split(r"(?m)^(?=## MW-E)", DOCS)[1:]}
PARTS = ("**What it means.** ", "**Example.** `", "**What to do.** ")


def asserted() -> set[str]:
    """The codes that tests name, by their text or as `Code.NAME`."""
    text = "".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__))
    by_name = {code.value for code in Code if re.search(rf"\bCode\.{code.name}\b", text)}
    return by_name | set(re.findall(r"MW-E\d{3}", text))


def test_each_code_has_a_section_and_each_section_a_code() -> None:
    assert sorted(SECTIONS) == sorted(code.value for code in Code)


def test_each_code_is_asserted_by_a_test_and_none_else() -> None:
    assert sorted(asserted()) == sorted(code.value for code in Code)


def test_codes_and_sections_are_in_order() -> None:
    codes = [code.value for code in Code]
    assert codes == sorted(codes)
    assert list(SECTIONS) == sorted(SECTIONS)


@pytest.mark.parametrize("code", list(SECTIONS))
def test_a_section_says_what_it_means_and_what_to_do_and_shows_the_line(code: str) -> None:
    section = SECTIONS[code]
    assert re.match(rf"## {code}  \S", section)
    places = [section.find(part) for part in PARTS]
    assert -1 not in places
    assert places == sorted(places)
    example = re.search(r"\*\*Example\.\*\* `(.+?)`\n\n", section, re.DOTALL)
    assert example
    assert example[1].endswith(f"({code})")


def test_the_examples_of_stack_files_are_lines_that_are_printed() -> None:
    printed = {line for case in CASES for line in case.lines}
    shown = re.findall(r"^\*\*Example\.\*\* `(stacks/Pulumi\.prod\.yaml:\d+: .+)`$", DOCS, re.MULTILINE)
    ours = [line for line in shown if re.search(r"\(MW-E0[12]\d\)$", line)]
    assert len(ours) >= 14
    assert set(ours) <= printed


def test_an_error_is_a_line_for_each_problem() -> None:
    first = Problem(Code.UNKNOWN_KEY, "a is not b", "write b", "f:1")
    second = Problem(Code.NO_MESH, "c is missing", "add c")
    error = ConfigError([first, second])
    assert isinstance(error, MeshwrightError)
    assert str(error) == "f:1: a is not b; write b (MW-E010)\nc is missing; add c (MW-E028)"
    assert error.problems == (first, second)
    assert ConfigError(first).problems == (first,)
