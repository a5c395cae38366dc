"""What the keys of telemetry, observability and network policies become."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.graphs import find, inputs, names
from tests.unit.istio.certificates.mesh import root
from tests.unit.stacks.test_program import run

COLLECTOR = {"service": "otel.tracing.svc.cluster.local", "port": 4317}
WAYPOINT = {"reason": "l7"}
SHOP: dict[str, Any] = {"name": "shop", "phase": "strict"}


def test_telemetry_reaches_the_mesh_and_its_agents() -> None:
    graph = run(
        telemetry={
            "access_logs": "all",
            "logs_to": "otel.tracing:4317",
            "metrics": {"remove_labels": ["source_version"]},
            "traces": {"zipkin": "zipkin.tracing:9411", "sampling": 5},
        }
    )
    assert inputs(graph, "telemetry") == {
        "scopes": [
            {
                "namespace": "istio-system",
                "access_logs": "all",
                "log_provider": "access-logs",
                "metrics": {"remove_labels": ["source_version"]},
                "trace_provider": "traces",
                "sampling": 5,
            }
        ],
        "providers": ["access-logs", "traces"],
    }
    mesh = inputs(graph, "mesh")
    assert mesh["ztunnel_access_logs"] == "all"
    assert mesh["json_logs"] is True
    assert mesh["extension_providers"] == [
        {"name": "access-logs", "envoyOtelAls": COLLECTOR},
        {"name": "traces", "zipkin": {"service": "zipkin.tracing.svc.cluster.local", "port": 9411}},
    ]
    assert "mesh-ztunnel" in names(find(graph, "telemetry-istio-system-default").dependencies)


@pytest.mark.parametrize(
    ("key", "provider"),
    [
        ("jaeger", COLLECTOR),
        ("otlp_http", {**COLLECTOR, "http": {"path": "/v1/traces", "timeout": "5s"}}),
    ],
)
def test_traces_by_otlp(key: str, provider: dict[str, Any]) -> None:
    graph = run(telemetry={"traces": {key: "otel.tracing:4317"}, "log_format": "text"})
    assert inputs(graph, "mesh")["extension_providers"] == [{"name": "traces", "opentelemetry": provider}]
    assert "json_logs" not in inputs(graph, "mesh")


def test_what_differs_for_a_namespace_is_for_its_waypoint_or_its_services_at_anothers() -> None:
    graph = run(
        telemetry={"logs_to": "otel.tracing:4317", "traces": {"otlp": "otel.tracing:4317"}},
        namespaces=[
            {**SHOP, "waypoint": WAYPOINT, "telemetry": {"access_logs": "all", "sampling": 0}},
            {"name": "web", "phase": "strict", "waypoint": WAYPOINT, "telemetry": {"metrics": {"enabled": False}}},
            {
                "name": "new",
                "phase": "strict",
                "waypoint": {**WAYPOINT, "canary": {"weight": 10}},
                "telemetry": {"sampling": 100},
            },
        ],
    )
    _, shop, web, new = inputs(graph, "telemetry")["scopes"]
    own = [{"kind": "Gateway", "name": "waypoint"}]
    assert shop == {
        "namespace": "shop",
        "targets": own,
        "access_logs": "all",
        "log_provider": "access-logs",
        "sampling": 0,
    }
    assert web == {"namespace": "web", "targets": own, "metrics": {"enabled": False}}
    assert new["targets"] == [*own, {"kind": "Gateway", "name": "waypoint-canary"}]


def test_a_namespace_behind_anothers_waypoint_is_meant_by_its_name() -> None:
    graph = run(
        namespaces=[
            {**SHOP, "waypoint": {**WAYPOINT, "allowed_namespaces": ["web"]}},
            {
                "name": "web",
                "phase": "strict",
                "use_waypoint": {"namespace": "shop"},
                "telemetry": {"access_logs": "all"},
            },
        ]
    )
    assert inputs(graph, "telemetry") == {
        "scopes": [{"namespace": "web", "access_logs": "all"}],
        "providers": [],
    }


def test_monitoring_knows_where_the_agents_run_and_which_waypoints_there_are() -> None:
    graph = run(
        cluster={"context": "c", "platform": "openshift"},
        gateway_api={"mode": "skip"},
        namespaces=[{**SHOP, "waypoint": WAYPOINT}, {"name": "web", "phase": "strict"}],
        observability={
            "namespace": "monitoring",
            "dashboards": False,
            "labels": {"release": "prom"},
            "alert_labels": {"team": "mesh"},
            "interval": "30s",
            "kube_state_metrics": True,
            "runbooks": "https://wiki.example/mesh",
        },
        egress={"hosts": [{"host": "api.example.com", "callers": [{"namespace": "shop"}]}]},
    )
    assert inputs(graph, "monitoring") == {
        "namespace": "monitoring",
        "agents_namespace": "kube-system",
        "parts": ["monitors", "alerts"],
        "interval": "30s",
        "waypoints": [
            {"namespace": "shop", "name": "waypoint"},
            {"namespace": "istio-egress", "name": "waypoint"},
        ],
        "labels": {"release": "prom"},
        "alert_labels": {"team": "mesh"},
        "kube_state_metrics": True,
        "runbooks": "https://wiki.example/mesh",
    }
    assert "mesh-ztunnel" in names(find(graph, "monitoring-alerts").dependencies)


def test_kiali_alone() -> None:
    wanted = {
        "prometheus_url": "http://prometheus.monitoring:9090",
        "login_key": {"name": "kiali-login", "key": "key"},
        "tracing": {"provider": "jaeger", "internal_url": "http://jaeger.tracing:16685"},
    }
    off = {"monitors": False, "alerts": False, "dashboards": False}
    charts = {"source": "mirror", "url": "https://charts.example"}
    graph = run(observability={**off, "namespace": "monitoring", "kiali": {**wanted, "charts": charts}})
    assert inputs(graph, "kiali") == {
        **wanted,
        "charts": {"source": "mirror", "address": "https://charts.example"},
        "namespace": "monitoring",
    }
    assert "mesh-ztunnel" in names(find(graph, "kiali-release").dependencies)
    assert "monitoring" not in names(tuple(each.urn for each in graph))


def test_monitoring_comes_after_the_namespace_that_the_stack_makes_for_it() -> None:
    kiali = {"prometheus_url": "http://prometheus:9090", "auth": "anonymous"}
    graph = run(
        namespaces=[SHOP, {"name": "monitoring", "phase": "permissive"}],
        observability={"namespace": "monitoring", "kiali": kiali},
    )
    for made in ("monitoring-ztunnel", "monitoring-dashboard-l7", "kiali-release"):
        before = names(find(graph, made).dependencies)
        assert "monitoring-namespace" in before
        assert "shop-namespace" not in before


def test_network_policies_know_the_cluster_and_the_collectors() -> None:
    graph = run(
        cluster={"context": "c", "platform": "openshift", "cni": "ovn-kubernetes"},
        gateway_api={"mode": "skip"},
        telemetry={"logs_to": "otel.tracing:4317", "traces": {"otlp": "otlp.eu.vendor.example:4317"}},
        observability={"prometheus_namespace": "monitoring"},
        namespaces=[
            {
                **SHOP,
                "waypoint": WAYPOINT,
                "network_policy": {
                    "peers": ["sidecars"],
                    "dns_addresses": ["169.254.20.10"],
                    "waypoint_backends": [{"namespace": "policy", "port": 9191}],
                },
            }
        ],
    )
    assert inputs(graph, "shop-network") == {
        "namespace": "shop",
        "kind": "kubernetes",
        "isolate": "both",
        "peers": ["sidecars"],
        "dns_addresses": ["169.254.20.10"],
        "dns": {
            "namespace": "openshift-dns",
            "labels": {"dns.operator.openshift.io/daemonset-dns": "default"},
            "port": 5353,
        },
        "prometheus_namespace": "monitoring",
        "waypoint_backends": [{"namespace": "policy", "port": 9191}, {"namespace": "tracing", "port": 4317}],
    }
    assert "shop-namespace" in names(find(graph, "shop-network-ambient").dependencies)


def test_network_policies_know_what_waypoints_ask(tmp_path: Path) -> None:
    certificate = tmp_path / "root.pem"
    certificate.write_text(root().pem)
    issuer = {"type": "ca", "secret": "mesh-ca"}
    authorizers = [
        {"name": "opa", "service": "opa.policy.svc.cluster.local", "port": 9191},
        {"name": "other", "service": "other.policy.svc.cluster.local", "port": 9192},
        {"name": "outside", "service": "authorize.example.com", "port": 443},
    ]
    asked = {"external_authorization": {"authorizer": "opa", "services": ["cart"]}}
    asks = {"services": ["cart"], "security": asked}
    apart = {"name": "apart", "phase": "strict", "waypoint": WAYPOINT}
    graph = run(
        certificates={"source": "istio-csr", "istio_csr": {"issuer": issuer, "root": str(certificate)}},
        security={"authorizers": authorizers},
        namespaces=[
            {**SHOP, "waypoint": {**WAYPOINT, "allowed_namespaces": ["web"]}, "network_policy": {}},
            {"name": "web", "phase": "strict", "use_waypoint": {"namespace": "shop"}, **asks},
            {**apart, "network_policy": {}, "security": {"external_authorization": {"authorizer": "outside"}}},
            {**apart, "name": "open", "network_policy": {"isolate": "ingress"}, **asks},
        ],
    )
    signer = {"namespace": "cert-manager", "port": 6443}
    assert inputs(graph, "shop-network")["waypoint_backends"] == [signer, {"namespace": "policy", "port": 9191}]
    assert inputs(graph, "apart-network")["waypoint_backends"] == [signer]
    assert "waypoint_backends" not in inputs(graph, "open-network")


def test_cilium_gets_policies_of_its_own_kind() -> None:
    graph = run(
        cluster={"context": "c", "platform": "kind", "cni": "cilium"},
        namespaces=[{**SHOP, "network_policy": {"isolate": "ingress"}}],
    )
    assert inputs(graph, "shop-network") == {"namespace": "shop", "kind": "cilium", "isolate": "ingress"}
    assert find(graph, "shop-network-ambient").type == "kubernetes:cilium.io/v2:CiliumNetworkPolicy"
