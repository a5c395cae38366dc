"""Every rule's verdicts, and what must hold for all rules."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from meshwright_policy import docs
from meshwright_policy.catalogue import RULES
from meshwright_policy.examples import outcomes, subjects
from meshwright_policy.judge import Outcome, RuleError, judge_resource, judge_stack
from meshwright_policy.record import Answer, Config, Level, Rule, Subject, Violation
from meshwright_policy.waivers import Waiver, parse_waivers

from .cases import CASES, Case, namespace

BY_ID = {rule.id: rule for rule in RULES}
ROOT = Path(__file__).parents[3]
ids = pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])


def _judge(rule: Rule, resources: tuple[Subject, ...], config: Config, waivers: tuple[Waiver, ...] = ()) -> Outcome:
    if rule.check_stack is not None:
        return judge_stack(rule, resources, config, waivers)
    (resource,) = resources
    return judge_resource(rule, resource, config, waivers)


def _said(outcome: Outcome) -> str:
    violations = "\n".join(violation.message for violation in outcome.violations)
    return violations or outcome.undecided or outcome.not_applicable


def _agrees(rule: Rule, case: Case) -> bool:
    outcome = _judge(rule, case.resources, case.config)
    return (outcome.verdict, _said(outcome)) == (case.verdict, case.says)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_rule_gives_the_verdict_and_says_why(case: Case) -> None:
    outcome = _judge(BY_ID[case.rule], case.resources, case.config)
    assert (outcome.verdict, _said(outcome)) == (case.verdict, case.says)


@ids
def test_examples_do_what_their_page_says(rule: Rule) -> None:
    bad = outcomes(rule, rule.bad)
    assert next(violation.message for outcome in bad for violation in outcome.violations) == rule.bad.says
    assert {outcome.verdict for outcome in outcomes(rule, rule.good)} == {"passed"}


@ids
def test_a_waiver_in_force_waives_and_says_so(rule: Rule) -> None:
    resources = subjects(rule.bad)
    waiver = parse_waivers(
        f'[{{"rule": "{rule.id}", "resource": "*", "reason": "a reason", "owner": "us", "expires": "2026-11-23"}}]'
    )
    outcome = _judge(rule, resources, {}, waiver)
    assert outcome.verdict == "waived"
    assert outcome.waived[0].startswith(
        f"waived until 2026-11-23 by us: a reason ({rule.bad.says}) at urn:pulumi:example"
    )


@ids
def test_an_expired_waiver_waives_nothing_and_is_named(rule: Rule) -> None:
    waiver = parse_waivers(
        f'[{{"rule": "{rule.id}", "resource": "*", "reason": "a reason", "owner": "us", "expires": "2026-11-22"}}]'
    )
    outcome = _judge(rule, subjects(rule.bad), {}, waiver)
    assert outcome.verdict == "violated"
    assert outcome.violations[0].message == f"{rule.bad.says}; the waiver by us expired on 2026-11-22"


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"expires": "2026-12-01"}, "; the waiver gives no reason and doesn't count"),
        ({"reason": "because", "owner": "us"}, "; the waiver by us has no expiry date and doesn't count"),
        ({"reason": "because", "expires": "soon"}, "; the waiver has no expiry date and doesn't count"),
        ({"reason": "because", "expires": "2026-12-01", "resource": "other"}, ""),
        ({"reason": "because", "expires": "2026-12-01", "rule": "MW-ADO-002"}, ""),
    ],
)
def test_a_waiver_needs_reason_expiry_and_a_match(entry: dict[str, str], said: str) -> None:
    waivers = parse_waivers(json.dumps([{"rule": "MW-ADO-001", "resource": "shop", **entry}]))
    outcome = _judge(BY_ID["MW-ADO-001"], (namespace("{namespace: shop, phase: strict}"),), {}, waivers)
    message = "shop is strict, but no permissive phase before it is on record"
    assert outcome.violations == (Violation(message + said),)


def test_a_waiver_is_for_names_urns_and_namespaces() -> None:
    for resource in ("it", "sho?", "urn:pulumi:dev::*AmbientNamespace::it"):
        waivers = (Waiver("MW-ADO-001", resource, "r", "", date(2026, 12, 1)),)
        outcome = _judge(BY_ID["MW-ADO-001"], (namespace("{namespace: shop, phase: strict}"),), {}, waivers)
        assert outcome.verdict == "waived"
        assert outcome.waived[0].startswith("waived until 2026-12-01 by nobody named: r (")


@pytest.mark.parametrize("text", ["{", "{}", "[1, {}]", '[{"rule": "MW-ADO-001"}]', "null"])
def test_what_is_no_waiver_is_left_out(text: str) -> None:
    assert parse_waivers(text) == ()


def test_ids_and_slugs_are_unique() -> None:
    assert len({rule.id for rule in RULES}) == len({rule.slug for rule in RULES}) == len(RULES)


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
    def broken(_: tuple[Subject, ...], __: Config) -> Iterator[Answer]:
        raise ValueError
        yield

    rule = replace(BY_ID["MW-ADO-007"], check_stack=broken)
    with pytest.raises(RuleError, match="rule MW-ADO-007 failed on the stack: ValueError"):
        _judge(rule, (namespace("{}"),), {})


def test_what_is_said_of_the_stack_as_a_whole_can_be_waived_by_no_name() -> None:
    def whole(_: tuple[Subject, ...], __: Config) -> Iterator[Answer]:
        yield Violation("the stack is too big")

    rule = replace(BY_ID["MW-ADO-007"], check_stack=whole)
    waivers = (Waiver("MW-ADO-007", "*", "r", "us", date(2026, 12, 1)),)
    assert _judge(rule, (namespace("{}"),), {}, waivers).violations == (Violation("the stack is too big"),)


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
