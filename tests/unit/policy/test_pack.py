"""The rules as policies of the SDK: metadata, and how each verdict is told."""

import json
from typing import Any

import pulumi
import pytest
from pulumi_policy import (
    Policy,
    PolicyResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

from meshwright_policy import pack
from meshwright_policy.catalogue import RULES
from meshwright_policy.judge import RuleError
from meshwright_policy.values import UNKNOWN, plain

NAMESPACE = "meshwright:index:AmbientNamespace"
OPTIONS = PolicyResourceOptions(False, [], None, [], None, [], "")  # type: ignore[arg-type]


@pytest.fixture
def waivers(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    entries: list[dict[str, str]] = []
    monkeypatch.setattr(pulumi.Config, "get", lambda *_: json.dumps(entries))
    return entries


def _policies() -> dict[str, Policy]:
    memory = pack.Memory()
    return {rule.id: pack.policy(rule, memory) for rule in RULES}


def _urn(name: str) -> str:
    return f"urn:pulumi:dev::shop::{NAMESPACE}::{name}"


def _ask(policy: Policy, properties: dict[str, Any], kind: str = NAMESPACE) -> tuple[list[tuple[str, str | None]], str]:
    """What is reported, and why a verdict was withheld."""
    assert isinstance(policy, ResourceValidationPolicy)
    args = ResourceValidationArgs(kind, unknown_checking_proxy(properties), _urn("shop"), "shop", OPTIONS, None, {})
    return _run(policy, args)


def _run(policy: Any, args: Any) -> tuple[list[tuple[str, str | None]], str]:
    reported: list[tuple[str, str | None]] = []
    try:
        policy.validate(args, lambda message, urn=None: reported.append((message, urn)))
    except Exception as withheld:
        return reported, str(getattr(withheld, "reason", getattr(withheld, "message", "")))
    return reported, ""


def test_each_policy_says_all_that_the_sdk_can_carry() -> None:
    for rule, policy in zip(RULES, _policies().values(), strict=True):
        assert policy.name == rule.id
        assert policy.description == policy.display_name == rule.title
        assert policy.enforcement_level is not None
        assert policy.enforcement_level.value == rule.level
        assert policy.severity is not None
        assert policy.severity.value == rule.severity
        assert policy.tags == [rule.subject, rule.slug]
        assert policy.remediation_steps == rule.remedy
        assert policy.url == f"docs/rules/{rule.id}.md"
        assert (policy.config_schema is None) == (not rule.config)
        assert isinstance(policy, StackValidationPolicy) == (rule.check_stack is not None)


def test_each_verdict_is_told_in_the_words_of_the_sdk(
    waivers: list[dict[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    policy = _policies()["MW-ADO-001"]
    early = {"namespace": "shop", "phase": "strict"}
    message = "shop is strict, but no permissive phase before it is on record"
    told = (
        f"{message}\n→ set the phase to permissive first, and record it as `previous` when the namespace turns strict "
        "(docs/rules/MW-ADO-001.md)"
    )
    assert _ask(policy, early) == ([(told, None)], "")
    assert _ask(policy, {**early, "previous": {"phase": "permissive"}}) == ([], "")
    assert _ask(policy, {**early, "previous": UNKNOWN_STRING_VALUE}) == (
        [],
        "the phase of shop, or the one before it, is known only at the update",
    )
    assert _ask(policy, {"namespace": "shop", "phase": "permissive"}) == ([], "shop is not strict")
    assert _ask(policy, early, "other:index:Type") == ([], "MW-ADO-001 does not look at other:index:Type")
    assert capsys.readouterr().err == ""

    waivers.append(
        {"rule": "MW-ADO-001", "resource": "shop", "reason": "a pilot", "owner": "us", "expires": "2026-12-01"}
    )
    line = f"waived until 2026-12-01 by us: a pilot ({message}) at {_urn('shop')}"
    assert _ask(policy, early) == ([], line)
    assert capsys.readouterr().err == f"MW-ADO-001 {line}\n"


def test_stack_rules_know_the_inputs_that_a_components_outputs_leave_out(waivers: list[dict[str, str]]) -> None:
    policies = _policies()
    inputs = {"phase": "permissive", "since": "2026-11-20"}
    resources = []
    for name in ("cart", "shop", "till"):
        properties = unknown_checking_proxy({"namespace": name, **inputs})
        args = ResourceValidationArgs(NAMESPACE, properties, _urn(name), name, OPTIONS, None, {})
        _run(policies["MW-ADO-001"], args)
        outputs = unknown_checking_proxy({"namespace": name})
        resources.append(PolicyResource(NAMESPACE, outputs, _urn(name), name, OPTIONS, None, None, [], {}))
    other = PolicyResource("other:index:Type", {}, "urn", "other", OPTIONS, None, None, [], {})
    resources[0].parent = other
    policy = policies["MW-ADO-007"]
    reported, _ = _run(policy, StackValidationArgs([*resources, other]))
    assert [urn for _, urn in reported] == [_urn("shop"), _urn("till")]

    # One pair is waived, the other isn't: both are told.
    waivers.append({"rule": "MW-ADO-007", "resource": "till", "reason": "r", "owner": "us", "expires": "2026-12-01"})
    reported, withheld = _run(policy, StackValidationArgs([*resources, other]))
    assert [urn for _, urn in reported] == [_urn("shop")]
    assert withheld.startswith("waived until 2026-12-01 by us: r (till changes phase")
    # An open question beside a waiver: both are told, in one exception.
    unknown = unknown_checking_proxy({"since": UNKNOWN_STRING_VALUE})
    open_one = PolicyResource(NAMESPACE, unknown, _urn("vague"), "vague", OPTIONS, None, None, [], {})
    reported, withheld = _run(policy, StackValidationArgs([*resources[1:], open_one]))
    assert reported == []
    assert withheld.split("\n")[0] == "when vague changed phase is known only at the update"
    assert withheld.split("\n")[1].startswith("waived until 2026-12-01 by us: r (till changes phase")
    assert _run(policy, StackValidationArgs([other])) == ([], "MW-ADO-007 finds nothing that it looks at")


def test_unknown_values_become_plain() -> None:
    properties = unknown_checking_proxy(
        {"a": [1.0, UNKNOWN_STRING_VALUE], "b": {"c": UNKNOWN_STRING_VALUE}, "d": "text"}
    )
    assert plain(properties) == {"a": [1.0, UNKNOWN], "b": {"c": UNKNOWN}, "d": "text"}
    assert repr(UNKNOWN) == "UNKNOWN"


def test_the_pack_serves_every_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    served: dict[str, Any] = {}
    monkeypatch.setattr(pack, "PolicyPack", lambda name, policies, **about: served.update({name: policies}))
    pack.serve()
    assert [policy.name for policy in served["meshwright"]] == [rule.id for rule in RULES]


def test_a_broken_clock_is_left_to_the_rule_that_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHWRIGHT_AS_OF", "soon")
    pack._prepare()
    with pytest.raises(RuleError, match="rule MW-ADO-002 failed on shop: ConfigError in today"):
        _policies()["MW-ADO-002"].validate(  # type: ignore[attr-defined]
            ResourceValidationArgs(
                NAMESPACE,
                unknown_checking_proxy({"phase": "strict", "previous": {"phase": "permissive", "since": "2026-11-01"}}),
                _urn("shop"),
                "shop",
                OPTIONS,
                None,
                {},
            ),
            lambda *_: None,
        )
