"""What `meshwright preview` prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from meshwright.engine.graph import UNKNOWN, Log, Note
from meshwright.engine.policy import Verdict
from tests.unit.cli.runs import bucket, finding, mesh_resources, namespace, offline_run, report
from tests.unit.render.graphs import component, kubernetes, release

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshwright.cli.offline import Offline, Request
    from meshwright.engine.graph import Resource
    from tests.conftest import Golden

    Command = Callable[..., tuple[int, str, str]]
    Found = Callable[[Offline], list[Request]]


def test_a_mesh(meshwright: Command, found: Found, golden: Golden) -> None:
    findings = [
        finding(Verdict.UNDECIDED, rule="MW-IST-021", resource="route", message="the host is another stack's"),
        finding(Verdict.WAIVED, message="waived until 2026-12-31: second team"),
        finding(Verdict.VIOLATED, "advisory"),
    ]
    notes = tuple(Note(f"urn:pulumi:dev::shop::t::crds-{number}", "its children are unknown") for number in range(7))
    logs = (Log("info", "hello"), Log("warning", "beware\nof it"))
    found(offline_run(Path(), *mesh_resources(), policy=report(*findings), notes=notes, logs=logs))
    status, out, err = meshwright("preview", "dev", "--verbose")
    assert (status, err) == (0, "printed\n")
    golden("cli/preview", {"mesh.txt": out.encode()})


def test_linkerd(meshwright: Command, found: Found) -> None:
    mesh = component("meshwright:index:Linkerd", "mesh", inputs={"platform": "eks", "version": "edge-26.8.3"})
    rotation = {"step": "both-trusted", "since": "2026-11-20"}
    trust = {"trusts": ["2025", "2026"], "signs": "2025", "rotation": rotation}
    issuer = component("meshwright:index:IdentityIssuer", "identity", inputs=trust)
    shop, legacy = (
        component("meshwright:index:LinkerdNamespace", name, inputs={"namespace": name, "phase": phase, "since": since})
        for name, phase, since in (("shop", "audit", "2026-11-19"), ("legacy", "unmeshed", None))
    )
    charts = release("linkerd-control-plane", parent=mesh.urn, inputs={"values": {"controllerReplicas": 3}})
    found(offline_run(Path(), mesh, charts, issuer, shop, legacy))
    _, out, _ = meshwright("preview", "dev")
    lines = out.splitlines()
    assert lines[0].startswith("dev  linkerd edge-26.8.3 on eks ")
    assert lines[2:7] == [
        "mesh  Linkerd",
        "├─ linkerd-control-plane ×3   1 release   pinned",
        "├─ trust anchors 2025, 2026   2025 signs   both-trusted since 2026-11-20",
        "├─ shop    audit     4 of 7 days",
        "└─ legacy  unmeshed",
    ]
    assert lines[-1].startswith("next: watch shop")


def test_consul(meshwright: Command, found: Found) -> None:
    told = {"platform": "eks", "version": "2.0.3", "servers": 3, "injectors": 3}
    mesh = component("meshwright:index:Consul", "mesh", inputs=told)
    chart = release("consul", parent=mesh.urn)
    shop, legacy = (
        component("meshwright:index:ConsulNamespace", name, inputs={"namespace": name, "phase": phase, "since": since})
        for name, phase, since in (("shop", "permissive", "2026-11-19"), ("legacy", "unmeshed", None))
    )
    old, new = {"provider": "vault", "path": "dc1/connect_root"}, {"provider": "vault", "path": "dc1/connect_root_2027"}
    vault = component("meshwright:index:VaultCertificateAuthority", "vault", inputs={"connect": {"roots": [old]}})
    rotation = {"step": "cross-signing", "since": "2026-11-20"}
    live, rotating = (
        component("meshwright:index:ConnectCertificateAuthority", "connect-ca", inputs=inputs)
        for inputs in ({"root": {"provider": "consul"}}, {"root": old, "next": new, "rotation": rotation})
    )

    def shown(*resources: Resource) -> list[str]:
        found(offline_run(Path(), mesh, chart, *resources))
        return meshwright("preview", "dev")[1].splitlines()

    lines = shown(vault, rotating, shop, legacy)
    assert lines[0].startswith("dev  consul 2.0.3 on eks ")
    assert lines[2:7] == [
        "mesh  Consul",
        "├─ consul   servers ×3, injectors ×3   pinned",
        "├─ root dc1/connect_root in Vault   cross-signing since 2026-11-20   next dc1/connect_root_2027 in Vault",
        "├─ shop    permissive  4 of 7 days",
        "└─ legacy  unmeshed",
    ]
    assert lines[-1].startswith("next: watch shop")
    assert shown(vault, live)[4] == "└─ root of Consul's own"
    said = "└─ root dc1/connect_root in Vault   at Consul's first start; what is live is left alone"
    assert shown(vault)[4] == said
    assert shown()[4] == "└─ root of Consul's own"


def test_any_other_program(meshwright: Command, found: Found, golden: Golden) -> None:
    web = component("acme:index:Web", "web")
    inner = component("acme:index:Inner", "inner", parent=web.urn)
    empty = component("acme:index:Empty", "empty")
    run = offline_run(
        Path(), web, inner, bucket("deep", inner.urn), bucket("flat", web.urn), bucket("one"), bucket("two"), empty
    )
    found(run)
    _, out, _ = meshwright("preview")
    _, tree, _ = meshwright("preview", "--tree")
    golden("cli/preview-other", {"overview.txt": out.encode(), "tree.txt": tree.encode()})


def test_a_program_without_resources(meshwright: Command, found: Found) -> None:
    found(offline_run(Path()))
    _, out, _ = meshwright("preview")
    assert out.splitlines()[2:5] == ["shop-dev", "└─ no resources", ""]


def test_a_mandatory_violation_ends_with_1_and_says_what_is_next(meshwright: Command, found: Found) -> None:
    found(offline_run(Path(), policy=report(finding(Verdict.VIOLATED), passed=0)))
    status, out, _ = meshwright("preview")
    assert status == 1
    assert out.splitlines()[5:] == [
        "1 resource · 1 rule applies: 0 passed, 0 undecided, 1 violated, 0 waived · 0.9 s",
        "  ✗ MW-ADO-003  legacy: legacy is unmeshed: it would be cut off",
        "      → keep mesh-wide permissive",
        "",
        "next: mend what is marked ✗; `meshwright gate` says where, and why",
    ]


@pytest.mark.parametrize(
    ("inputs", "line"),
    [
        ({"since": "2026-11-16"}, "└─ a  permissive  since 2026-11-16  L4"),
        ({"since": "2026-11-17"}, "└─ a  permissive  6 of 7 days  L4"),
        ({"since": "17.11."}, "└─ a  permissive  since when is not said  L4"),
        ({}, "└─ a  permissive  since when is not said  L4"),
    ],
)
def test_how_long_a_namespace_is_watched(meshwright: Command, found: Found, inputs: dict[str, str], line: str) -> None:
    mesh = component("meshwright:index:IstioAmbient", "mesh", inputs={"version": "1.31", "platform": "eks"})
    found(offline_run(Path(), mesh, namespace("a", "permissive", **inputs)))
    _, out, _ = meshwright("preview")
    assert out.startswith("dev  istio-ambient 1.31 on eks ")
    assert out.splitlines()[4] == line


def test_a_mesh_without_namespaces_and_with_unknowns(meshwright: Command, found: Found) -> None:
    mesh = component("meshwright:index:IstioAmbient", "mesh", inputs={"version": "1.31", "platform": "eks"})
    istiod = release(
        "istiod", parent=mesh.urn, inputs={"values": {"autoscaleMin": UNKNOWN, "hub": UNKNOWN}, "version": ""}
    )
    elsewhere = release("redis")
    waypoint = component("meshwright:index:Waypoint", "w", inputs={"min_replicas": UNKNOWN, "reason": UNKNOWN})
    found(offline_run(Path(), mesh, istiod, elsewhere, waypoint))
    assert meshwright("preview")[1].splitlines()[3] == "└─ istiod   1 release"


@pytest.mark.parametrize("data", [UNKNOWN, {}, {"horizontalPodAutoscaler": "{}"}])
def test_a_waypoint_of_unknown_size(meshwright: Command, found: Found, data: object) -> None:
    mesh, shop = component("meshwright:index:IstioAmbient", "mesh"), namespace("shop", "strict")
    waypoint = component("meshwright:index:Waypoint", "w", parent=shop.urn, inputs={"reason": UNKNOWN})
    other = kubernetes("v1", "ConfigMap", "other")
    parameters = kubernetes("v1", "ConfigMap", "parameters", parent=waypoint.urn, body={"data": data})
    found(offline_run(Path(), mesh, shop, waypoint, other, parameters))
    assert meshwright("preview")[1].splitlines()[4] == "└─ shop  strict  since when is not said  L7  waypoint"


def test_json_has_stable_keys(meshwright: Command, found: Found) -> None:
    note = Note("urn:x", "unknown")
    found(offline_run(Path(), bucket("one"), policy=report(finding(Verdict.UNDECIDED)), notes=(note,)))
    status, out, _ = meshwright("preview", "--json")
    content = json.loads(out)
    assert status == 0
    assert content == {
        "command": "preview",
        "project": "shop",
        "stack": "dev",
        "as_of": "2026-11-23",
        "catalog_overlays": [],
        "resources": [
            {"urn": one.urn, "type": one.type, "name": one.name, "parent": one.parent}
            for one in offline_run(Path(), bucket("one")).graph
        ],
        "policy": {
            "pack": "meshwright",
            "version": "0.1.0",
            "rules": {"violated": 0, "undecided": 1, "waived": 0, "passed": 2, "not_applicable": 1},
            "blocks": False,
        },
        "findings": [
            {
                "rule": "MW-ADO-003",
                "title": "Strict mTLS waits until every namespace is meshed",
                "level": "mandatory",
                "severity": "high",
                "verdict": "undecided",
                "resource": "legacy",
                "urn": finding(Verdict.PASSED).urn,
                "message": "legacy is unmeshed: it would be cut off",
                "remedy": "keep mesh-wide permissive",
                "place": "",
                "url": "docs/rules/MW-ADO-003.md",
                "fingerprint": content["findings"][0]["fingerprint"],
                "known": "",
                "fails": False,
                "waiver": None,
            }
        ],
        "notes": [{"subject": "urn:x", "text": "unknown"}],
        "next": "`pulumi up`, or `meshwright render --to out/dev`",
        "seconds": 0.94,
    }


def test_an_overlay_of_the_catalog_is_named(meshwright: Command, found: Found, tmp_path: Path) -> None:
    overlay = tmp_path / "ours.yaml"
    overlay.write_text(yaml.safe_dump(OVERLAY))
    found(offline_run(Path()))
    _, out, _ = meshwright("preview", "--catalog", str(overlay))
    assert out.splitlines()[1] == "catalog corrected by ours.yaml"


OVERLAY: dict[str, dict[str, str]] = {"platforms": {}}


def test_whose_waypoint_a_namespace_uses_and_that_of_two_the_first_is_told(meshwright: Command, found: Found) -> None:
    mesh = component("meshwright:index:IstioAmbient", "mesh")
    shop, hub = namespace("shop", "strict"), namespace("hub", "strict")
    use = {"namespace": "shop", "waypoint": "waypoint", "waypoint_namespace": "hub"}
    waypoints = [
        component("meshwright:index:Waypoint", name, parent=hub.urn, inputs={"reason": name})
        for name in ("first", "canary")
    ]
    found(
        offline_run(Path(), mesh, shop, hub, *waypoints, component("meshwright:index:UseWaypoint", "use", inputs=use))
    )
    lines = meshwright("preview")[1].splitlines()
    assert lines[4].endswith("L7  waypoint of hub")
    assert lines[5].endswith('L7  waypoint  "first"')
