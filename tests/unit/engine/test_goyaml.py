"""What Pulumi makes of YAML. Each expectation is what a program got under the real CLI."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshwright.engine import goyaml
from meshwright.errors import Code, ConfigError

AS_CONFIG = {
    "2026-10-12": "2026-10-12 00:00:00 +0000 UTC",
    '"2026-10-12"': "2026-10-12",
    "2026-1-2": "2026-01-02 00:00:00 +0000 UTC",
    "2026-13-40": "2026-13-40",
    "2026-10-12T10:11:12Z": "2026-10-12 10:11:12 +0000 UTC",
    "2026-10-12T10:00:00+02:00": "2026-10-12 10:00:00 +0200 +0200",
    "2026-10-12T10:00:00-02:30": "2026-10-12 10:00:00 -0230 -0230",
    "2026-10-12 10:11:12.500": "2026-10-12 10:11:12.5 +0000 UTC",
    "2026-10-12 10:11:12.5 +02:00": "2026-10-12 10:11:12.5 +02:00",
    "2026-10-12t10:00:00z": "2026-10-12t10:00:00z",
    "1.30": "1.3",
    "1.31.1": "1.31.1",
    "42": "42",
    "-7": "-7",
    "+5": "5",
    "++5": "++5",
    "12345678901234567890": "12345678901234567890",
    "123456789012345678901234567890": "1.2345678901234568e+29",
    "-9223372036854775809": "-9223372036854776000",
    "0o17": "15",
    "017": "15",
    "08": "8",
    "0x1F": "31",
    "0x1p3": "0x1p3",
    "0xZZ": "0xZZ",
    "0b101": "5",
    "1_000": "1000",
    "1_0.5": "10.5",
    "0.1e1": "1",
    "+.5e-3": "0.0005",
    "1e3": "1000",
    "1.5e+20": "150000000000000000000",
    "1.5e+21": "1.5e+21",
    "0.0000001": "1e-7",
    "0.00001": "0.00001",
    "2.0": "2",
    "-0.0": "0",
    ".5": "0.5",
    "123456789.123456789": "123456789.12345679",
    "+": "+",
    "...x": "...x",
    "yes": "yes",
    "on": "on",
    "True": "true",
    "FALSE": "false",
    "~x": "~x",
    "": "",
    "~": "",
    "190:20:30": "190:20:30",
    '"<a&b>"': "<a&b>",
    '{x: "<a&b>", u: "é\\u2028"}': '{"u":"é\\u2028","x":"\\u003ca\\u0026b\\u003e"}',
    '{b: 1.30, a: [1, 2.0, yes, true, null, "x"], c: {d: 1e21, 5: x, true: y}}': (
        '{"a":[1,2,"yes",true,null,"x"],"b":1.3,"c":{"5":"x","d":1e+21,"true":"y"}}'
    ),
    "{d: 2026-10-12T00:00:01.5Z}": '{"d":"2026-10-12 00:00:01.5 +0000 UTC"}',
    "{a: ~, b: null, c: }": '{"a":null,"b":null,"c":null}',
    "{}": "{}",
    "[]": "[]",
    "{<<: {q: 1}, r: 2}": '{"q":1,"r":2}',
    "!!str 12": "12",
    "!!binary aGVsbG8=": "hello",
    "!!timestamp 2026-10-12": "2026-10-12 00:00:00 +0000 UTC",
}


@pytest.mark.parametrize(("written", "arrives"), AS_CONFIG.items(), ids=[key or "nothing" for key in AS_CONFIG])
def test_a_value_arrives_as_with_pulumi(written: str, arrives: str, tmp_path: Path) -> None:
    file = tmp_path / "file.yaml"
    file.write_text(f"key: {written}\n", "utf-8")
    assert goyaml.text(goyaml.load(file, Code.STACK_SETTINGS).content["key"]) == arrives


def test_lines_of_the_first_two_levels(tmp_path: Path) -> None:
    file = tmp_path / "file.yaml"
    file.write_text("\ufeffconfig:\n  a: 1\n  b:\n    c: 2\n", "utf-8")
    assert goyaml.load(file, Code.STACK_SETTINGS) == goyaml.Document(
        {"config": {"a": 1, "b": {"c": 2}}}, {("config",): 1, ("config", "a"): 2, ("config", "b"): 3}
    )


def test_an_empty_file_has_no_content(tmp_path: Path) -> None:
    file = tmp_path / "file.yaml"
    file.write_text("# nothing\n")
    assert goyaml.load(file, Code.STACK_SETTINGS) == goyaml.Document(None, {})


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcde", "bcdef", strict=True)
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: [1", ":1: isn't YAML that Pulumi reads: expected ',' or ']', but got '<stream end>'; correct it"),
        (b"a: 1\na: 2\n", ':2: isn\'t YAML that Pulumi reads: the key "a" is already defined at line 1; correct it'),
        (b"a: !!python/object/apply:os.system [ls]\n", ":1: isn't YAML that Pulumi reads: could not determine a"),
        (b"a: .inf\n", ": isn't YAML that Pulumi reads: JSON has no infinity and no NaN; correct it"),
        (b"a: [.nan]\n", ": isn't YAML that Pulumi reads: JSON has no infinity and no NaN; correct it"),
        (b"\xff\xfe\x00", ": isn't UTF-8; save it as UTF-8"),
        (b"#" * 1_000_001, ": is larger than 1 MB; keep large data in files of its own"),
        (BOMB.encode(), ": has too many values once its aliases are followed; write the values out"),
        (b"[" * 5000, ": has too many values once its aliases are followed"),
    ],
    ids=["syntax", "duplicate", "tag", "infinity", "nan", "encoding", "size", "bomb", "depth"],
)
def test_what_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    file = tmp_path / "file.yaml"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        goyaml.load(file, Code.STACK_SETTINGS)
    assert str(caught.value).startswith(f"{file}{message}")
    assert [problem.code for problem in caught.value.problems] == ["MW-E066"]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing.yaml: can't be read \(No such file or directory\)"):
        goyaml.load(tmp_path / "nothing.yaml", Code.PROJECT_INVALID)
