"""The way between two edges: what lies on it, what breaks, and what would be deleted."""

import json
from pathlib import Path

import pytest

from meshwright.catalog import load_catalog
from meshwright.cli.app import main
from meshwright.errors import ConfigError
from meshwright.linkerd.upgrade.needs import needs_of
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


STACK = """config:
  meshwright:mesh:
    kind: linkerd
    version: "2.19"
    cluster: {{context: c, platform: kind, kubernetes_version: "{kubernetes}"}}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (tmp_path / "__main__.py").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_stack_says_what_runs_and_what_it_runs_on(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "Pulumi.prod.yaml").write_text(STACK.format(kubernetes="1.30") + "    gateway_api: {version: 1.2.1}\n")
    assert main(["linkerd", "upgrade", "plan", "--stack", "prod", "--to", "2.20"]) == 1
    printed = capsys.readouterr().out
    assert printed.startswith("edge-25.10.7 to edge-26.6.3")
    assert "  ! needs Kubernetes 1.31 to 1.35, and the stack has 1.30: change that first\n" in printed
    assert "    needs Gateway API 1.2.1 to 1.5.1; the stack has 1.2.1\n" in printed


def test_a_newer_kubernetes_is_untested(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "Pulumi.prod.yaml").write_text(STACK.format(kubernetes="1.36"))
    assert main(["linkerd", "upgrade", "plan", "prod", "--to", "2.20"]) == 0
    assert "  ! needs Kubernetes 1.31 to 1.35; 1.36 is newer than what was tested\n" in capsys.readouterr().out
    assert main(["linkerd", "upgrade", "plan", "prod", "--to", "2.20", "--json"]) == 0
    (hop,) = json.loads(capsys.readouterr().out)["hops"]
    kubernetes = {"what": "Kubernetes", "minimum": "1.31", "maximum": "1.35", "found": "1.36", "met": None}
    gateway_api = {"what": "Gateway API", "minimum": "1.2.1", "maximum": "1.5.1", "found": "", "met": None}
    assert hop["needs"] == [kubernetes, gateway_api]


def test_a_stack_may_say_that_it_is_an_upgrade(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (
        STACK.format(kubernetes="1.30").replace('"2.19"', '"2.18"')
        + '    upgrade: {from: "2.17", gateway_api: others}\n'
    )
    (project / "Pulumi.prod.yaml").write_text(text)
    assert main(["linkerd", "upgrade", "plan", "prod", "--to", "2.18"]) == 0
    assert capsys.readouterr().out.startswith("edge-24.11.8 to edge-25.4.4")


def test_only_a_stack_of_linkerds_edges_is_planned(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "Pulumi.prod.yaml").write_text("config:\n  meshwright:mesh: {kind: linkerd, channel: enterprise}\n")
    assert main(["linkerd", "upgrade", "plan", "prod", "--to", "2.20"]) == 2
    assert "the stack prod is none of Linkerd's channel edge" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("edge", "kubernetes", "gateway_api", "met"),
    [
        ("edge-25.4.4", "1.22", "1.1.1", [True, True]),
        ("edge-25.5.1", "1.21", "1.0.0", [False, False]),  # it follows 2.18
        ("edge-26.8.3", "1.36", "1.5.1", [True, True]),
        ("edge-26.8.3", "", "", [None, None]),
        ("edge-26.6.3", "1.37", "1.6.1", [None, False]),
        ("edge-24.11.8", "1.30", "1.1.1", []),  # nothing is known of it
    ],
)
def test_what_an_edge_runs_on(edge: str, kubernetes: str, gateway_api: str, met: list[bool | None]) -> None:
    assert [each.met for each in needs_of(edge, load_catalog(), kubernetes, gateway_api)] == met
