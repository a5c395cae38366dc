"""The parts of the analyzer: values from the wire, settings, the index of a stack, and waivers as they are written."""

import json
from datetime import date
from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct
from hypothesis import given
from hypothesis import strategies as st
from pulumi_policy import proxy

from meshwright.errors import PolicyPackError
from meshwright_policy import wire
from meshwright_policy.catalogue import BY_NAME, RULES
from meshwright_policy.record import Subject
from meshwright_policy.settings import Chosen, Settings
from meshwright_policy.stack import Stack
from meshwright_policy.values import UNKNOWN
from meshwright_policy.waivers import Ledger, Use, Waiver, annotated_waivers, parse_waivers

SECRET = {wire.SIGNATURE: wire.SECRET}
JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


def _struct(properties: dict[str, Any]) -> Struct:
    struct = Struct()
    struct.update(properties)
    return struct


@given(properties=st.dictionaries(st.text(max_size=5), JSON, max_size=4))
def test_what_is_sent_is_read(properties: dict[str, Any]) -> None:
    assert wire.properties(_struct(properties)) == properties


def test_unknown_values_and_secrets_are_read() -> None:
    unknown = [value for name, value in vars(proxy).items() if name.startswith("UNKNOWN_")]
    assert len(unknown) == 7
    sent = {"list": unknown, "secret": {**SECRET, "value": {"a": [1, unknown[0]]}}, "text": "x", "none": None}
    assert wire.properties(_struct(sent)) == {
        "list": [UNKNOWN] * 7,
        "secret": {"a": [1.0, UNKNOWN]},
        "text": "x",
        "none": None,
    }
    assert repr(UNKNOWN) == "UNKNOWN"


@pytest.mark.parametrize(
    ("properties", "found"),
    [
        ({"metadata": {"annotations": {"x/a": "1", "y/a": "2"}}}, {"x/a": "1"}),
        ({"metadata": {**SECRET, "value": {"annotations": {"x/a": "1"}}}}, {"x/a": "1"}),
        ({"metadata": {"annotations": {"x/a": proxy.UNKNOWN_STRING_VALUE}}}, {"x/a": UNKNOWN}),
        ({"metadata": {**SECRET, "value": "text"}}, {}),
        ({"metadata": {"annotations": proxy.UNKNOWN_OBJECT_VALUE}}, {}),
        ({"metadata": None}, {}),
        ({}, {}),
    ],
)
def test_annotations_are_read_and_nothing_else(properties: dict[str, Any], found: dict[str, Any]) -> None:
    assert wire.annotations(_struct(properties), "x/") == found


@pytest.mark.parametrize(
    ("rule", "options", "said"),
    [
        (
            "MW-ADO-002",
            {"soak_days": "7"},
            "the option 'soak_days' of MW-ADO-002 doesn't fit; give it a value of type integer of at",
        ),
        ("MW-ADO-002", {"soak_days": 1.5}, "the option 'soak_days' of MW-ADO-002 doesn't fit"),
        ("MW-ADO-002", {"soak_days": True}, "the option 'soak_days' of MW-ADO-002 doesn't fit"),
        ("MW-ADO-002", {"soak_days": -1.0}, "give it a value of type integer of at least 0"),
        ("MW-ADO-004", {"root_namespace": 1}, "give it a value of type string"),
        ("MW-IST-002", {"sidecar_namespaces": ["a", 1]}, "give it a value of type array"),
        ("MW-IST-002", {"namespaces": []}, "MW-IST-002 has no option 'namespaces'; one of: ambient_namespaces"),
        ("MW-ADO-001", {"x": 1}, "MW-ADO-001 has no option 'x'; one of: it has no options"),
        ("MW-ADO-0", {}, "it has no rule 'MW-ADO-0'; one of: all, or what meshwright rules list has"),
    ],
)
def test_settings_that_do_not_fit_are_refused(rule: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(PolicyPackError) as raised:
        Settings(RULES, {rule: Chosen("advisory", options)})
    assert said in str(raised.value)
    assert "(MW-E084)" in str(raised.value)


def test_settings_that_fit_are_taken() -> None:
    options = {"soak_days": 3.0}
    settings = Settings(RULES, {"MW-ADO-002": Chosen("advisory", options), "all": Chosen("remediate", {})})
    (soak,) = [one for one in settings.of_resources if one.rule.id == "MW-ADO-002"]
    assert (soak.level, soak.config, settings.unmending) == ("advisory", options, ())
    assert {one.rule.id for one in settings.of_type("meshwright:index:MeshWideMtls")} == {"MW-ADO-003"}
    assert settings.of_type("other:index:Type") == []


def test_a_resource_of_a_stack_is_made_once_and_only_when_it_is_asked_for() -> None:
    made: list[str] = []

    def make(kind: str, name: str) -> Subject:
        made.append(name)
        return Subject(kind, name, f"urn::{name}", {})

    stack = Stack([("a", lambda: make("a", "1")), ("b", lambda: make("b", "2")), ("a", lambda: make("a", "3"))])
    assert (stack.holds("a", "x"), stack.holds("x"), made) == (True, False, [])
    assert [subject.name for subject in stack.of("a")] == ["1", "3"]
    assert [subject.name for subject in stack.of("b", "a", "x")] == ["1", "2", "3"]
    assert made == ["1", "3", "2"]
    assert stack.derived(_count) is stack.derived(_count)


def _count(stack: Stack) -> list[int]:
    return [len(stack.of("a"))]


WHOLE = {"rule": "MW-ADO-001", "resource": "shop", "reason": "a\n pilot", "expires": "2026-12-01T00:00:00Z"}


def test_a_waiver_of_the_stack_is_read() -> None:
    (waiver,) = parse_waivers(json.dumps([WHOLE]), BY_NAME)
    assert waiver == Waiver("MW-ADO-001", "shop", "a pilot", "", date(2026, 12, 1))
    assert str(waiver) == "until 2026-12-01 by nobody named: a pilot"


@pytest.mark.parametrize(
    ("waivers", "said"),
    [
        ("{", "meshwright:waivers: the waiver is not a list of waivers; write a list of waivers (MW-E085)"),
        ({}, "meshwright:waivers: the waiver is not a list of waivers"),
        ([1], "meshwright:waivers[0]: the waiver is no waiver; write an object with rule, resource, reason, owner,"),
        (
            [WHOLE, {**WHOLE, "rule": "MW-ADO-099"}],
            "meshwright:waivers[1]: the waiver is for 'MW-ADO-099', which is no",
        ),
        ([{**WHOLE, "rule": None}], "the waiver is for None, which is no rule"),
        ([{**WHOLE, "rule": "MW-WVR-001"}], "is for MW-WVR-001, which is about waivers; mend or remove the waiver"),
        ([{**WHOLE, "resource": "*"}], "is for '*', which is every resource; name one resource"),
        ([{**WHOLE, "resource": ""}], "the waiver names no resource; name one resource"),
        ([{**WHOLE, "reason": " "}], "the waiver gives no reason; add `reason`"),
        ([{**WHOLE, "expires": "soon"}], "the waiver has no last day; add `expires: YYYY-MM-DD`"),
        ([{**WHOLE, "until": "2026"}], "the waiver has no key 'until'; one of: rule, resource, reason, owner, expires"),
    ],
)
def test_a_waiver_of_the_stack_that_can_not_be_used_is_a_mistake(waivers: Any, said: str) -> None:
    with pytest.raises(PolicyPackError) as raised:
        parse_waivers(waivers if isinstance(waivers, str) else json.dumps(waivers), BY_NAME)
    assert said in str(raised.value)
    assert str(raised.value).endswith("(MW-E085)")


def _annotated(value: Any, rule: str = "MW-IST-002") -> tuple[Waiver, ...]:
    return annotated_waivers({f"meshwright.dev/waive-{rule}": value, "other": "x"}, "urn::deny", "deny", BY_NAME)


@pytest.mark.parametrize(
    ("value", "reason", "owner", "expires", "ticket"),
    [
        ("why; owner=us; expires=2026-12-01", "why", "us", date(2026, 12, 1), ""),
        ("why; and so; ticket=A-1 ;expires = 2026-12-01", "why; and so", "", date(2026, 12, 1), "A-1"),
        (UNKNOWN, "", "", None, ""),
    ],
)
def test_an_annotation_is_read(value: Any, reason: str, owner: str, expires: date | None, ticket: str) -> None:
    waiver = Waiver("MW-IST-002", "deny", reason, owner, expires, ticket, "urn::deny")
    assert _annotated(value) == (waiver,)
    assert waiver.covers("MW-IST-002", ["urn::deny"])
    assert not waiver.covers("MW-IST-002", ["deny"])


@pytest.mark.parametrize(
    ("value", "rule", "said"),
    [
        ("why", "MW-IST-002", 'the waiver has no last day; write it as "<reason>; owner=<who>; expires=YYYY-MM-DD"'),
        ("expires=2026-12-01", "MW-IST-002", "the waiver gives no reason"),
        (True, "MW-IST-002", "the waiver gives no reason"),
        ("why; exipres=2026-12-01", "MW-IST-002", "the waiver has no last day"),
        ("why; expires=2026-12-01", "MW-IST-099", "is for 'MW-IST-099', which is no rule"),
        (UNKNOWN, "MW-IST-099", "is for 'MW-IST-099', which is no rule"),
    ],
)
def test_an_annotation_that_can_not_be_used_is_a_mistake(value: Any, rule: str, said: str) -> None:
    with pytest.raises(PolicyPackError) as raised:
        _annotated(value, rule)
    assert str(raised.value).startswith(f"deny, annotation meshwright.dev/waive-{rule}: ")
    assert said in str(raised.value)


def test_the_ledger_tells_what_became_of_each_waiver() -> None:
    ours, theirs = (Waiver("MW-ADO-001", name, "r", "", date.max) for name in ("a", "b"))
    annotated = Waiver("MW-IST-002", "c", "r", "", date.max, urn="urn::c")
    ledger = Ledger((ours, theirs))
    ledger.annotated("urn::c", (annotated,))
    assert ledger.about("urn::c") == (ours, theirs, annotated)
    assert ledger.about("urn::d") == (ours, theirs)
    ledger.note([ours], [theirs])
    assert ledger.uses(frozenset({"MW-ADO-001"})) == (Use(ours, met=True), Use(theirs, open=True))
    assert ledger.uses(frozenset({"MW-IST-002"})) == (Use(annotated),)
    ledger.annotated("urn::c", ())
    assert ledger.all() == (ours, theirs)
