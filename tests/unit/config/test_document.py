from math import isnan
from typing import Any

import pytest

from meshwright.config.document import read_document
from meshwright.config.nodes import scalar
from meshwright.errors import ConfigError
from tests.unit.config.conftest import Write


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("on", "on"),
        ("n", "n"),
        ("", None),
        ("~", None),
        ("Null", None),
        ("1.30", 1.3),
        ("1_000", 1000),
        ("0x1F", 31),
        ("0o17", 15),
        ("017", 15),
        ("-017", -15),
        ("089", 89.0),
        ("0b101", 5),
        ("100", 100),
        ("18446744073709551616", 1.8446744073709552e19),
        ("1" * 400, "1" * 400),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1e999", "1e999"),
        (".inf", float("inf")),
        ("-.INF", float("-inf")),
        ("1.31.1", "1.31.1"),
        ("2026-10-12", "2026-10-12"),
        ("12:30:45", "12:30:45"),
        ("_1", "_1"),
        ("=", "="),
    ],
)
def test_unquoted_scalars_mean_what_they_mean_to_pulumi(text: str, meaning: object) -> None:
    assert scalar(text) == meaning
    assert type(scalar(text)) is type(meaning)


def test_nan() -> None:
    assert isnan(scalar(".nan"))


def test_tags_of_the_core_schema_are_obeyed(stack_file: Write) -> None:
    text = 'a: !!str 1.30\nb: !!int "12"\nc: !!map {x: ! y}\nd: !!seq [!!timestamp 2026-01-01]\n<<: {e: 1}\n"<<": 2\n'
    document = read_document(stack_file(text))
    assert document.root.plain() == {
        "a": "1.30",
        "b": 12,
        "c": {"x": "y"},
        "d": ["2026-01-01"],
        "<<": 2,
        "e": 1,
    }
    assert document.problems == []


def test_every_value_has_its_place(stack_file: Write) -> None:
    document = read_document(stack_file("a:\n  - b: 1.30\n    c:\n      - x\nd: &d {e: f}\ng: *d\n"), name="f")
    for path, place in (
        ((), "f:1"),
        (("a",), "f:1"),
        (("a", 0, "b"), "f:2"),
        (("a", 0, "c", 0), "f:4"),
        (("a", 0, "missing", "deeper"), "f:2"),
        (("a", 7), "f:1"),
        (("a", "no index"), "f:1"),
        (("a", 0, "c", 0, 0), "f:4"),
        (("g",), "f:6"),
        (("g", "e"), "f:5"),
    ):
        assert document.place(path) == place
    assert document.text(("a", 0, "b")) == "1.30"
    assert document.text(("a", 0, "z")) == ""


def test_an_anchored_key_can_be_used(stack_file: Write) -> None:
    assert read_document(stack_file("&k a: 1\nb: *k\n")).root.plain() == {"a": 1, "b": "a"}


def test_depth_is_counted_through_aliases(stack_file: Write) -> None:
    links = "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 60))
    with pytest.raises(ConfigError, match="nested more than 50 deep"):
        read_document(stack_file(f"a0: &a0 [x]\n{links}"))


def test_many_values_are_refused(stack_file: Write) -> None:
    with pytest.raises(ConfigError, match="more than 50,000 values"):
        read_document(stack_file("a: [" + "1," * 60_000 + "]"))


def test_a_byte_order_mark_is_no_content(stack_file: Write) -> None:
    plain: Any = read_document(stack_file("\ufeffa: 1\n")).root.plain()
    assert plain == {"a": 1}
