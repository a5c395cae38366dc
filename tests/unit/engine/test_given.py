from __future__ import annotations

from pathlib import Path

import pytest

from meshwright.engine.given import Given, Invoke, load_given
from meshwright.engine.graph import Secret
from meshwright.errors import ConfigError


def test_a_file(tmp_path: Path) -> None:
    file = tmp_path / "given.yaml"
    file.write_text(
        """\
stacks:
  acme/network/prod:
    vpc: vpc-1
    kubeconfig: !secret text
    users: !secret [bob]
    db: !secret {password: x}
  acme/empty/prod:
invokes:
  - {token: "aws:index/getRegion:getRegion", result: {id: eu-west-1}}
  - {token: "a:b:c", args: {x: 1}, result: {day: 2026-10-12}}
"""
    )
    given = load_given(file)
    assert given.stacks == {
        "acme/network/prod": {
            "vpc": "vpc-1",
            "kubeconfig": Secret("text"),
            "users": Secret(["bob"]),
            "db": Secret({"password": "x"}),
        },
        "acme/empty/prod": {},
    }
    assert given.invokes[0] == Invoke("aws:index/getRegion:getRegion", {"id": "eu-west-1"})
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
    assert given.to_message() == {
        "stacks": {
            "acme/network/prod": {
                "vpc": "vpc-1",
                "kubeconfig": {**secret, "value": "text"},
                "users": {**secret, "value": ["bob"]},
                "db": {**secret, "value": {"password": "x"}},
            },
            "acme/empty/prod": {},
        },
        "invokes": [
            {"token": "aws:index/getRegion:getRegion", "args": {}, "result": {"id": "eu-west-1"}},
            {"token": "a:b:c", "args": {"x": 1}, "result": {"day": "2026-10-12 00:00:00 +0000 UTC"}},
        ],
    }


def test_an_empty_file(tmp_path: Path) -> None:
    file = tmp_path / "given.yaml"
    file.touch()
    assert load_given(file) == Given()


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ("- a", [": is not a mapping; write `stacks:` and `invokes:` at its top (MW-E069)"]),
        (
            "a: [",
            [
                ":1: isn't YAML that Pulumi reads: expected the node content, but found '<stream end>'; correct it (MW-E069)"
            ],
        ),
        (
            "{stack: {}, stacks: [], invokes: {}}",
            [
                ": has the unknown key 'stack'; one of: stacks, invokes (MW-E069)",
                ": stacks is not a mapping; write `organization/project/stack: {output: value}` (MW-E069)",
                ": invokes is not a list; write `- {token: ..., result: {...}}` (MW-E069)",
            ],
        ),
        (
            "{stacks: {a: 1}, invokes: [x, {tok: y}, {token: t, result: {}, args: [1]}]}",
            [
                ": stacks.a is not a mapping; write `{output: value}` (MW-E069)",
                ": invokes[0] is not a mapping; write `{token: ..., result: {...}}` (MW-E069)",
                ": invokes[1] has the unknown key 'tok'; one of: token, args, result (MW-E069)",
                ": invokes[1].token is missing; name the function, such as aws:index/getRegion:getRegion (MW-E069)",
                ": invokes[1].result is not a mapping; write the properties that the function returns (MW-E069)",
                ": invokes[2].args is not a mapping; write the arguments that must match, or leave it out (MW-E069)",
            ],
        ),
    ],
)
def test_mistakes(content: str, lines: list[str], tmp_path: Path) -> None:
    file = tmp_path / "given.yaml"
    file.write_text(content)
    with pytest.raises(ConfigError) as caught:
        load_given(file)
    assert str(caught.value).splitlines() == [f"{file}{line}" for line in lines]
