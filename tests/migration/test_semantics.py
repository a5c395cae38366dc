"""No difference between a mesh of sidecars and the ambient mesh that it becomes is silent."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from meshwright.istio.migration import authorization, matches, needs, routes, rules
from meshwright.istio.migration.migrate import Migration
from meshwright.istio.migration.report import Topic
from tests.migration.compare import Comparison, compare
from tests.migration.replay import NAMES, migrated, source

Keep = frozenset[str]
CASES = [(name, Keep()) for name in NAMES] + [("boutique", Keep({"shop"})), ("odd", Keep({"front", "vault"}))]


@cache
def migration_of(name: str, keep: Keep) -> Migration:
    return migrated(name, keep)


@cache
def comparison(name: str, keep: Keep) -> Comparison:
    return compare(source(name), migration_of(name, keep))


@pytest.mark.parametrize(("name", "keep"), CASES)
def test_every_difference_is_in_the_report(name: str, keep: Keep) -> None:
    found = comparison(name, keep).unreported(migration_of(name, keep))
    assert not found, f"{len(found)}\n" + "\n".join(map(str, found[:10]))


def test_the_setups_have_forty_objects_of_istios_and_all_verdicts() -> None:
    ours = [each for name in NAMES for each in source(name).objects if "istio.io" in each["apiVersion"]]
    assert len(ours) >= 40
    assert len(Counter(each["kind"] for each in ours)) >= 13
    assert len({each.verdict for name in NAMES for each in migration_of(name, Keep()).findings}) == 4


def test_the_comparison_fails_without_any_one_topic() -> None:
    cases = [(name, keep, migration_of(name, keep)) for name, keep in CASES]
    topics = sorted({topic for _, _, each in cases for topic in _topics(each)})
    needless = [
        topic
        for topic in topics
        if not any(
            comparison(name, keep).unreported(_without(each, topic))
            for name, keep, each in cases
            if topic in _topics(each)
        )
    ]
    assert not needless, needless


def _nothing(*_: Any, **__: Any) -> None:
    return None


BROKEN: dict[str, tuple[str, Any, str, Callable[..., Any]]] = {
    "ports stay the pods'": ("bookinfo", rules, "at_service", lambda rule, service: rule),
    "the waypoint is not let through a DENY": ("boutique", rules, "apart_from", lambda rule, principals: rule),
    "the waypoint is not let through an ALLOW": ("bookinfo", authorization, "_let_waypoint_pass", _nothing),
    "nothing requires the waypoint": ("boutique", authorization, "_require_waypoint", _nothing),
    "nothing is attached": ("boutique", authorization, "_attach", _nothing),
    "callers with sidecars are forgotten": ("bookinfo", authorization, "_allow_sidecars", _nothing),
    "gateways are forgotten": ("boutique", needs.Needs, "takes_ingress", lambda self, service: False),
    "policies stay as they are": ("boutique", authorization, "_keep_the_rest", _nothing),
    "sidecars judge the waypoint": ("boutique", authorization, "_bridge", _nothing),
    "the order of routes is ignored": ("odd", routes, "keeps_order", lambda rules: True),
    "headers are mistaken": ("bookinfo", matches, "_named", lambda name, _: {"name": name, "value": "nobody"}),
}


@pytest.mark.parametrize("what", BROKEN)
def test_the_comparison_fails_when_the_translation_is_broken(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, where, attribute, broken = BROKEN[what]
    monkeypatch.setattr(where, attribute, broken)
    migration = migrated(name)
    assert compare(source(name), migration, every=3 if name == "bookinfo" else 31).unreported(migration)


def _topics(migration: Migration) -> set[Topic]:
    return {one.topic for each in migration.findings for one in each.differences}


def _without(migration: Migration, topic: Topic) -> Migration:
    findings = tuple(
        replace(each, differences=[one for one in each.differences if one.topic != topic])
        for each in migration.findings
    )
    return replace(migration, findings=findings)
