"""The YAML that is written says the same to every reader."""

from __future__ import annotations

import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from meshwright.engine.graph import Value
from meshwright.engine.render.yaml_text import document, scalar


class Yaml12Loader(yaml.SafeLoader):
    """PyYAML with the core schema of YAML 1.2 in place of the types of 1.1."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


def _resolve(kind: str, pattern: str, first: str) -> None:
    Yaml12Loader.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(f"^(?:{pattern})$"), list(first))


_resolve("bool", "true|True|TRUE|false|False|FALSE", "tTfF")
_resolve("null", "null|Null|NULL|~|", "nN~")
_resolve("int", "[-+]?[0-9]+", "-+0123456789")
_resolve("int12", "0o[0-7]+|0x[0-9a-fA-F]+", "0")
_resolve(
    "float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.nan", "-+.0123456789"
)
Yaml12Loader.add_constructor("tag:yaml.org,2002:int12", lambda _, node: int(node.value, 0))
Yaml12Loader.add_constructor("tag:yaml.org,2002:int", lambda _, node: int(node.value))
Yaml12Loader.add_constructor("tag:yaml.org,2002:float", lambda _, node: float(node.value))

AMBIGUOUS = re.findall(
    r"\S+",
    "yes No on OFF y N true False null Null ~ nan .inf -.INF 0o7 0x1f 0b1 017 1_000 1:20 190:20:30 1e3 12e03 .5 1. +1 "
    "2026-11-23 2026-11-23T04:00:00Z = << - ? : & * ! | > % @ ` # { } [ ] , a: a#b #a 1.31 1.31.1 --- ...",
)
TEXT = (
    st.sampled_from(AMBIGUOUS)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
    | st.from_regex(r"[ \t\n:#'\"a0-9.-]{0,10}", fullmatch=True)
)
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=12
)


@given(st.dictionaries(TEXT, VALUES, max_size=4))
def test_yaml_1_1_and_1_2_both_read_what_was_written(value: dict[str, Value]) -> None:
    written = document(value)
    assert yaml.safe_load(written) == value
    assert yaml.load(written, Yaml12Loader) == value  # noqa: S506


@pytest.mark.parametrize("text", AMBIGUOUS)
def test_text_that_looks_like_something_else_is_quoted(text: str) -> None:
    assert scalar(text) == f'"{text}"'


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (1.0, "1"),
        (0.25, "0.25"),
        (1e300, "1.0e+300"),
        (1.5e-7, "1.5e-07"),
        (-3, "-3"),
        (None, "null"),
        (False, "false"),
        ([], "[]"),
        ({}, "{}"),
        ("istio.io/use-waypoint", "istio.io/use-waypoint"),
        ("header routing", "header routing"),
        ("", '""'),
        ("a\x85b", '"a\\u0085b"'),
    ],
)
def test_scalar(value: Value, line: str) -> None:
    assert scalar(value) == line


def test_a_document_has_kubectls_order_and_block_style() -> None:
    value = {
        "spec": {"b": [{"y": 1, "x": ["deep", ["er"]]}, "two\nlines", []], "a": {}},
        "data": {"script": "if true\n\n  then\n", "no-end": "x\ny"},
        "metadata": {"name": "n", "labels": {"on": "yes"}},
        "kind": "K",
        "apiVersion": "v1",
    }
    assert document(value).decode().splitlines() == [
        "apiVersion: v1",
        "kind: K",
        "metadata:",
        "  labels:",
        '    "on": "yes"',
        '  name: "n"',
        "spec:",
        "  a: {}",
        "  b:",
        "  - x:",
        "    - deep",
        "    - - er",
        '    "y": 1',
        "  - |-",
        "    two",
        "    lines",
        "  - []",
        "data:",
        "  no-end: |-",
        "    x",
        "    y",
        "  script: |",
        "    if true",
        "",
        "      then",
    ]


def test_nothing_is_an_empty_map() -> None:
    assert document({}) == b"{}\n"
