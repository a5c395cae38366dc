"""Prometheus' own tool takes Consul's rules, and each fires when it should and only then."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshwright.consul.observability.alerts import Watched, alerts
from tests.conformance.consul_alert_cases import CASES
from tests.conformance.test_alerts import judged, told
from tests.servers.programs import CHECKOUT, find_program, require_programs

ALERTS = {alert.name: alert for alert in alerts(Watched(vault=True))}
# The texts link to the page that the shared helper of the tests names.
RUNBOOKS = "docs/istio/runbooks.md"


def promtool(folder: Path, verb: str, tests: list[dict[str, Any]]) -> str:
    """What `promtool check rules` or `promtool test rules` has to say; empty where it is content."""
    require_programs("promtool")
    rules = {"groups": [{"name": "consul", "rules": [each.rule(RUNBOOKS, {}) for each in ALERTS.values()]}]}
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules))
    content = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": tests}
    (folder / "tests.yaml").write_text(yaml.safe_dump(content, width=10_000))
    file = folder / {"check": "rules.yaml", "test": "tests.yaml"}[verb]
    done = subprocess.run([find_program("promtool"), verb, "rules", str(file)], capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_every_alert_has_a_case_and_a_runbook() -> None:
    assert list(CASES) == list(ALERTS)
    sections = re.findall(r"(?m)^## (\w+)$", (CHECKOUT / "docs/consul/runbooks.md").read_text("utf-8"))
    assert sorted(sections) == sorted(ALERTS)


def test_promtool_takes_the_rules(tmp_path: Path) -> None:
    assert promtool(tmp_path, "check", []) == ""


@pytest.mark.parametrize("name", CASES)
def test_it_fires_when_it_should_and_only_then(name: str, tmp_path: Path) -> None:
    alert, case = ALERTS[name], CASES[name]
    tests = [judged(alert, case, case.firing, [told(alert, case)]), judged(alert, case, case.quiet, [])]
    assert promtool(tmp_path, "test", tests) == ""


def test_servers_that_are_gone_altogether_are_missed(tmp_path: Path) -> None:
    alert, case = ALERTS["ConsulNoLeader"], CASES["ConsulNoLeader"]
    fires = told(alert, case._replace(labels={"job": "consul-server"}))
    assert promtool(tmp_path, "test", [judged(alert, case, {"up": "1x60"}, [fires])]) == ""
