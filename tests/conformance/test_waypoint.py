"""Istio's own control plane makes of our waypoint what was asked for."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conformance import checks
from tests.conformance.stacks import Stack, example_stacks, objects_of, releases_of, rendering_of
from tests.servers import helm
from tests.servers.cluster import Cluster
from tests.servers.istiod import Istiod
from tests.servers.kubernetes import Identity, Object, condition
from tests.servers.programs import require_programs

PRODUCTION = next(each for each in example_stacks() if each.name == "istio-production")
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "products", "namespace": "catalog"},
    "spec": {"ports": [{"name": "http", "port": 80}], "selector": {"app": "products"}},
}


@pytest.fixture
def istiod(mesh_cluster: Cluster, tmp_path: Path) -> Iterator[Istiod]:
    """Istio at work in a cluster, installed with the values of the production stack."""
    require_programs("pilot-discovery", "helm")
    release = next(each for each in releases_of(rendering_of(PRODUCTION)) if each.chart == "istiod")
    rendered = helm.template(helm.istio_chart("istiod"), release.name, release.namespace, release.values)
    objects = helm.objects(rendered)
    mesh_cluster.api.apply_all([*checks.namespaces(_bodies(PRODUCTION)), *objects])
    deployment = next(each for each in objects if each["kind"] == "Deployment")
    with Istiod(mesh_cluster, tmp_path / "istiod", deployment) as started:
        yield started


def _bodies(stack: Stack) -> list[Object]:
    return [body for _, body in objects_of(rendering_of(stack))]


def test_the_waypoint_is_programmed_bound_and_runs_as_asked(istiod: Istiod) -> None:
    mesh, api = istiod.cluster, istiod.cluster.api
    for body in (*_bodies(PRODUCTION), SERVICE):
        # One owner for each: patches of one namespace would take back each other's labels.
        api.apply(body, manager=f"test-{_waves(body)}")
    gateway = next(body for body in _bodies(PRODUCTION) if body["kind"] == "Gateway")
    api.wait(lambda: _has(mesh, "apps/v1", "Deployment"), "istiod makes a Deployment for the Gateway", 60)
    api.wait(lambda: condition(api.get(Identity.of(gateway)) or {}, "Accepted") == "True", "it is accepted")
    api.wait(lambda: condition(api.get(Identity.of(gateway)) or {}, "Programmed") == "True", "it is programmed")
    api.wait(
        lambda: condition(api.get(Identity.of(SERVICE)) or {}, "istio.io/WaypointBound") == "True",
        "the namespace's services use it",
    )

    scaler, budget = (
        _made(mesh, "autoscaling/v2", "HorizontalPodAutoscaler"),
        _made(mesh, "policy/v1", "PodDisruptionBudget"),
    )
    assert (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]) == (3, 9)
    assert scaler["spec"]["metrics"][0]["resource"] == {
        "name": "cpu",
        "target": {"type": "Utilization", "averageUtilization": 80},
    }
    assert budget["spec"]["maxUnavailable"] == 1
    assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    pods = _made(mesh, "apps/v1", "Deployment")["spec"]["template"]
    assert [each["topologyKey"] for each in pods["spec"]["topologySpreadConstraints"]] == [
        "topology.kubernetes.io/zone",
        "kubernetes.io/hostname",
    ]
    for rule in (*pods["spec"]["topologySpreadConstraints"], {"labelSelector": budget["spec"]["selector"]}):
        selected = rule["labelSelector"]["matchLabels"]
        assert selected.items() <= pods["metadata"]["labels"].items()


def test_istiod_renders_nothing_for_an_overlay_that_it_does_not_know(istiod: Istiod) -> None:
    unknown = {"disruptionBudget": yaml.safe_dump({"spec": {"maxUnavailable": 1}})}
    for body in _bodies(PRODUCTION):
        more = {"data": body["data"] | unknown} if body["kind"] == "ConfigMap" else {}
        istiod.cluster.api.apply({**body, **more}, manager=f"test-{_waves(body)}")
    said = re.compile(r'unsupported overlay "disruptionBudget" \(supported: \[(.*?)\]\)')
    istiod.cluster.api.wait(lambda: said.search(istiod.log.read_text()), "istiod complains")
    found = said.search(istiod.log.read_text())
    assert found
    assert set(found[1].split()) == checks.OVERLAYS
    assert not _has(istiod.cluster, "apps/v1", "Deployment")


def _waves(body: Object) -> str:
    return "-".join(sorted(body["metadata"].get("labels", {}))).replace("/", ".") or "none"


def _has(mesh: Cluster, api_version: str, kind: str) -> bool:
    return bool(mesh.api.list(api_version, kind, "catalog"))


def _made(mesh: Cluster, api_version: str, kind: str) -> dict[str, Any]:
    (made,) = mesh.api.list(api_version, kind, "catalog")
    return made
