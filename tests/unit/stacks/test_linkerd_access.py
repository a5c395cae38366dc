"""What the namespaces of a Linkerd stack become."""

from typing import Any

import pytest

from meshwright.config import parse_config
from meshwright.config.linkerd import LinkerdMesh
from meshwright.engine.graph import Graph
from meshwright.engine.record import record
from tests.unit.graphs import find, inputs, names
from tests.unit.stacks.test_program import ROOT

NAMESPACES: list[dict[str, Any]] = [
    {"name": "front", "phase": "authenticated"},
    {
        "name": "shop",
        "phase": "deny",
        "since": "2026-10-12",
        "previous": {"phase": "authenticated", "since": "2026-10-01"},
        "adopt": True,
        "injection": {"opaque_ports": [4222], "resources": {"cpu_request": "50m"}},
        "security": {
            "workloads": {
                "cart": {"ports": [{"port": 8080, "protocol": "HTTP/1", "probes": ["/healthz"]}]},
                "events": {"labels": {"k": "v"}, "ports": [{"port": 4222}], "phase": "authenticated"},
            },
            "calls": [
                {"from": "front/web", "to": "cart", "methods": ["GET"], "paths": ["/v1/*"], "ports": [8080]},
                {"networks": ["10.1.0.0/16"], "to": "events"},
            ],
            "probe_networks": ["10.0.0.0/16"],
        },
    },
    {"name": "old", "phase": "unmeshed", "previous": {"phase": "unmeshed", "since": "2026-10-01"}},
]


@pytest.fixture(autouse=True)
def _as_pulumi_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "stacks"))
    monkeypatch.setattr("pulumi.runtime.get_root_directory", lambda: str(ROOT))
    monkeypatch.setenv("MESHWRIGHT_AS_OF", "2026-11-23")


def run(*namespaces: dict[str, Any]) -> Graph:
    import linkerd

    wanted = {"kind": "linkerd", "cluster": {"context": "c", "platform": "kind"}, "namespaces": list(namespaces)}
    mesh = parse_config(wanted, None, None).mesh
    assert isinstance(mesh, LinkerdMesh)
    return record(lambda: linkerd.deploy(mesh, "x"))


def test_everything_that_a_stack_may_say_of_a_namespace_reaches_the_components() -> None:
    graph = run(*NAMESPACES)
    assert inputs(graph, "shop") == {
        "namespace": "shop",
        "phase": "deny",
        "since": "2026-10-12",
        "previous": {"phase": "authenticated", "since": "2026-10-01"},
        "adopt": True,
        "injection": {"opaque_ports": [4222], "resources": {"cpu_request": "50m"}},
    }
    assert inputs(graph, "shop-access") == {
        "namespace": "shop",
        "phase": "deny",
        "workloads": {
            "cart": {"ports": [{"port": 8080, "protocol": "HTTP/1", "probes": ["/healthz"]}]},
            "events": {
                "labels": {"k": "v"},
                "ports": [{"port": 4222, "protocol": "opaque"}],
                "phase": "authenticated",
            },
        },
        "calls": [
            {"service": "cart", "caller": "front/web", "methods": ["GET"], "paths": ["/v1/*"], "ports": [8080]},
            {"service": "events", "networks": ["10.1.0.0/16"]},
        ],
        "probe_networks": ["10.0.0.0/16"],
    }


def test_what_denies_comes_after_all_namespaces_and_they_after_linkerd() -> None:
    graph = run(*NAMESPACES)
    assert "mesh-control-plane" in names(find(graph, "shop-namespace").dependencies)
    waits_for = names(find(graph, "shop-access-cart-8080-server").dependencies)
    assert {"front-namespace", "shop-namespace", "old-namespace"} <= waits_for
    assert [each.name for each in graph.of_type("meshwright:index:LinkerdAccess")] == ["shop-access"]


def test_what_the_operators_are_told() -> None:
    outputs = run(*NAMESPACES).outputs
    assert outputs["namespaces"] == {"authenticated": ["front"], "deny": ["shop"], "unmeshed": ["old"]}
    assert outputs["restart"] == {
        "front": "all workloads of front, to get proxies",
        "shop": "all workloads of shop, for ports that no Server names: their proxies keep all-authenticated until then",
    }
    assert outputs["next"] == "record when front became authenticated (since: 2026-11-23); its week of watching starts then"  # fmt: skip
    assert run().outputs["restart"] == {}
