"""Every file of the corpus, judged offline: exactly what it says is found, and nothing else."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshwright.engine.policy import PolicyPack, PolicyReport, evaluate
from meshwright.engine.record import record
from tests.consul_mistakes.cases import MISTAKES as CONSUL_MISTAKES
from tests.istio_mistakes.cases import MISTAKES
from tests.linkerd_mistakes.cases import MISTAKES as LINKERD_MISTAKES

from .cases import CASES, Case

PACK = Path(__file__).parents[2] / "policy"


@pytest.fixture(scope="session")
def running() -> Iterator[PolicyPack]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MESHWRIGHT_AS_OF", "2026-11-23")
        with PolicyPack(PACK, project="corpus", stack="dev", config={}) as pack:
            yield pack


def _found(report: PolicyReport) -> list[str]:
    return sorted(f"{f.rule} {f.verdict} {f.resource}: {f.message}" for f in report.findings)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_findings_are_what_the_file_says(case: Case, running: PolicyPack, request: pytest.FixtureRequest) -> None:
    graph = record(case.register, project="corpus", stack="dev")
    if case.waivers:
        found = _found(evaluate(graph, PACK, config={"meshwright:waivers": json.dumps(case.waivers)}))
    else:
        found = _found(running.evaluate(graph))
    if request.config.getoption("--update-golden"):
        case.write(found)
    assert found == case.finds


def test_the_corpus_is_made_of_pairs_that_differ() -> None:
    names = {str(case) for case in CASES}
    pairs = {name.rsplit(".", 1)[0] for name in names}
    assert names == {f"{pair}.{kind}" for pair in pairs for kind in ("bad", "good")}
    assert len(CASES) >= 60
    by_name = {str(case): case for case in CASES}
    for pair in pairs:
        assert by_name[f"{pair}.bad"].finds, f"{pair}.bad finds nothing"
        assert by_name[f"{pair}.bad"].finds != by_name[f"{pair}.good"].finds


def test_every_rule_has_a_place_in_the_corpus(running: PolicyPack) -> None:
    rules = {result.rule for result in running.evaluate(record(lambda: None, project="corpus", stack="dev")).rules}
    # Of those about a mesh's whole stack each has a mistake of its own.
    mistakes = (*MISTAKES, *LINKERD_MISTAKES, *CONSUL_MISTAKES)
    found = [*(case.finds for case in CASES), *(mistake.finds for mistake in mistakes)]
    assert rules == {line.split()[0] for lines in found for line in lines}
