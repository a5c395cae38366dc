"""A plan is run one command at a time, journaled before and after each, resumed, and taken back."""

from __future__ import annotations

import getpass
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from meshwright.breakglass import run
from meshwright.breakglass.journal import Order, begin, go_on
from meshwright.breakglass.plan import Plan, Step
from meshwright.errors import ConfigError
from tests.unit.istio.breakglass.fake_kubectl import FakeKubectl, kubectl

__all__ = ["kubectl"]

ORDER = Order("prod eu", "/kube", "report job is cut off", 4.0)
CLUSTER = "--context=prod eu --kubeconfig=/kube"
STEPS = (
    Step("one opens", ("patch", "one", "--patch={}"), ("unpatch", "one")),
    Step("two is made", ("apply", "--filename=-"), ("delete", "two"), manifest='{"kind":"Two"}', done_if_says="exists"),
    Step("three restarts", ("rollout", "restart", "three")),
)
PLAN = Plan("scenario", "goal", "target", ("risk",), STEPS, ("afterwards",))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def first_run(path: Path) -> list[tuple[int, str]]:
    told: list[tuple[int, str]] = []
    with begin(path, PLAN, ORDER) as journal:
        run.apply(PLAN, ORDER, journal, ["", "", ""], lambda number, state: told.append((number, state)))
    return told


def again(path: Path, what: Any) -> tuple[str, ...]:
    with go_on(path) as (journal, record):
        assert (record.plan, record.order) == (PLAN, ORDER)
        what(record.plan, record.order, journal, record.states, lambda *_: None)
        return record.states


def test_commands_run_in_order_with_their_input_and_all_is_journaled(kubectl: FakeKubectl, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    told = first_run(path)
    assert kubectl.calls() == [
        (["--context=prod eu", "--kubeconfig=/kube", "patch", "one", "--patch={}"], ""),
        (["--context=prod eu", "--kubeconfig=/kube", "apply", "--filename=-"], '{"kind":"Two"}'),
        (["--context=prod eu", "--kubeconfig=/kube", "rollout", "restart", "three"], ""),
    ]
    assert told == [(0, "runs"), (0, "done"), (1, "runs"), (1, "done"), (2, "runs"), (2, "done")]
    plan, *steps = lines(path)
    assert (plan["entry"], plan["order"]["reason"], plan["order"]["context"]) == (
        "plan",
        "report job is cut off",
        "prod eu",
    )
    assert plan["expires"] > plan["time"]
    assert all(set(each) >= {"time", "who"} for each in (plan, *steps))
    assert [(each["entry"], each["step"], each["state"]) for each in steps] == [
        ("begin", 0, "begun"), ("end", 0, "done"), ("begin", 1, "begun"), ("end", 1, "done"), ("begin", 2, "begun"), ("end", 2, "done"),
    ]  # fmt: skip
    assert (steps[0]["command"], steps[1]["status"], steps[1]["said"]) == (["patch", "one", "--patch={}"], 0, "patched")
    assert path.stat().st_mode & 0o777 == 0o600


def test_it_stops_in_the_middle_and_goes_on_there(kubectl: FakeKubectl, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    kubectl.fail({"apply": "error: the server\nis busy"})
    with pytest.raises(ConfigError) as caught:
        first_run(path)
    assert str(caught.value) == (
        f"{path}: step 2 failed: error: the server is busy; see the reason; then `meshwright istio break-glass resume "
        f"{path}`, or `undo` with it (MW-E173)"
    )
    assert kubectl.commands() == [f"{CLUSTER} patch one --patch={{}}", f"{CLUSTER} apply --filename=-"]
    kubectl.fail({})
    assert again(path, run.apply) == ("done", "begun", "")
    assert kubectl.commands() == [f"{CLUSTER} apply --filename=-", f"{CLUSTER} rollout restart three"]
    assert again(path, run.apply) == ("done", "done", "done")
    assert kubectl.commands() == []


def test_a_step_whose_end_was_not_seen_counts_as_done_if_it_was(kubectl: FakeKubectl, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    kubectl.fail({"apply": "two exists"})
    with pytest.raises(ConfigError, match="two exists"):
        first_run(path)
    again(path, run.apply)
    assert lines(path)[-1]["state"] == "done"


def test_it_is_taken_back_the_last_first_and_only_what_was_begun(kubectl: FakeKubectl, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    kubectl.fail({"rollout": ""})
    with pytest.raises(ConfigError, match="kubectl ended with status 1"):
        first_run(path)
    kubectl.calls()
    kubectl.fail({"unpatch": "no"})
    with pytest.raises(ConfigError, match="step 1 failed: no"):
        again(path, run.undo)
    assert kubectl.commands() == [f"{CLUSTER} delete two", f"{CLUSTER} unpatch one"]
    kubectl.fail({})
    assert again(path, run.undo) == ("undoing", "undone", "begun")
    assert kubectl.commands() == [f"{CLUSTER} unpatch one"]
    assert again(path, run.undo)[:2] == ("undone", "undone")
    assert kubectl.commands() == []


def test_taking_back_goes_on_where_its_end_was_not_seen(kubectl: FakeKubectl, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    first_run(path)
    kubectl.fail({"delete": "two exists"})
    with pytest.raises(ConfigError, match="step 2 failed: two exists"):
        again(path, run.undo)
    assert again(path, run.undo) == ("done", "undoing", "done")
    assert [each["state"] for each in lines(path) if each["entry"] == "end"][-2:] == ["undone", "undone"]


def test_a_torn_line_is_a_step_that_began(kubectl: FakeKubectl, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    first_run(path)
    path.write_bytes(path.read_bytes()[:-20])
    kubectl.calls()
    assert again(path, run.apply) == ("done", "done", "begun")
    assert kubectl.commands() == [f"{CLUSTER} rollout restart three"]
    assert again(path, run.apply) == ("done", "done", "done")


def test_who_has_no_name_is_journaled_by_number(
    kubectl: FakeKubectl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr(getpass, "getuser", nobody)
    first_run(tmp_path / "journal")
    assert lines(tmp_path / "journal")[0]["who"].startswith(f"uid {os.getuid()}@")


def test_a_command_without_an_end(kubectl: FakeKubectl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("kubectl", 600)

    monkeypatch.setattr(subprocess, "run", hang)
    with pytest.raises(ConfigError, match="step 1 failed: no end after 600 s"):
        first_run(tmp_path / "journal")


@pytest.mark.parametrize(("told", "limit"), [("300s", 600), ("12000s", 12060)])
def test_kubectl_may_wait_as_long_as_it_is_told_to(
    kubectl: FakeKubectl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str, limit: float
) -> None:
    given: list[float] = []

    def note(*_: object, timeout: float, **__: object) -> subprocess.CompletedProcess[str]:
        given.append(timeout)
        return subprocess.CompletedProcess([], 0, "", "")

    monkeypatch.setattr(subprocess, "run", note)
    waits = Plan("s", "g", "t", (), (Step("it waits", ("rollout", "status", f"--timeout={told}")),), ())
    with begin(tmp_path / "journal", waits, ORDER) as journal:
        run.apply(waits, ORDER, journal, [""], lambda *_: None)
    assert given == [limit]


@pytest.mark.parametrize("text", ["", "nonsense\n", "[]\n", '{"entry": "plan"}\n', '{"plan": {"steps": [{"x": 1}]}}\n'])
def test_what_is_no_journal(tmp_path: Path, text: str) -> None:
    path = tmp_path / "journal"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught, go_on(path):
        pass
    assert str(caught.value) == f"{path}: is no journal of a break-glass; name the file that it told of (MW-E174)"


def test_a_journal_is_never_written_over_and_belongs_to_one_run(kubectl: FakeKubectl, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    first_run(path)
    with pytest.raises(ConfigError, match="is there already; name a new file by --journal"):
        first_run(path)
    with go_on(path), pytest.raises(ConfigError, match="is in use by another run"), go_on(path):
        pass
    with pytest.raises(ConfigError, match="can't be opened: no such file or directory"), go_on(tmp_path / "gone"):
        pass
