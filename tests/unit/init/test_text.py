"""Every file that the answers make is one that the loader accepts, and says what each key is for."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from meshwright.config import KINDS, LADDERS, load_stack, parse_config
from meshwright.config.schema import stack_schema
from meshwright.errors import Code, ConfigError
from meshwright.scaffold import QUESTIONS, mesh_of, stack_text
from tests.conftest import DAY

if TYPE_CHECKING:
    from pathlib import Path

ANSWERS: dict[str, list[list[str]]] = {
    "mesh-version": [[], ["1.31"], ["1.31.1"]],
    "context": [[], ["kind-dev"], ["yes"], ["arn:aws:eks:eu-west-1:1:cluster/prod"]],
    "platform": [[], ["eks"]],
    "environment": [[], ["production"]],
    "namespace": [[], ["checkout"], ["checkout=permissive", "null", "legacy"]],
    "vault": [[], ["https://vault.internal:8200"]],
    "region": [["eu-west-1"]],
    "network": [["shop"], ["null"]],
    "because": [["under_20_services"], ["under_20_services", "single_cloud_managed_networking"]],
}


def _combinations(kind: str) -> list[dict[str, list[str]]]:
    options = [question.option for question in QUESTIONS[kind]]
    found = [dict(zip(options, said, strict=True)) for said in product(*(ANSWERS[option] for option in options))]
    needed = {question.option for question in QUESTIONS[kind] if question.needed}
    return [
        {key: [_on_ladder(kind, text) for text in said] for key, said in each.items()}
        for each in found
        if all(each[option] for option in needed) and (each.get("context") or not each.get("platform"))
    ]


def _on_ladder(kind: str, text: str) -> str:
    if kind not in LADDERS:
        return text
    # Consul's middle rung is set service by service, and nobody is asked for services here.
    return text.replace("permissive", LADDERS[kind].phases[-1 if kind == "consul" else 1])


def _loaded(text: str, folder: Path) -> Any:
    path = folder / "Pulumi.dev.yaml"
    path.write_text(text)
    return load_stack(path).model_copy(update={"path": None})


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_combination_of_answers_loads_as_what_was_said(kind: str, tmp_path: Path) -> None:
    combinations = _combinations(kind)
    assert len(combinations) >= 4
    for answers in combinations:
        mesh = mesh_of(kind, answers)
        assert _loaded(stack_text(mesh), tmp_path) == parse_config(mesh, None)


@pytest.mark.parametrize("kind", list(KINDS))
def test_each_key_of_the_model_is_there_with_its_words(kind: str) -> None:
    answers = _combinations(kind)[-1]
    text = stack_text(mesh_of(kind, answers))
    model = next(
        each for each in stack_schema()["$defs"].values() if each["properties"].get("kind", {}).get("const") == kind
    )
    flat = " ".join(text.replace("#", " ").split())
    for key, field in model["properties"].items():
        assert f" {key}:" in text
        assert field["description"] in flat
    assert max(map(len, text.splitlines())) <= 120


@given(st.text(max_size=40), st.text(alphabet="abcxyz-./:{}[],#&*!|>'\"%@` \t\n0189", min_size=1, max_size=20))
def test_any_text_is_what_it_was_when_it_is_read_again(context: str, reason: str) -> None:
    mesh = {"kind": "none", "because": [reason], "cluster": {"context": context, "platform": "kind"}}
    assert yaml.safe_load(stack_text(mesh))["config"]["meshwright:mesh"] == mesh


def test_services_that_nobody_was_asked_for_are_missed() -> None:
    mesh = mesh_of("consul", {"namespace": ["shop=permissive"]})
    with pytest.raises(ConfigError, match=r"services are not listed, and permissive mode is set service by service"):
        parse_config(mesh, None)


def test_what_is_in_the_mesh_has_been_since_today(tmp_path: Path) -> None:
    mesh = mesh_of("linkerd", {"namespace": ["shop=audit", "legacy"]})
    assert mesh["namespaces"] == [
        {"name": "shop", "phase": "audit", "since": DAY},
        {"name": "legacy", "phase": "unmeshed"},
    ]
    text = stack_text(mesh, schema="../schema.json")
    assert text.startswith("# yaml-language-server: $schema=../schema.json\n")
    assert f"Begun on {DAY}." in text


@pytest.mark.parametrize(
    ("kind", "answers", "line"),
    [
        ("istio-ambient", {}, "a stack of kind istio-ambient needs --context; add it, or run on a terminal (MW-E102)"),
        ("none", {"because": [""]}, "a stack of kind none needs --because; add it, or run on a terminal (MW-E102)"),
        (
            "none",
            {"because": ["x"], "region": ["eu-west-1"]},
            "a stack of kind none has no use for --region; it takes --because, --environment (MW-E102)",
        ),
        ("linkerd", {"platform": ["eks"]}, "--platform is a cluster's, and none is named; add --context (MW-E102)"),
    ],
)
def test_answers_that_do_not_fit_are_a_line_each(kind: str, answers: dict[str, list[str]], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        mesh_of(kind, answers)
    assert str(caught.value) == line
    assert caught.value.problems[0].code is Code.ANSWERS
