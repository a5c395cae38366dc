"""The way between two edges: what lies on it, what breaks, and what would be deleted."""

import json

import pytest

from meshwright.catalog import load_catalog
from meshwright.cli.app import main
from meshwright.errors import ConfigError
from meshwright.linkerd.upgrade.plan import PARTS, deletes_gateway_api, plan_upgrade

FACTS = load_catalog().linkerd_upgrades


def hops(start: str, target: str, gateway_api: str = "") -> list[tuple[str, str, str]]:
    return [(each.start, each.target, each.chart_version) for each in plan_upgrade(start, target, FACTS, gateway_api)]


def test_no_version_is_skipped() -> None:
    assert hops("2.17", "edge-26.8.3") == [
        ("edge-24.11.8", "edge-25.4.4", "2025.4.4"),
        ("edge-25.4.4", "edge-25.10.7", "2025.10.7"),
        ("edge-25.10.7", "edge-26.8.3", "2026.8.3"),
    ]
    assert hops("edge-25.5.1", "2.19") == [("edge-25.5.1", "edge-25.10.7", "2025.10.7")]


def test_each_breaking_edge_on_the_way_is_named_at_its_part() -> None:
    (hop,) = plan_upgrade("2.20", "edge-26.8.3", FACTS)
    assert tuple(step.part for step in hop.steps) == PARTS
    assert [(step.part, change.edge) for step in hop.steps for change in step.changes] == [
        ("control-plane", "edge-26.7.1")
    ]
    (hop,) = plan_upgrade("2.18", "2.19", FACTS)
    assert [(each.edge, each.name) for each in hop.steps[0].changes] == [("edge-25.9.4", "gateway-api-default")]
    assert [each.name for each in hop.steps[2].changes] == ["jaeger"]


def test_what_runs_has_been_through_its_own_changes() -> None:
    (hop,) = plan_upgrade("edge-26.7.1", "edge-26.8.3", FACTS)
    assert not any(step.changes for step in hop.steps)


@pytest.mark.parametrize(
    ("start", "target", "says"),
    [
        ("2.19", "2.18", "edge-25.4.4 is not newer than edge-25.10.7; name a newer edge (MW-E213)"),
        ("stable-2.14", "2.18", '"stable-2.14" is no edge release'),
        ("edge-23.1.1", "2.18", "edge-23.1.1 is older than what the catalog knows"),
    ],
)
def test_what_leads_nowhere(start: str, target: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        plan_upgrade(start, target, FACTS)
    assert says in str(caught.value)


def test_the_gateway_apis_crds_are_not_deleted() -> None:
    assert hops("2.17", "2.18", "linkerd")[0][1] == "edge-25.4.4"
    with pytest.raises(ConfigError) as caught:
        plan_upgrade("edge-24.11.8", "edge-25.4.4", FACTS, "linkerd", {"installGatewayAPI": False})
    assert "deletes the Gateway API's CRDs" in str(caught.value)
    assert "(MW-E214)" in str(caught.value)


@pytest.mark.parametrize(
    ("start", "target", "values", "deleted"),
    [
        ("edge-24.11.8", "edge-25.4.4", {}, False),
        ("edge-24.11.8", "edge-25.4.4", {"installGatewayAPI": False}, True),
        ("edge-24.11.8", "edge-25.10.7", {}, True),
        ("edge-24.11.8", "edge-25.10.7", {"installGatewayAPI": True}, False),
        ("edge-25.4.4", "edge-25.10.7", {}, False),
    ],
)
def test_helm_deletes_what_no_release_kept(start: str, target: str, values: dict[str, object], deleted: bool) -> None:
    assert deletes_gateway_api(start, target, values, FACTS) is deleted


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    given = ["linkerd", "upgrade", "plan", "--from", "2.17", "--to", "2.19"]
    assert main(given) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("edge-24.11.8 to edge-25.4.4   charts 2025.4.4; nothing was changed\n")
    assert "  1. crds   upgrade linkerd-crds\n     breaks: edge-25.3.1 gateway-api-keep: " in printed
    assert main([*given, "--linkerd-owns-gateway-api", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [each["target"] for each in said["hops"]] == ["edge-25.4.4", "edge-25.10.7"]


def test_the_command_refuses_to_leave_the_crds_out_too_early(capsys: pytest.CaptureFixture[str]) -> None:
    given = ["linkerd", "upgrade", "plan", "--from", "2.17", "--to", "2.18"]
    assert main([*given, "--linkerd-owns-gateway-api", "--without-gateway-api"]) == 2
    assert "(MW-E214)" in capsys.readouterr().err
