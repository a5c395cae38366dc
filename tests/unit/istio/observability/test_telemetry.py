"""The recorded graph of MeshTelemetry: one Telemetry a scope, and no two that mean the same proxies."""

from typing import Any

import pytest

from meshwright import MeshTelemetry
from meshwright.engine.graph import Graph
from meshwright.istio import extension_providers
from meshwright.istio.observability.telemetry import TelemetryScope
from meshwright.kubernetes.errors import ComponentError
from tests.unit.graphs import inputs, shape, with_provider

WAYPOINT = [{"kind": "Gateway", "name": "waypoint"}]


def telemetry(*scopes: TelemetryScope | dict[str, Any], providers: list[str] | None = None) -> Graph:
    args: Any = {"scopes": list(scopes), **({"providers": providers} if providers else {})}
    return with_provider(lambda opts: MeshTelemetry("t", args, opts))


def spec(**settings: Any) -> dict[str, Any]:
    graph = telemetry({"namespace": "istio-system", **settings}, providers=["otel"])
    made: dict[str, Any] = inputs(graph, "t-istio-system-default")["spec"]
    return made


def refusal(*scopes: dict[str, Any], providers: list[str] | None = None) -> list[str]:
    with pytest.raises(ComponentError) as caught:
        telemetry(*scopes, providers=providers)
    return [str(problem) for problem in caught.value.problems]


def test_an_object_for_the_mesh_a_namespace_a_waypoint_and_a_service() -> None:
    graph = telemetry(
        {"namespace": "istio-system", "access_logs": "errors"},
        {"namespace": "catalog", "access_logs": "off"},
        {"namespace": "catalog", "access_logs": "all", "targets": WAYPOINT},
        {"namespace": "catalog", "sampling": 50, "targets": [{"kind": "Service", "name": "search"}]},
    )
    kind = "kubernetes:telemetry.istio.io/v1:Telemetry"
    assert shape(graph) == [
        ("meshwright:index:MeshTelemetry", "t", "test-dev"),
        (kind, "t-istio-system-default", "t"),
        (kind, "t-catalog-default", "t"),
        (kind, "t-catalog-gateway-waypoint", "t"),
        (kind, "t-catalog-service-search", "t"),
    ]
    assert inputs(graph, "t-catalog-gateway-waypoint") == {
        "apiVersion": "telemetry.istio.io/v1",
        "kind": "Telemetry",
        "metadata": {"name": "gateway-waypoint", "namespace": "catalog"},
        "spec": {
            "targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "waypoint"}],
            "accessLogging": [{"providers": [{"name": "envoy"}]}],
        },
    }
    assert inputs(graph, "t-catalog-service-search")["spec"]["targetRefs"] == [
        {"group": "", "kind": "Service", "name": "search"}
    ]


def test_access_logs() -> None:
    assert spec(access_logs="off") == {"accessLogging": [{"providers": [{"name": "envoy"}], "disabled": True}]}
    assert spec(access_logs="all", log_provider="otel") == {"accessLogging": [{"providers": [{"name": "otel"}]}]}
    assert spec(access_logs="errors") == {
        "accessLogging": [
            {
                "providers": [{"name": "envoy"}],
                "filter": {"expression": "response.code >= 400 || response.flags > 0"},
            }
        ]
    }


def test_traces() -> None:
    assert spec(trace_provider="otel", sampling=0.5) == {
        "tracing": [{"providers": [{"name": "otel"}], "randomSamplingPercentage": 0.5}]
    }
    assert spec(sampling=0) == {"tracing": [{"randomSamplingPercentage": 0}]}


def test_metrics() -> None:
    def overrides(**metrics: Any) -> Any:
        (entry,) = spec(metrics=metrics)["metrics"]
        assert entry["providers"] == [{"name": "prometheus"}]
        return entry["overrides"]

    every = {"metric": "ALL_METRICS"}
    assert overrides(enabled=False) == [{"match": every, "disabled": True}]
    assert overrides(enabled=True) == [{"match": every, "disabled": False}]
    assert overrides(remove_labels=["source_version"], add_labels={"host": "request.host"}) == [
        {"match": every, "tagOverrides": {"source_version": {"operation": "REMOVE"}, "host": {"value": "request.host"}}}
    ]


def test_two_scopes_that_mean_the_same_proxies() -> None:
    one, two = {"namespace": "catalog", "access_logs": "all"}, {"namespace": "catalog", "sampling": 1}
    (said,) = refusal(one, two)
    assert said == (
        "MeshTelemetry t: two scopes are for all proxies of catalog: which one holds is up to which came first; put what "
        "both say into one scope (MW-E140)"
    )
    (said,) = refusal({**one, "targets": WAYPOINT}, {**two, "targets": WAYPOINT})
    assert said.startswith("MeshTelemetry t: two scopes are for Gateway waypoint of catalog: which one holds")


def test_a_provider_that_the_mesh_does_not_define() -> None:
    scope = {"namespace": "istio-system", "trace_provider": "otel", "log_provider": "logs"}
    (said,) = refusal(scope, providers=["logs"])
    assert said == (
        "MeshTelemetry t: the scope istio-system/default names the provider 'otel', which the mesh doesn't define: Istio "
        "would send nothing; one of: envoy, logs, prometheus, stackdriver; or add it to extension_providers (MW-E141)"
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"access_logs": "some"}, "has the access_logs 'some'; one of: off, errors, all"),
        ({"sampling": 101}, "samples 101 percent; give a number from 0 to 100"),
        ({"sampling": -1}, "samples -1 percent; give a number from 0 to 100"),
        ({}, "says nothing; give access_logs, metrics, trace_provider or sampling"),
        ({"metrics": {}}, "says nothing; give access_logs, metrics, trace_provider or sampling"),
    ],
)
def test_settings_that_cannot_work(settings: dict[str, Any], message: str) -> None:
    (said,) = refusal({"namespace": "shop", **settings})
    assert said == f"MeshTelemetry t: the scope shop/default {message} (MW-E050)"


def test_a_target_of_another_kind() -> None:
    (said,) = refusal({"namespace": "shop", "sampling": 1, "targets": [{"kind": "Pod", "name": "a"}]})
    assert said == "MeshTelemetry t: the scope shop/pod-a is for a Pod; one of: Gateway, Service (MW-E050)"


def test_no_provider_no_telemetry() -> None:
    with pytest.raises(ComponentError, match="MW-E051"):
        MeshTelemetry("t", {"scopes": []})


def test_the_extension_providers_are_as_istio_has_them() -> None:
    where = ("otel-collector.observability.svc.cluster.local", 4317)
    service = {"service": where[0], "port": 4317}
    assert extension_providers.otlp_traces("a", *where) == {"name": "a", "opentelemetry": service}
    assert extension_providers.otlp_http_traces("a", *where) == {
        "name": "a",
        "opentelemetry": {**service, "http": {"path": "/v1/traces", "timeout": "5s"}},
    }
    assert extension_providers.zipkin_traces("a", *where) == {"name": "a", "zipkin": service}
    assert extension_providers.otlp_logs("a", *where) == {"name": "a", "envoyOtelAls": service}
