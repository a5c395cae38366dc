"""The steps of a rotation, for every mesh."""

from datetime import date
from itertools import product
from typing import Any

import pytest

from meshwright.certs.rotation import ISTIO_STEPS, LINKERD_STEPS, Stand, Steps, stand, step_mistakes


def mistakes(steps: Steps, step: str, before: str | None, **more: Any) -> list[str]:
    days = {"since": date(2026, 11, 10), "before_since": date(2026, 11, 8), "has_next": step != "steady", **more}
    return ["; ".join(each) for each in step_mistakes(steps, step, before=before, **days)]


@pytest.mark.parametrize("steps", [ISTIO_STEPS, LINKERD_STEPS])
def test_what_signs_and_what_is_trusted(steps: Steps) -> None:
    assert [stand(step, "old", "new") for step in steps.names] == [
        Stand("old", ("old",)),
        Stand("old", ("old", "new")),
        Stand("new", ("new", "old")),
        Stand("new", ("new",)),
    ]
    assert stand("steady", "old", None) == Stand("old", ("old",))


def test_the_next_step() -> None:
    assert [LINKERD_STEPS.next(step) for step in LINKERD_STEPS.names] == [*LINKERD_STEPS.names[1:], None]


def test_which_steps_of_linkerd_may_follow_each_other() -> None:
    names = LINKERD_STEPS.names
    allowed = {(before, step) for before, step in product(names, names) if not mistakes(LINKERD_STEPS, step, before)}
    assert allowed == {
        ("steady", "both-trusted"),
        ("both-trusted", "issuer-switched"),
        ("issuer-switched", "old-removed"),
        ("old-removed", "steady"),
        # The ways back: none once the old anchor was removed.
        ("both-trusted", "steady"),
        ("issuer-switched", "both-trusted"),
    }


def test_linkerd_has_no_way_back_once_the_old_anchor_was_removed() -> None:
    assert mistakes(LINKERD_STEPS, "issuer-switched", "old-removed") == [
        (
            "step is issuer-switched, and the step before it was old-removed: proxies of the two don't trust each other; "
            "both-trusted comes before it"
        )
    ]
    assert mistakes(ISTIO_STEPS, "switched", "old-removed") == []


def test_a_step_of_linkerd_that_comes_too_early() -> None:
    assert mistakes(LINKERD_STEPS, "old-removed", "issuer-switched", before_since=date(2026, 11, 9)) == [
        (
            "step is old-removed since 2026-11-10, and issuer-switched had begun on 2026-11-09; wait 2 days: until then "
            "some proxies still hold certificates and roots of the step before"
        )
    ]
