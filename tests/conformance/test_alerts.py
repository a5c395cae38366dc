"""Prometheus' own tool takes our rules, and each fires when it should and only then."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshwright.istio.observability.alerts import alerts
from meshwright.observability.alerts import Alert
from tests.conformance.alert_cases import CASES, Case, Series
from tests.servers.programs import CHECKOUT, find_program, require_programs

EXPECTED = [("catalog", "waypoint"), ("shop", "waypoint")]
ALERTS = {alert.name: alert for alert in alerts(EXPECTED, kube_state_metrics=True)}
RUNBOOKS = "docs/istio/runbooks.md"


def promtool(folder: Path, verb: str, tests: list[dict[str, Any]]) -> str:
    """What `promtool check rules` or `promtool test rules` has to say; empty where it is content."""
    require_programs("promtool")
    rules = {"groups": [{"name": "istio-ambient", "rules": [each.rule(RUNBOOKS, {}) for each in ALERTS.values()]}]}
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules))
    (folder / "tests.yaml").write_text(
        yaml.safe_dump({"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": tests}, width=10_000)
    )
    file = folder / {"check": "rules.yaml", "test": "tests.yaml"}[verb]
    done = subprocess.run([find_program("promtool"), verb, "rules", str(file)], capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def judged(alert: Alert, case: Case, series: Series, expected: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [{"eval_time": case.at, "alertname": alert.name, "exp_alerts": expected}],
    }


def told(alert: Alert, case: Case) -> dict[str, Any]:
    """The alert as Alertmanager gets it: with the labels and the value in its texts."""
    rule = alert.rule(RUNBOOKS, {})

    def filled(text: str) -> str:
        text = text.replace("{{ $value | humanizeDuration }}", case.value)
        return re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda match: case.labels.get(match[1], ""), text)

    annotations = {key: filled(text) for key, text in rule["annotations"].items()}
    return {"exp_labels": {**case.labels, "severity": alert.severity}, "exp_annotations": annotations}


def test_every_alert_has_a_case() -> None:
    assert set(CASES) == set(ALERTS)


def test_promtool_takes_the_rules(tmp_path: Path) -> None:
    assert promtool(tmp_path, "check", []) == ""


@pytest.mark.parametrize("name", CASES)
def test_it_fires_when_it_should_and_only_then(name: str, tmp_path: Path) -> None:
    alert, case = ALERTS[name], CASES[name]
    tests = [judged(alert, case, case.firing, [told(alert, case)]), judged(alert, case, case.quiet, [])]
    assert promtool(tmp_path, "test", tests) == ""


def test_a_waypoint_that_is_gone_altogether_is_missed(tmp_path: Path) -> None:
    alert, case = ALERTS["WaypointDown"], CASES["WaypointDown"]
    labels = {"job": "waypoint", "namespace": "shop", "waypoint": "waypoint"}
    gone = case._replace(labels=labels)
    series = {'up{job="waypoint",namespace="catalog",waypoint="waypoint",pod="w-0"}': "1x60"}
    assert promtool(tmp_path, "test", [judged(alert, case, series, [told(alert, gone)])]) == ""


@pytest.mark.parametrize(("name", "job"), [("IstiodDown", "istiod"), ("ZtunnelDown", "ztunnel")])
def test_what_is_gone_altogether_is_missed(name: str, job: str, tmp_path: Path) -> None:
    alert, case = ALERTS[name], CASES[name]._replace(labels={"job": job})
    assert promtool(tmp_path, "test", [judged(alert, case, {"up": "1x60"}, [told(alert, case)])]) == ""


def test_the_tests_can_fail(tmp_path: Path) -> None:
    alert, case = ALERTS["IstiodDown"], CASES["IstiodDown"]
    assert "FAILED" in promtool(tmp_path, "test", [judged(alert, case, case.firing, [])])


def test_every_alert_has_a_runbook() -> None:
    sections = re.findall(r"(?m)^## (\w+)$", (CHECKOUT / RUNBOOKS).read_text("utf-8"))
    assert sorted(sections) == sorted(ALERTS)
