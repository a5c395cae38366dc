"""What each step asks of Consul, of the chart and of Vault."""

import pytest

from meshwright.certs.rotation import CONSUL_STEPS
from meshwright.consul.ca.rotation import Root, RootStand, default_root_path, expected_live, root_mistakes, root_stand

OLD, NEW = Root(path="old"), Root(path="new")
BUILT_IN = Root("consul")


def test_what_the_steps_ask_for() -> None:
    assert [root_stand(step, OLD, NEW) for step in CONSUL_STEPS.names] == [
        RootStand(OLD, OLD, ("old",), ()),
        RootStand(OLD, OLD, ("old", "new"), ("old", "new")),
        RootStand(NEW, OLD, ("old", "new"), ("old", "new")),
        RootStand(NEW, NEW, ("new",), ()),
    ]
    assert root_stand("steady", OLD, None) == RootStand(OLD, OLD, ("old",), ())


def test_after_the_last_step_the_new_root_is_the_root_and_nothing_changes() -> None:
    assert root_stand("old-pruned", OLD, NEW) == root_stand("steady", NEW, None)


def test_nobody_may_cross_sign_where_it_was_done_without() -> None:
    assert root_stand("switched", OLD, NEW, is_forced=True).cross_signs == ()


def test_a_change_of_provider() -> None:
    # Consul's own provider cross-signs by itself; Vault's root has to be asked for it.
    assert [root_stand(step, BUILT_IN, NEW).mounts for step in CONSUL_STEPS.names] == [(), ("new",), ("new",), ("new",)]
    assert [root_stand(step, OLD, BUILT_IN).cross_signs for step in CONSUL_STEPS.names] == [(), ("old",), ("old",), ()]
    assert str(BUILT_IN) == "Consul's own"


@pytest.mark.parametrize(
    ("step", "before", "allowed"),
    [
        ("cross-signing", "steady", {OLD}),
        ("cross-signing", "switched", {OLD, NEW}),
        ("switched", "cross-signing", {OLD, NEW}),
        ("old-pruned", "switched", {NEW}),
        ("switched", "", {NEW}),
    ],
)
def test_what_may_be_live_when_a_step_is_applied(step: str, before: str, allowed: set[Root]) -> None:
    assert expected_live(step, before, OLD, NEW) == allowed


def test_what_was_changed_by_hand_is_live_already() -> None:
    assert expected_live("switched", "cross-signing", OLD, NEW, is_forced=True) == {NEW}


def test_roots_that_cant_take_each_others_place() -> None:
    assert list(root_mistakes(OLD, NEW)) == []
    assert list(root_mistakes(OLD, BUILT_IN)) == []
    assert list(root_mistakes(BUILT_IN, Root("consul", key_type="rsa", key_bits=2048))) == []
    (same,) = root_mistakes(OLD, OLD)
    assert same[0] == "has the path old, as the root has"
    (key,) = root_mistakes(OLD, Root(path="old", key_bits=384))
    assert key[0] == "has the path old, as the root has, and another key: Consul changes no key in its place"
    (kept,) = root_mistakes(BUILT_IN, BUILT_IN)
    assert "Consul would keep its root" in kept[0]


def test_where_a_root_is_unless_it_is_said() -> None:
    assert default_root_path("dc1") == "dc1/connect_root"
