"""Mistakes with Consul and its Vault, seeded one a file: each is found, there and in these words; its twin is clean."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meshwright.engine.policy import PolicyPack
from meshwright.engine.record import record
from tests.istio_mistakes.cases import Mistake, register

from .cases import MISTAKES

PACK = Path(__file__).parents[2] / "policy"
each = pytest.mark.parametrize("mistake", MISTAKES, ids=str)


@pytest.fixture(scope="module")
def running() -> Iterator[PolicyPack]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MESHWRIGHT_AS_OF", "2026-11-23")
        with PolicyPack(PACK, project="mistakes", stack="dev", config={}) as pack:
            yield pack


def _found(program: dict[str, Any], running: PolicyPack) -> list[str]:
    report = running.evaluate(record(lambda: register(program), project="mistakes", stack="dev"))
    return sorted(f"{f.rule} {f.verdict} {f.resource}: {f.message}" for f in report.findings)


@each
def test_the_mistake_is_found_where_it_is_made(
    mistake: Mistake, running: PolicyPack, request: pytest.FixtureRequest
) -> None:
    found = _found(mistake.programs[0], running)
    if request.config.getoption("--update-golden"):
        mistake.write(found)
    assert found == mistake.finds
    assert any(line.startswith("MW-CON") and " violated " in line for line in found)


@each
def test_its_mended_twin_is_clean(mistake: Mistake, running: PolicyPack) -> None:
    assert _found(mistake.programs[1], running) == []


def test_there_are_enough_of_them() -> None:
    assert len(MISTAKES) >= 30
