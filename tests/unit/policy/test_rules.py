"""Every rule's verdicts, and what must hold for all rules."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from meshwright.errors import ConfigError
from meshwright_policy import docs
from meshwright_policy.catalogue import BY_NAME, RULES
from meshwright_policy.examples import outcomes, subjects
from meshwright_policy.judge import Outcome, RuleError, judge_resource, judge_stack
from meshwright_policy.record import Answer, Config, Level, Rule, Subject, Undecided, Violation
from meshwright_policy.stack import Stack
from meshwright_policy.waivers import Use, Waiver

from . import cases, consul, istio, linkerd
from .cases import Case, namespace, policy

CASES = [*cases.CASES, *consul.CASES, *istio.CASES, *linkerd.CASES]
BY_ID = {rule.id: rule for rule in RULES}
ROOT = Path(__file__).parents[3]
ids = pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])


def _judge(
    rule: Rule,
    resources: tuple[Subject, ...],
    config: Config,
    waivers: tuple[Waiver, ...] = (),
    uses: tuple[Use, ...] = (),
) -> Outcome:
    if rule.check_stack is not None:
        return judge_stack(rule, Stack.of_subjects(resources, uses), rule.configured(config), waivers)
    # A resource rule judges the last one; the others came before it.
    resource = replace(resources[-1], stack=Stack.of_subjects(resources[:-1]))
    return judge_resource(rule, resource, rule.configured(config), waivers)


def _said(outcome: Outcome) -> str:
    violations = "\n".join(violation.message for violation in outcome.violations)
    undecided = "; ".join(open_question.reason for open_question in outcome.undecided)
    return violations or undecided or outcome.not_applicable


def _agrees(rule: Rule, case: Case) -> bool:
    outcome = _judge(rule, case.resources, case.config, uses=case.waivers)
    return (outcome.verdict, _said(outcome)) == (case.verdict, case.says)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_rule_gives_the_verdict_and_says_why(case: Case) -> None:
    outcome = _judge(BY_ID[case.rule], case.resources, case.config, uses=case.waivers)
    assert (outcome.verdict, _said(outcome)) == (case.verdict, case.says)


@ids
def test_examples_do_what_their_page_says(rule: Rule) -> None:
    bad = outcomes(rule, rule.bad)
    assert next(violation.message for outcome in bad for violation in outcome.violations) == rule.bad.says
    assert {outcome.verdict for outcome in outcomes(rule, rule.good)} == {"passed"}


waivable = pytest.mark.parametrize("rule", [rule for rule in RULES if rule.applies_to], ids=lambda rule: rule.id)


def _waiver(rule: Rule, expires: date) -> tuple[Waiver, ...]:
    return (Waiver(rule.id, "urn:*", "a reason", "us", expires),)


@waivable
def test_a_waiver_in_force_waives_and_says_so(rule: Rule) -> None:
    waivers = _waiver(rule, date(2026, 11, 23))
    outcome = _judge(rule, subjects(rule.bad), {}, waivers)
    assert (outcome.verdict, outcome.violations, set(outcome.met)) == ("waived", (), set(waivers))
    assert str(outcome.waived[0]) == f"waived until 2026-11-23 by us: a reason ({rule.bad.says})"


@waivable
def test_an_expired_waiver_waives_nothing_and_is_named(rule: Rule) -> None:
    waivers = _waiver(rule, date(2026, 11, 22))
    outcome = _judge(rule, subjects(rule.bad), {}, waivers)
    assert (outcome.verdict, set(outcome.met)) == ("violated", set(waivers))
    assert outcome.violations[0].message == f"{rule.bad.says}; the waiver by us expired on 2026-11-22"


def test_a_waiver_is_for_names_and_urns() -> None:
    strict = namespace("{namespace: shop, phase: strict}")
    for resource, verdict in (
        ("it", "waived"),
        ("sho?", "waived"),
        ("urn:pulumi:dev::*AmbientNamespace::it", "waived"),
        ("other", "violated"),
    ):
        outcome = _judge(BY_ID["MW-ADO-001"], (strict,), {}, (Waiver("MW-ADO-001", resource, "r", "", date.max),))
        assert outcome.verdict == verdict
    other = (Waiver("MW-ADO-002", "it", "r", "", date.max),)
    assert _judge(BY_ID["MW-ADO-001"], (strict,), {}, other).verdict == "violated"


def test_a_waiver_is_not_for_a_whole_namespace() -> None:
    (shop, policy_) = policy("{action: CUSTOM, provider: {name: opa}}", "{name: ask, namespace: shop}")
    for resource, verdict in (("shop", "violated"), ("ask", "waived")):
        outcome = _judge(BY_ID["MW-IST-004"], (shop, policy_), {}, (Waiver("MW-IST-004", resource, "r", "", date.max),))
        assert outcome.verdict == verdict


def test_a_waiver_that_is_unknown_waives_nothing_yet() -> None:
    strict = namespace("{namespace: shop, phase: strict}")
    outcome = _judge(BY_ID["MW-ADO-001"], (strict,), {}, (Waiver("MW-ADO-001", "it", "", "", None, urn=strict.urn),))
    assert outcome.violations[0].message.endswith("; what its waiver says is known only at the update")


def test_ids_and_slugs_are_unique() -> None:
    assert len({rule.slug for rule in RULES}) == len(RULES)
    names = [name for rule in RULES for name in (rule.id, *rule.aliases)]
    assert sorted(names) == sorted(BY_NAME)


@ids
def test_a_record_is_complete(rule: Rule) -> None:
    assert (rule.check is None) != (rule.check_stack is None)
    assert rule.title[0].isupper()
    assert not rule.title.endswith(".")
    assert rule.why.endswith(".")
    assert not rule.remedy.endswith(".")
    assert all(url.startswith("https://") for url in rule.references)
    assert all({"type", "default", "description"} <= set(schema) for schema in rule.config.values())
    assert rule.level in Level
    assert all(requirement.why and requirement.source.startswith("https://") for requirement in rule.frameworks)


@ids
def test_every_rule_is_tested_for_every_verdict(rule: Rule) -> None:
    tested = {case.verdict for case in CASES if case.rule == rule.id}
    assert tested == {"passed", "violated", "undecided", "not_applicable"}


def _nothing(*_: object) -> Iterator[Answer]:
    yield from ()


@ids
def test_a_rule_that_is_switched_off_is_missed(rule: Rule) -> None:
    off = replace(rule, check=_nothing) if rule.check else replace(rule, check_stack=_nothing)
    cases = [case for case in CASES if case.rule == rule.id]
    assert all(_agrees(rule, case) for case in cases)
    assert not all(_agrees(off, case) for case in cases)


def test_a_rule_that_raises_is_an_error_that_names_it_and_no_value() -> None:
    def broken(subject: Subject, _: Config) -> Iterator[Answer]:
        raise ValueError(subject.properties["password"])
        yield

    rule = replace(BY_ID["MW-ADO-001"], check=broken)
    with pytest.raises(RuleError, match=r"rule MW-ADO-001 failed on it: ValueError in broken, line \d+") as raised:
        _judge(rule, (namespace("{password: hunter2}"),), {})
    assert "hunter2" not in str(raised.value)


def test_a_stack_rule_that_raises_is_an_error_of_the_stack() -> None:
    def broken(_: Stack, __: Config) -> Iterator[Answer]:
        raise ValueError
        yield

    rule = replace(BY_ID["MW-ADO-007"], check_stack=broken)
    with pytest.raises(RuleError, match="rule MW-ADO-007 failed on the stack: ValueError"):
        _judge(rule, (namespace("{}"),), {})


def test_what_is_said_of_the_stack_as_a_whole_can_be_waived_by_no_name() -> None:
    def whole(_: Stack, __: Config) -> Iterator[Answer]:
        yield Violation("the stack is too big")

    rule = replace(BY_ID["MW-ADO-007"], check_stack=whole)
    waivers = (Waiver("MW-ADO-007", "it*", "r", "us", date(2026, 12, 1)),)
    assert _judge(rule, (namespace("{}"),), {}, waivers).violations == (Violation("the stack is too big"),)


def test_what_is_open_for_the_stack_as_a_whole_may_be_waived_by_any_waiver_of_the_rule() -> None:
    def vague(_: Stack, __: Config) -> Iterator[Answer]:
        yield Undecided("something is unknown")

    rule = replace(BY_ID["MW-ADO-007"], check_stack=vague)
    ours, theirs = (Waiver(name, "it", "r", "us", date(2026, 12, 1)) for name in ("MW-ADO-007", "MW-ADO-004"))
    outcome = _judge(rule, (namespace("{}"),), {}, (ours, theirs))
    assert (outcome.verdict, outcome.still_open, outcome.met) == ("undecided", (ours,), ())


def test_a_broken_clock_is_told_by_the_rule_that_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHWRIGHT_AS_OF", "soon")
    strict = namespace('{phase: strict, previous: {phase: permissive, since: "2026-11-01"}}')
    with pytest.raises(RuleError, match=r"rule MW-ADO-002 failed on it: MESHWRIGHT_AS_OF .*\(MW-E034\)") as raised:
        _judge(BY_ID["MW-ADO-002"], (strict,), {})
    assert isinstance(raised.value.__cause__, ConfigError)


def test_the_pages_are_current() -> None:
    folder = ROOT / "docs" / "rules"
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == docs.pages()


def test_writing_the_pages_removes_those_of_rules_that_are_gone(tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "MW-OLD-001.md").write_text("gone")
    (folder / "NOTES.md").write_text("mine")
    docs.main(folder)
    assert {path.name for path in folder.iterdir()} == {*docs.pages(), "NOTES.md"}
