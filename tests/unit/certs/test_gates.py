"""When a rotation may go on, and what keeps it from that."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from meshwright.certs.checks import Check, Move, Verdict, verdict_of
from meshwright.certs.gates import gate
from meshwright.certs.generations import Generation, Told, standing
from meshwright.certs.observed import INVALID, SKIPPED, UPDATED, Controller, Observed
from meshwright.certs.proxies import restarts
from meshwright.certs.signing import signing_since
from tests.unit.certs.scenes import CHANGED, HOUR, NOW, anchors, event, issuer, proxy, seen, signed_anew

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


@pytest.mark.parametrize("updates", [1, 2, 3])
def test_one_replica_that_took_the_issuer_does_not_speak_for_the_others(updates: int) -> None:
    pods = tuple(Controller(f"linkerd/linkerd-identity-{number}", NOW - 29 * HOUR) for number in range(3))
    told = (event(SKIPPED, 2 * HOUR, "no"), *[event(UPDATED, HOUR)] * updates)
    assert complaints("both-trusted", seen(controllers=pods, events=told)) == (
        [] if updates == 3 else [("failed", REFUSED)]
    )


def test_a_replica_that_was_started_since_took_the_issuer_and_the_others_have_to_say_so() -> None:
    pods = (Controller("linkerd/a", NOW - HOUR), *(Controller(each, NOW - 29 * HOUR) for each in ("linkerd/b", "c")))
    skipped = event(SKIPPED, 2 * HOUR, "no")
    for updates, expected in ((1, [("failed", REFUSED)]), (2, [])):
        events = (skipped, *[event(UPDATED, 1.5 * HOUR)] * updates)
        assert complaints("both-trusted", seen(controllers=pods, events=events)) == expected


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


TOLD = Told(Generation("2026"), Generation("2027"))


def test_an_anchor_that_was_signed_anew_in_the_middle_stays_the_old_one() -> None:
    renewed, (old, new) = signed_anew(), anchors("old", "new")
    assert renewed.not_valid_before_utc > new.not_valid_before_utc
    for bundle in ((renewed, new), (new, renewed)):
        stands = standing(bundle, "both-trusted", TOLD)
        assert stands
        assert (stands.signs, stands.trusts) == (renewed, (renewed, new))
    first, second = (Generation(certificates=frozenset({each})) for each in (old, new))
    by_itself = Told(first, second)
    stands = standing((new, renewed), "issuer-switched", by_itself)
    assert stands
    assert stands.signs == new


def test_an_update_that_never_came_is_not_taken_for_the_switch() -> None:
    # By age the old anchor is the new one, and has signed the issuer.
    never = seen("issuer-switched", bundle=(signed_anew(), *anchors("new")), issuer=(issuer("old").certificate,))
    move = Move("issuer-switched", "old-removed", date(2026, 11, 22))
    asked = replace(never, issuer_since=NOW - 200 * HOUR)
    title = "the issuer was changed since issuer-switched began"
    assert title in {each.title for each in gate([asked], move, NOW) if each.verdict is Verdict.FAILED}
    signed = [each for each in gate([never], move, NOW, [TOLD]) if "has signed the issuer" in each.title]
    assert [each.verdict for each in signed] == [Verdict.FAILED]


def test_an_anchor_of_another_cluster_is_not_taken_for_the_next_one() -> None:
    # Steady still: the update to both-trusted never came, and the younger anchor is another cluster's.
    told = Told(Generation("2026"), Generation("2028"), others=True)
    move = Move("both-trusted", "issuer-switched", date(2026, 11, 20))
    (check,) = gate([seen("both-trusted")], move, NOW, [told])
    assert (check.verdict, check.title) == (Verdict.FAILED, BUNDLE.format("both-trusted"))
    assert verdict_of(gate([seen("both-trusted")], move, NOW, [Told(others=True)])) is Verdict.UNKNOWN
    # What is told finds them among others.
    more = seen("steady", bundle=anchors("old", "new"), proxies=(proxy("a/b", "c", "old", "new"),))
    assert (
        complaints_of(gate([more], Move("steady", "both-trusted"), NOW, [replace(TOLD, new=None, others=True)])) == []
    )
    assert complaints_of(gate([more], Move("steady", "both-trusted"), NOW, [replace(TOLD, new=None)])) == [
        ("unknown", BUNDLE.format("steady"))
    ]


def complaints_of(checks: tuple[Check, ...]) -> list[tuple[str, str]]:
    return [(each.verdict, each.title) for each in checks if each.verdict != "passed"]


def test_a_proxy_with_the_certificate_before_of_the_same_key_goes_on() -> None:
    renewed = seen(bundle=(signed_anew(), *anchors("new")))
    assert restarts(renewed, NOW) == ()
    assert complaints_of(gate([renewed], Move("both-trusted", "issuer-switched"), NOW, [TOLD])) == []
    # Half of what was left has gone by, or it has ended.
    for years in (5, 12):
        assert restarts(renewed, NOW + timedelta(days=365 * years)) == (("shop", "deployment/cart"),)
    stranger = seen(bundle=(signed_anew(),), proxies=(proxy("a/b", "deployment/b", "new"),))
    assert restarts(stranger, NOW) == (("a", "deployment/b"),)


def test_leaves_live_as_long_as_the_controllers_say() -> None:
    longer = seen("issuer-switched", leaf_lifetime=72 * HOUR)
    assert complaints("issuer-switched", longer) == [("failed", LEAVES.replace("24", "72"))]
    assert complaints("issuer-switched", replace(longer, leaf_lifetime=6 * HOUR)) == []


def test_proxies_on_machines_and_clusters_that_nobody_named_are_unknown() -> None:
    outside = ("unknown", "every proxy outside of the cluster has the bundle")
    assert complaints("both-trusted", seen(outside=("shop/vm-1",))) == [outside]
    linked = ("unknown", "every linked cluster is looked at")
    eu, us = seen(linked=("us",)), seen(name="us", linked=("eu",))
    assert complaints("both-trusted", eu) == [linked]
    assert complaints("both-trusted", eu, us) == []
    # One that was left behind goes alone, and the other has been looked at.
    assert complaints_of(gate([us], Move("both-trusted", "issuer-switched", clusters=("", "")), NOW)) == []


def test_linked_clusters_are_known_by_their_names() -> None:
    linked = ("unknown", "every linked cluster is looked at")
    told = Told(Generation("2026"), Generation("2027"))
    europe, asia = replace(told, cluster="eu"), replace(told, cluster="asia")
    eu, other = seen(linked=("us",)), seen(name="other")
    move = Move("both-trusted", "issuer-switched")
    # As many as are linked, but not those.
    (check,) = [each for each in gate([eu, other], move, NOW, [europe, asia]) if each.verdict is Verdict.UNKNOWN]
    assert (check.cluster, check.title) == (eu.name, linked[1])
    assert check.reasons == ("it is linked with us; stacks that were named, and may be theirs: 0",)
    assert complaints_of(gate([eu, other], move, NOW, [europe, replace(told, cluster="us")])) == []
    assert complaints_of(gate([eu, other], move, NOW, [europe, told])) == []
    more = replace(eu, linked=("asia", "us"))
    assert complaints_of(gate([more, other], move, NOW, [europe, told])) == [linked]
    assert complaints_of(gate([more], replace(move, clusters=("eu", "asia", "us")), NOW, [europe])) == []
