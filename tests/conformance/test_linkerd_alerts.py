"""Prometheus' own tool takes Linkerd's rules, and each fires when it should and only then."""

import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshwright.linkerd.observability.alerts import ANCHOR_EXPIRY, Watched, alerts, recordings
from tests.conformance.linkerd_alert_cases import CASES
from tests.conformance.test_alerts import judged, told
from tests.servers.programs import CHECKOUT, find_program, require_programs

END = datetime(2036, 11, 20, tzinfo=UTC)
WATCHED = Watched(anchors={"2026": END}, kube_state_metrics=True, multicluster=True)
ALERTS = {alert.name: alert for alert in alerts(WATCHED)}
# The texts link to the page that the shared helper of the tests names.
RUNBOOKS = "docs/istio/runbooks.md"


def promtool(folder: Path, verb: str, tests: list[dict[str, Any]], *, recorded: bool = False) -> str:
    """What `promtool check rules` or `promtool test rules` has to say; empty where it is content."""
    require_programs("promtool")
    rules = [*(recordings(WATCHED) if recorded else ()), *(each.rule(RUNBOOKS, {}) for each in ALERTS.values())]
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "linkerd", "rules": rules}]}))
    content = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": tests}
    (folder / "tests.yaml").write_text(yaml.safe_dump(content, width=10_000))
    file = folder / {"check": "rules.yaml", "test": "tests.yaml"}[verb]
    done = subprocess.run([find_program("promtool"), verb, "rules", str(file)], capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_every_alert_has_a_case_and_a_runbook() -> None:
    assert list(CASES) == list(ALERTS)
    sections = re.findall(r"(?m)^## (\w+)$", (CHECKOUT / "docs/linkerd/runbooks.md").read_text("utf-8"))
    assert sorted(sections) == sorted(ALERTS)


def test_promtool_takes_the_rules(tmp_path: Path) -> None:
    assert promtool(tmp_path, "check", [], recorded=True) == ""


@pytest.mark.parametrize("name", CASES)
def test_it_fires_when_it_should_and_only_then(name: str, tmp_path: Path) -> None:
    alert, case = ALERTS[name], CASES[name]
    tests = [judged(alert, case, case.firing, [told(alert, case)]), judged(alert, case, case.quiet, [])]
    assert promtool(tmp_path, "test", tests) == ""


def test_a_controller_that_is_gone_altogether_is_missed(tmp_path: Path) -> None:
    alert, case = ALERTS["LinkerdControlPlaneDown"], CASES["LinkerdControlPlaneDown"]
    series = {key: values for key, values in case.firing.items() if 'component="identity"' not in key}
    labels = {"job": "linkerd-controller", "namespace": "linkerd", "component": "identity"}
    fires = told(alert, case._replace(labels=labels))
    assert promtool(tmp_path, "test", [judged(alert, case, series, [fires])]) == ""


def test_the_end_of_an_anchor_is_recorded(tmp_path: Path) -> None:
    recorded = {
        "interval": "1m",
        "input_series": [
            {
                "series": 'certmanager_certificate_expiration_timestamp_seconds{name="linkerd-trust-2027"}',
                "values": "5x60",
            }
        ],
        "promql_expr_test": [
            {
                "expr": ANCHOR_EXPIRY,
                "eval_time": "5m",
                "exp_samples": [
                    {"labels": f'{ANCHOR_EXPIRY}{{anchor="2026"}}', "value": END.timestamp()},
                    {"labels": f'{ANCHOR_EXPIRY}{{anchor="2027"}}', "value": 5},
                ],
            }
        ],
    }
    assert promtool(tmp_path, "test", [recorded], recorded=True) == ""


def test_the_tests_can_fail(tmp_path: Path) -> None:
    alert, case = ALERTS["LinkerdGatewayDown"], CASES["LinkerdGatewayDown"]
    assert "FAILED" in promtool(tmp_path, "test", [judged(alert, case, case.firing, [])])
