"""What Consul's chart would refuse, from values alone. `tests/conformance` asks the chart the same."""

from typing import Any

import pytest

from meshwright.consul.budgets import blocked_drain
from meshwright.consul.chart_checks import chart_problems
from meshwright.kubernetes.chart_values import merge
from tests.unit.consul.refused import OURS, REFUSED, SOUND


@pytest.mark.parametrize(("given", "message"), [(each.values, each.message) for each in (*REFUSED, *OURS)])
def test_a_refusal_is_told(given: dict[str, Any], message: str) -> None:
    told = [str(each) for each in chart_problems(merge(SOUND, given), {}, "Consul mesh")]
    assert any(message in line for line in told), told
    assert all(line.endswith("(MW-E232)") for line in told if message in line)


def test_sound_values_are_not() -> None:
    assert list(chart_problems(SOUND, SOUND, "Consul mesh")) == []


@pytest.mark.parametrize(
    ("replicas", "budget", "blocked"),
    [
        (1, {}, True),
        (1, {"maxUnavailable": 1}, True),
        (1, {"enabled": False}, False),
        (2, {}, True),
        (2, {"maxUnavailable": 1}, False),
        (2, {"maxUnavailable": "10%"}, False),
        (2, {"maxUnavailable": "0%"}, True),
        (3, {}, False),
        (4, {}, False),
        (3, {"minAvailable": 2}, False),
        (3, {"minAvailable": 3}, True),
        (3, {"minAvailable": "90%"}, True),
        (3, {"minAvailable": "50%"}, False),
        (3, {"minAvailable": "most"}, False),
    ],
)
def test_the_injectors_budget_by_the_charts_arithmetic(replicas: int, budget: dict[str, Any], blocked: bool) -> None:
    assert bool(blocked_drain(replicas, budget)) is blocked


@pytest.mark.parametrize(("budget", "blocked"), [({}, True), ({"enabled": True}, True), ({"enabled": False}, False)])
def test_one_server_has_no_budget(budget: dict[str, Any], blocked: bool) -> None:
    values = merge(SOUND, {"server": {"replicas": 1, "disruptionBudget": budget}})
    codes = [str(each.code) for each in chart_problems(values, {}, "Consul mesh")]
    assert codes == (["MW-E231"] if blocked else [])


ENFORCE: dict[str, Any] = {"limits": {"requestLimits": {"mode": "enforce"}}}
RATE = '{"limits": {"request_limits": {"write_rate": 200}}}'


@pytest.mark.parametrize(
    ("server", "told"),
    [
        (ENFORCE, True),
        (merge(ENFORCE, {"extraConfig": "{}"}), True),
        (merge(ENFORCE, {"extraConfig": RATE}), False),
        (merge(ENFORCE, {"limits": {"requestLimits": {"readRate": 500}}}), False),
        (merge(ENFORCE, {"extraConfig": "{{ tpl }}"}), False),
        ({"limits": {"requestLimits": {"mode": "permissive"}}}, False),
    ],
)
def test_limits_without_a_rate_enforce_nothing(server: dict[str, Any], told: bool) -> None:
    lines = [str(each) for each in chart_problems(merge(SOUND, {"server": server}), {}, "Consul mesh")]
    assert [line.endswith("or leave request_limits out (MW-E232)") for line in lines] == ([True] if told else [])


def test_values_of_other_shapes_are_left_to_the_chart() -> None:
    for given in ({"connectInject": "none"}, {"connectInject": {"disruptionBudget": "none"}}, {"server": "none"}):
        assert list(chart_problems(merge(SOUND, given), given, "Consul mesh")) == []
