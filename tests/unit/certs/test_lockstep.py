"""Stacks of one trust domain, step by step together."""

from dataclasses import replace
from datetime import date

import pytest

from meshwright.certs.lockstep import Recorded, Turn, refuse, turn
from meshwright.certs.rotation import LINKERD_STEPS
from meshwright.errors import ConfigError

EU = Recorded("eu", "both-trusted", date(2026, 11, 20), "steady", has_next=True)
US = replace(EU, name="us")


def moved(stack: Recorded, step: str) -> Recorded:
    return replace(stack, step=step, since=date(2026, 11, 22), before=stack.step, before_since=stack.since)


def test_all_go_together() -> None:
    assert turn((EU, US), LINKERD_STEPS) == Turn("both-trusted", "issuer-switched", (EU, US))
    assert turn((EU, US), LINKERD_STEPS, "steady") == Turn("both-trusted", "steady", (EU, US))


def test_who_was_left_behind_is_brought_on_first() -> None:
    ahead = moved(EU, "issuer-switched")
    assert turn((ahead, US), LINKERD_STEPS) == Turn("both-trusted", "issuer-switched", (US,))
    with pytest.raises(ConfigError) as told:
        turn((ahead, US), LINKERD_STEPS, "old-removed")
    assert str(told.value) == (
        "the stacks of one trust domain stand apart: eu at issuer-switched, us at both-trusted; bring those that lag "
        "behind on by themselves first (MW-E196)"
    )


def test_three_steps_at_once_are_too_many() -> None:
    with pytest.raises(ConfigError, match="MW-E196"):
        turn((EU, moved(US, "issuer-switched"), Recorded("asia", "steady")), LINKERD_STEPS)


def test_the_end() -> None:
    assert turn((moved(EU, "old-removed"),), LINKERD_STEPS) is None
    assert turn((EU,), LINKERD_STEPS, "both-trusted") is None


@pytest.mark.parametrize(
    ("stack", "to", "said"),
    [
        (Recorded("eu", "steady"), "issuer-switched", "the step before it was steady"),
        (Recorded("eu", "steady"), "both-trusted", "there is no next"),
        (EU, "old-removed", "the step before it was both-trusted"),
        (moved(EU, "issuer-switched"), "old-removed", "both wait"),
        (moved(EU, "old-removed"), "issuer-switched", "the step before it was old-removed"),
        (moved(EU, "old-removed"), "steady", "after old-removed comes no other step of this rotation"),
    ],
)
def test_steps_that_no_reason_makes_right(stack: Recorded, to: str, said: str) -> None:
    found = turn((stack,), LINKERD_STEPS, to)
    assert found
    with pytest.raises(ConfigError, match="MW-E197") as told:
        refuse(found, LINKERD_STEPS, date(2026, 11, 23))
    assert said in str(told.value) or "wait 2 days" in str(told.value)


def test_a_step_in_time_is_not_refused() -> None:
    found = turn((EU, US), LINKERD_STEPS)
    assert found
    refuse(found, LINKERD_STEPS, date(2026, 11, 23))
