"""The next step is one namespace at a time, and the one in hand first."""

from dataclasses import dataclass
from datetime import date

import pytest

from meshwright.guidance.rollout import next_step, strict_from

TODAY = date(2026, 11, 22)


@dataclass
class Namespace:
    name: str
    phase: str
    since: date | None = None


@pytest.mark.parametrize(
    ("namespaces", "step"),
    [
        ([], "list a first namespace, of two or three services that talk often, with phase: permissive"),
        (
            [Namespace("a", "unmeshed"), Namespace("b", "permissive", date(2026, 11, 16))],
            "watch b for plaintext; strict is possible from 2026-11-23",
        ),
        (
            [Namespace("a", "permissive", date(2026, 11, 15))],
            "make a strict, if its last 7 days saw no plaintext",
        ),
        (
            [Namespace("b", "permissive", date(2026, 11, 20)), Namespace("a", "permissive", date(2026, 11, 18))],
            "watch a for plaintext; strict is possible from 2026-11-25",
        ),
        (
            [Namespace("a", "permissive")],
            "record when a became permissive (since: 2026-11-22); its week of watching starts then",
        ),
        ([Namespace("a", "strict"), Namespace("b", "unmeshed")], "bring b in, with phase: permissive"),
        ([Namespace("a", "strict")], "every namespace is strict; mtls: strict makes it the rule of the mesh"),
    ],
)
def test_next_step(namespaces: list[Namespace], step: str) -> None:
    assert next_step(namespaces, TODAY) == step


@pytest.mark.parametrize(
    ("namespaces", "step"),
    [
        ([], "list a first namespace, of two or three services that talk often, with phase: audit"),
        (
            [Namespace("a", "audit"), Namespace("b", "authenticated", date(2026, 1, 1))],
            "record when a became audit (since: 2026-11-22); its week of watching starts then",
        ),
        (
            [Namespace("a", "audit", date(2026, 11, 20)), Namespace("b", "unmeshed")],
            "watch a for callers without identity; authenticated is possible from 2026-11-27",
        ),
        (
            [Namespace("a", "audit", date(2026, 11, 15)), Namespace("b", "audit", date(2026, 11, 20))],
            "make a authenticated, if its last 7 days saw no caller without identity",
        ),
        (
            [Namespace("a", "authenticated", date(2026, 11, 20)), Namespace("b", "unmeshed")],
            "bring b in, with phase: audit",
        ),
        (
            [
                Namespace("a", "authenticated", date(2026, 11, 20)),
                Namespace("b", "authenticated", date(2026, 11, 1)),
                Namespace("c", "unmeshed"),
            ],
            "make b deny, if its last 7 days saw no call that isn't declared",
        ),
        (
            [Namespace("a", "authenticated", date(2026, 11, 20)), Namespace("b", "deny")],
            "watch a for calls that are not declared; deny is possible from 2026-11-27",
        ),
        (
            [Namespace("b", "deny")],
            "every namespace denies; control_plane.inbound_policy: deny makes it the rule of the mesh",
        ),
    ],
)
def test_next_step_in_linkerd(namespaces: list[Namespace], step: str) -> None:
    assert next_step(namespaces, TODAY, "linkerd") == step


def test_strict_is_possible_a_week_after_permissive_began() -> None:
    assert strict_from(Namespace("a", "permissive", date(2026, 2, 24))) == date(2026, 3, 3)
    assert strict_from(Namespace("a", "permissive")) is None


@dataclass
class InConsul(Namespace):
    ends: date | None = None


SINCE = date(2026, 11, 15)


@pytest.mark.parametrize(
    ("namespaces", "step"),
    [
        ([], "list a first namespace, of two or three services that talk often, with phase: permissive"),
        ([InConsul("a", "unmeshed")], "bring a in, with phase: permissive"),
        (
            [InConsul("a", "permissive", SINCE, date(2026, 12, 15)), InConsul("b", "unmeshed")],
            "make a strict, if its last 7 days saw no plaintext; it is permissive until 2026-12-15",
        ),
        (
            [
                InConsul("a", "permissive", SINCE, date(2026, 12, 15)),
                InConsul("b", "permissive", SINCE, date(2026, 11, 21)),
            ],
            "make b strict, or give a reason for a later deadline: it was permissive until 2026-11-21",
        ),
        (
            [InConsul("a", "strict")],
            "every namespace is strict, and none can be made permissive unnoticed: the mesh no longer allows it",
        ),
    ],
)
def test_next_step_in_consul(namespaces: list[Namespace], step: str) -> None:
    assert next_step(namespaces, TODAY, "consul") == step
