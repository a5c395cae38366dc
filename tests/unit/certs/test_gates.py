"""When a rotation may go on, and what keeps it from that."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from meshwright.certs.gates import Check, Move, Verdict, gate, restarts, signing_since, standing, verdict_of
from meshwright.certs.observed import INVALID, SKIPPED, UPDATED, Controller, Observed
from tests.unit.certs.scenes import CHANGED, HOUR, NOW, anchors, event, issuer, proxy, seen

ON = {"steady": "both-trusted", "both-trusted": "issuer-switched", "issuer-switched": "old-removed"}


def judge(step: str, *clusters: Observed, to: str = "") -> tuple[Check, ...]:
    return gate(clusters, Move(step, to or ON[step], date(2026, 11, 20)), NOW)


def complaints(step: str, *clusters: Observed, to: str = "") -> list[tuple[str, str]]:
    return [(each.verdict, each.title) for each in judge(step, *clusters, to=to) if each.verdict != "passed"]


@pytest.mark.parametrize("step", list(ON))
def test_all_is_ready(step: str) -> None:
    assert complaints(step, seen(step), seen(step, "us")) == []
    assert verdict_of(judge(step, seen(step))) is Verdict.PASSED


def test_nothing_seen_is_never_ready() -> None:
    assert verdict_of(judge("both-trusted")) is Verdict.UNKNOWN
    assert verdict_of(judge("both-trusted", Observed("eu"))) is Verdict.UNKNOWN


PROXIES = "every proxy was started with the bundle"
CONTROLLERS = "every identity controller has read the bundle"
REFUSED = "no identity controller has refused an issuer"
LEAVES = "every proxy has a new certificate: the issuer has signed for more than 24 hours"
BUNDLE = "the bundle is that of {}"


@pytest.mark.parametrize(
    ("step", "differs", "expected"),
    [
        ("both-trusted", {"proxies": (proxy("shop/a", "deployment/a", "old"),)}, [("failed", PROXIES)]),
        ("both-trusted", {"proxies": ()}, [("unknown", PROXIES)]),
        ("both-trusted", {"proxies": (replace(proxy(), started=CHANGED),)}, [("failed", PROXIES)]),
        ("both-trusted", {"proxies": (replace(proxy(), started=None),)}, [("failed", PROXIES)]),
        ("both-trusted", {"controllers": ()}, [("unknown", CONTROLLERS)]),
        ("both-trusted", {"controllers": (Controller("x", CHANGED),)}, [("failed", CONTROLLERS)]),
        ("both-trusted", {"bundle": anchors("old")}, [("failed", BUNDLE.format("both-trusted"))]),
        ("steady", {"bundle": anchors("old", "new")}, [("unknown", BUNDLE.format("steady"))]),
        ("both-trusted", {"bundle": ()}, [("unknown", BUNDLE.format("both-trusted"))]),
        (
            "both-trusted",
            {"bundle": (*anchors("old", "new"), issuer().certificate)},
            [("unknown", BUNDLE.format("both-trusted"))],
        ),
        ("both-trusted", {"gaps": {"pods": "forbidden"}}, [("unknown", "pods can be read")]),
        ("issuer-switched", {"issuer_since": None}, [("unknown", LEAVES)]),
        ("issuer-switched", {"issuer_since": NOW - 40 * HOUR}, []),
        ("issuer-switched", {"issuer_since": NOW - 25 * HOUR}, [("unknown", LEAVES)]),
        ("issuer-switched", {"controllers": (Controller("x", NOW - 20 * HOUR),)}, [("failed", LEAVES)]),
    ],
)
def test_what_is_not_ready(step: str, differs: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert complaints(step, seen(step, **differs)) == expected


def test_an_issuer_of_the_other_anchor_or_none_is_not_ready() -> None:
    wrong = seen("both-trusted", issuer=(issuer("new").certificate,))
    assert [verdict for verdict, title in complaints("both-trusted", wrong) if "signed the issuer" in title] == [
        "failed"
    ]
    none = seen("both-trusted", issuer=())
    assert [verdict for verdict, title in complaints("both-trusted", none) if "signed the issuer" in title] == [
        "unknown"
    ]


def test_a_proxy_of_the_control_plane_is_unknown_while_nobody_knows_when_the_bundle_changed() -> None:
    assert complaints("both-trusted", seen(bundle_since=None)) == [("unknown", CONTROLLERS), ("unknown", PROXIES)]


@pytest.mark.parametrize("reason", [SKIPPED, INVALID])
def test_a_refused_issuer_stops_the_rotation(reason: str) -> None:
    assert complaints("both-trusted", seen(events=(event(reason, HOUR, "no"),))) == [("failed", REFUSED)]
    # It was taken since, or every controller was started anew, or it was before the step.
    assert complaints("both-trusted", seen(events=(event(reason, 2 * HOUR), event(UPDATED, HOUR)))) == []
    assert complaints("both-trusted", seen(events=(event(reason, 29.5 * HOUR),))) == []
    assert complaints("both-trusted", seen(events=(event(reason, 100 * HOUR),))) == []


def test_the_way_back_waits_for_leaves_too() -> None:
    early = seen("both-trusted", controllers=(Controller("x", NOW - 20 * HOUR),))
    assert complaints("both-trusted", early, to="steady") == [("failed", LEAVES)]
    assert complaints("issuer-switched", seen("issuer-switched"), to="both-trusted") == []


def test_clusters_with_other_anchors_are_not_one_trust_domain() -> None:
    assert complaints("steady", seen("steady"), seen("old-removed", "us")) == [
        ("failed", "every cluster has the same anchors")
    ]


def test_nobody_is_told_to_restart_while_the_bundle_is_not_seen() -> None:
    assert restarts(seen(bundle=(), gaps={"ConfigMap": "forbidden"})) == ()
    assert restarts(seen(bundle_since=None)) == ()


def test_who_has_to_be_restarted() -> None:
    stale = seen(proxies=(proxy("shop/b", "deployment/b", "old"), proxy("a/c", "statefulset/c", "old"), proxy()))
    assert restarts(stale) == (("a", "statefulset/c"), ("shop", "deployment/b"))
    (check,) = [each for each in judge("both-trusted", stale) if each.title == PROXIES]
    assert check.remedy == "restart statefulset/c in a and deployment/b in shop"


def test_an_event_tells_of_one_controller_and_not_of_three() -> None:
    early = Controller("x", CHANGED - HOUR)
    told = (event(UPDATED, 29 * HOUR),)
    assert signing_since(seen("issuer-switched", controllers=(early,), events=told)) == NOW - 29 * HOUR
    assert signing_since(seen("issuer-switched", controllers=(early, early), events=told)) is None


def test_which_anchors_a_bundle_can_be() -> None:
    old, new = anchors("old", "new")
    stands = standing((new, old), "both-trusted")
    assert stands
    assert (stands.signs, stands.trusts) == (old, (old, new))
    assert standing((old,), "both-trusted") is None
    assert standing((), "steady") is None
