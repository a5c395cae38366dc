"""Istio takes our mesh config and Telemetry as they are meant: what istiod has in mind is what we wrote."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
import yaml

from meshwright.istio import extension_providers as providers
from meshwright.istio.observability.telemetry import TelemetryScope, spec
from tests.conformance import checks, istioctl
from tests.conformance.stacks import example_stacks, objects_of, releases_of, rendering_of
from tests.servers import helm
from tests.servers.cluster import Cluster
from tests.servers.istiod import Istiod
from tests.servers.kubernetes import Object
from tests.servers.programs import require_programs

OBSERVED = next(each for each in example_stacks() if each.name == "istio-observability")
COLLECTOR = ("otel-collector.observability.svc.cluster.local", 4317)
PROVIDERS = [
    providers.otlp_traces("traces", *COLLECTOR),
    providers.otlp_http_traces("http", *COLLECTOR),
    providers.zipkin_traces("zipkin", *COLLECTOR),
    providers.otlp_logs("logs", *COLLECTOR),
]


@pytest.fixture
def istiod(mesh_cluster: Cluster, tmp_path: Path) -> Iterator[Istiod]:
    """Istio at work with the values of the example stack, and one provider of each kind more."""
    require_programs("pilot-discovery", "helm")
    (release,) = [each for each in releases_of(rendering_of(OBSERVED)) if each.chart == "istiod"]
    assert release.values["meshConfig"]["extensionProviders"] == PROVIDERS[:1]
    values = {**release.values, "meshConfig": {**release.values["meshConfig"], "extensionProviders": PROVIDERS}}
    objects = helm.objects(helm.template(helm.istio_chart("istiod"), release.name, release.namespace, values))
    mesh_cluster.api.apply_all([*checks.namespaces(_bodies()), *objects, *_telemetries()])
    (deployment,) = [each for each in objects if each["kind"] == "Deployment"]
    with Istiod(mesh_cluster, tmp_path / "istiod", deployment) as started:
        yield started


def _bodies() -> list[Object]:
    return [body for _, body in objects_of(rendering_of(OBSERVED))]


def _telemetries() -> list[Object]:
    return [body for body in _bodies() if body["kind"] == "Telemetry"]


def _asked(url: str) -> str:
    return urllib3.request("GET", url, retries=False, timeout=5.0).data.decode()


def test_istiod_knows_the_providers_and_the_telemetry_and_gives_its_metrics(istiod: Istiod) -> None:
    mesh = json.loads(_asked(f"{istiod.url}/debug/mesh"))
    assert mesh["accessLogEncoding"] == "JSON"
    known = {each["name"]: each for each in mesh["extensionProviders"]}
    assert [known[each["name"]] for each in PROVIDERS] == PROVIDERS
    assert set(known) - {each["name"] for each in PROVIDERS} == set(providers.BUILT_IN)

    def seen() -> dict[str, Any]:
        known = json.loads(_asked(f"{istiod.url}/debug/telemetryz"))["telemetries"]
        return dict(known["namespace_to_telemetries"])

    istiod.cluster.api.wait(lambda: len(seen()) == 2, "istiod has read the Telemetry objects")
    assert {(namespace, each["name"]) for namespace, all_of_it in seen().items() for each in all_of_it} == {
        ("istio-system", "default"),
        ("catalog", "gateway-waypoint"),
    }
    for body in _telemetries():
        (found,) = seen()[body["metadata"]["namespace"]]
        assert found["spec"] == body["spec"]

    istiod.cluster.api.wait(lambda: "citadel_server_root_cert_expiry" in _asked(istiod.metrics_url), "its CA is there")
    names = set(re.findall(r"(?m)^(\w+)", _asked(istiod.metrics_url)))
    assert {"citadel_server_root_cert_expiry_timestamp", "istio_build"} <= names
    # Its own, self-signed CA has no chain; one from `cacerts` does.
    assert "citadel_server_cert_chain_expiry_timestamp" not in names


def _telemetry(name: str, scope: TelemetryScope) -> Object:
    metadata = {"name": name, "namespace": scope["namespace"]}
    return {"apiVersion": "telemetry.istio.io/v1", "kind": "Telemetry", "metadata": metadata, "spec": spec(scope)}


def test_two_for_one_namespace_are_a_conflict_for_istio_too(tmp_path: Path) -> None:
    require_programs("istioctl")
    bodies = [_telemetry(name, {"namespace": "catalog", "access_logs": "all"}) for name in ("one", "two")]
    assert {each[:7] for each in istioctl.analyze(bodies, tmp_path)} == {"IST0160"}


def test_istioctl_takes_a_targeted_one_for_a_second_of_the_namespace(tmp_path: Path) -> None:
    """It looks at selectors alone. istiod keeps the two apart, which is why the component doesn't refuse them."""
    require_programs("istioctl")
    waypoint: TelemetryScope = {
        "namespace": "catalog",
        "access_logs": "off",
        "targets": [{"kind": "Gateway", "name": "waypoint"}],
    }
    bodies = [_telemetry("one", {"namespace": "catalog", "access_logs": "all"}), _telemetry("two", waypoint)]
    assert {each[:7] for each in istioctl.analyze(bodies, tmp_path)} == {"IST0160"}


def test_a_misspelt_provider_is_dropped_without_a_word(tmp_path: Path) -> None:
    """Why the component checks what it can: Istio's own tool finds nothing wrong with a provider that isn't there."""
    require_programs("istioctl")
    body = _telemetry("default", {"namespace": "istio-system", "trace_provider": "otle"})
    assert (
        istioctl.analyze([body], tmp_path) + istioctl.validate([yaml.safe_load(yaml.safe_dump(body))], tmp_path) == []
    )
