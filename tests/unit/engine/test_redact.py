"""Secrets taken out of text."""

from __future__ import annotations

import pytest

from meshwright.engine.given import Given, Invoke
from meshwright.engine.graph import Secret
from meshwright.engine.redact import Redact, secrets_in


@pytest.mark.parametrize(
    ("secrets", "text", "shown"),
    [
        ([], "nothing to hide", "nothing to hide"),
        (["s3cr3t"], "s3cr3t, as3cr3tb", "[secret], a[secret]b"),
        (["ab", "true", "False", ""], "ab true false False", "ab true false False"),
        (["é€"], "é€", "[secret]"),
        (["abc", "abcdef"], "abcdef abc", "[secret] [secret]"),
        (["a.c"], "abc a.c", "abc [secret]"),
        (['a\n"b"'], 'a\n"b" a\\n\\"b\\" a\\n"b"', "[secret] [secret] [secret]"),
        (["schlüssel\n"], '"schl\\u00fcssel\\n" "schlüssel\\n"', '"[secret]" "[secret]"'),
        (['{"a": ["one", {"b": "two"}, 345]}'], "one two 345", "[secret] [secret] 345"),
        (['["one"'], 'one ["one"', "one [secret]"),
        (["{" * 9999], "{", "{"),
    ],
)
def test_what_is_taken_out(secrets: list[str], text: str, shown: str) -> None:
    assert Redact(secrets)(text) == shown


def test_the_longest_form_counts() -> None:
    assert Redact().longest == Redact(["ab"]).longest == 0
    assert Redact(["abc", 'a"c']).longest == 4


def test_secrets_inside_of_values() -> None:
    value = {"a": "open", "b": Secret("one"), "c": [Secret({"d": "two", "e": [Secret("three"), 4]}), None]}
    assert list(secrets_in(value)) == ["one", "two", "three"]


def test_secrets_that_were_given() -> None:
    given = Given({"s": {"a": Secret("one")}}, (Invoke("t", {"r": Secret("three")}, {"x": Secret("two")}),))
    assert list(given.secrets()) == ["one", "two", "three"]
