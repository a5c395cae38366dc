import pytest

from meshwright.config import LADDERS


def test_ladders_begin_outside_and_end_strict() -> None:
    for ladder in LADDERS.values():
        assert ladder.phases[0] == "unmeshed"
        assert ladder.phases[-1] in ladder.strict
        assert not ladder.strict & ladder.permissive
        assert ladder.strict | ladder.permissive == set(ladder.phases[1:])


def test_steps() -> None:
    linkerd = LADDERS["linkerd"]
    assert linkerd.step("unmeshed", "deny") == 3
    assert linkerd.step("deny", "authenticated") == -1
    assert linkerd.step("audit", "audit") == 0
    with pytest.raises(ValueError, match="not in tuple"):
        linkerd.step("permissive", "deny")
