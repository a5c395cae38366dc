"""An upgrade by one minor, as its plan says it, on a real API server by the real engine and the real provider.

Nothing runs in the simulated pods. A stand-in does what the two istiods would: it calls Gateways programmed, and writes
its root certificate into injectors.
"""

import base64
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from meshwright.catalog import load_catalog
from meshwright.config import IstioAmbientMesh, parse_config
from meshwright.istio.upgrade.plan import plan_upgrade
from meshwright.istio.upgrade.steps import Step
from tests.engine.conftest import ROOT, Projects, Pulumi
from tests.engine.on_cluster import CHARTS, charts_before, meanwhile, rewrite, say_programmed, update
from tests.engine.test_cluster import GATEWAY, cluster
from tests.servers import programs
from tests.servers.cluster import Cluster
from tests.servers.kubernetes import Api, Identity

__all__ = ["cluster"]  # a fixture

OLD, NEW = "1.30.7", "1.31.1"
INJECTOR = Identity("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "", "istio-revision-tag-stable")
SERVICE = Identity("v1", "Service", "istio-system", "istiod-revision-tag-stable")
CA = base64.b64encode(b"-----BEGIN CERTIFICATE-----").decode()
MESH = {
    "kind": "istio-ambient",
    "version": OLD,
    "revision": "1-30-7",
    "cluster": {"context": "sim", "platform": "kind"},
    "namespaces": [{"name": "catalog", "phase": "permissive", "waypoint": {"reason": "header routing"}}],
}


@pytest.fixture
def istiod(cluster: Cluster) -> Iterator[None]:
    """Calls every Gateway programmed, and writes its certificate into the tag's injector, as soon as they are there."""

    def work() -> None:
        say_programmed(cluster.api, GATEWAY)
        _write_certificate(cluster.api)

    with meanwhile(work):
        yield


def _write_certificate(api: Api) -> None:
    """As istiod does it: the whole object, by an update."""
    found = api.get(INJECTOR)
    if found is None or all(each["clientConfig"].get("caBundle") for each in found["webhooks"]):
        return
    for webhook in found["webhooks"]:
        webhook["clientConfig"]["caBundle"] = CA
    api.request("PUT", api.path(INJECTOR), found, fieldManager="pilot-discovery")


@pytest.fixture
def stack(real: Projects) -> Pulumi:
    pulumi = real.project(ROOT)
    pulumi.stack = "upgrade"
    rewrite(pulumi, MESH)
    pulumi.select("upgrade")
    return pulumi


class Upgraded:
    """A stack whose mesh is written as the plan says, with the files of this machine."""

    def __init__(self, pulumi: Pulumi, cluster: Cluster, charts_of_old: Path) -> None:
        self.pulumi = pulumi
        self._cluster = {"kubeconfig": str(cluster.kubeconfig), "context": "sim", "platform": "kind"}
        self._charts = {OLD: str(charts_of_old), NEW: str(CHARTS)}

    def write(self, mesh: dict[str, Any]) -> None:
        """The stack file, with charts and CRDs from here."""
        versions = [mesh["version"], *([mesh["upgrade"]["to"]] if "upgrade" in mesh else [])]
        releases = [load_catalog().release("istio", version) for version in versions]
        pinned = mesh.get("gateway_api", {}).get("version")
        bundle = load_catalog().gateway_api_bundle(releases, pinned).version
        crds = str(programs.data_file("crds", f"gateway-api-{bundle}-standard.yaml"))
        written = {
            **mesh,
            "cluster": self._cluster,
            "charts": {"source": "path", "path": self._charts[mesh["version"]]},
            "gateway_api": {**mesh.get("gateway_api", {}), "path": crds},
        }
        if "upgrade" in mesh:
            charts = {"source": "path", "path": self._charts[mesh["upgrade"]["to"]]}
            written["upgrade"] = {**mesh["upgrade"], "charts": charts}
        rewrite(self.pulumi, written)

    def up(self, mesh: dict[str, Any]) -> dict[str, str]:
        """Preview and update; what the preview shows: name of the resource -> what becomes of it."""
        self.write(mesh)
        return update(self.pulumi)


def plan(mesh: dict[str, Any]) -> dict[str, Step]:
    config = parse_config(mesh, None).mesh
    assert isinstance(config, IstioAmbientMesh)
    (hop,) = plan_upgrade(config, "upgrade", NEW, load_catalog(), date(2026, 11, 23)).hops
    return {step.id: step for step in hop.steps}


def charts(pulumi: Pulumi) -> dict[str, str]:
    """Release -> the version of its chart, as the state has it."""
    return {
        resource["outputs"]["name"]: resource["outputs"]["status"]["version"]
        for resource in pulumi.state()
        if resource["type"] == "kubernetes:helm.sh/v3:Release"
    }


def stands_for(api: Api) -> set[str]:
    """What the two objects of the tag say of its revision."""
    injector, service = api.get(INJECTOR), api.get(SERVICE)
    assert injector is not None
    assert service is not None
    return {
        *(each["metadata"]["labels"]["istio.io/rev"] for each in (injector, service)),
        *(each["clientConfig"]["service"]["name"].removeprefix("istiod-") for each in injector["webhooks"]),
        service["spec"]["selector"]["istio.io/rev"],
    }


@pytest.mark.usefixtures("istiod")
def test_one_minor_step_by_step(stack: Pulumi, cluster: Cluster, tmp_path: Path) -> None:
    charts_of_old = charts_before(tmp_path / "charts-before", "istiod", OLD)
    upgraded, api = Upgraded(stack, cluster, charts_of_old), cluster.api
    mesh = dict(MESH)
    upgraded.up(mesh)
    before = {name: version[:4] for name, version in charts(stack).items()}
    assert before == {"istio-base": "1.30", "istiod-1-30-7": "1.30", "istio-cni": "1.30", "ztunnel": "1.30"}
    steps = plan(mesh)
    assert list(steps) == ["precheck", "first-tag", "istiod", "cni", "ztunnel", "tag-stable", "finish", "bundle"]
    mesh = steps["precheck"].edit.applied(mesh)
    stack.run("preview", "--expect-no-changes")

    mesh = steps["first-tag"].edit.applied(mesh)
    assert upgraded.up(mesh) == {
        "mesh": "update",
        "mesh-tag-stable": "create",
        "mesh-tag-stable-injector": "create",
        "mesh-tag-stable-service": "create",
        "catalog": "update",
        "catalog-waypoint": "update",
        "catalog-waypoint-gateway": "update",
    }
    assert stands_for(api) == {"1-30-7"}

    mesh = steps["istiod"].edit.applied(mesh)
    changed = upgraded.up(mesh)
    assert changed == {"mesh": "update", "mesh-base": "update", "mesh-istiod-1-31-1": "create"}
    two = api.list("apps/v1", "Deployment", "istio-system")
    assert {each["metadata"]["name"] for each in two} == {"istiod-1-30-7", "istiod-1-31-1"}
    assert all(each["status"]["readyReplicas"] >= 1 for each in two)

    # The way back from here, and here again.
    assert upgraded.up(steps["first-tag"].edit.applied(MESH)) == {
        "mesh": "update",
        "mesh-base": "update",
        "mesh-istiod-1-31-1": "delete",
    }
    upgraded.up(mesh)

    mesh = steps["cni"].edit.applied(mesh)
    assert upgraded.up(mesh) == {"mesh": "update", "mesh-cni": "update"}
    mesh = steps["ztunnel"].edit.applied(mesh)
    assert upgraded.up(mesh) == {"mesh": "update", "mesh-ztunnel": "update"}
    assert {name: version[:4] for name, version in charts(stack).items()} == {
        "istio-base": "1.31",
        "istiod-1-30-7": "1.30",
        "istiod-1-31-1": "1.31",
        "istio-cni": "1.31",
        "ztunnel": "1.31",
    }

    move = {"mesh": "update", **{f"mesh-tag-stable{part}": "update" for part in ("", "-injector", "-service")}}
    before_move = mesh
    for wanted, revision in (
        (steps["tag-stable"].edit.applied(mesh), "1-31-1"),
        (before_move, "1-30-7"),
        (steps["tag-stable"].edit.applied(mesh), "1-31-1"),
    ):
        assert upgraded.up(wanted) == move
        assert stands_for(api) == {revision}
        injector = api.get(INJECTOR)
        assert injector is not None
        assert {each["clientConfig"]["caBundle"] for each in injector["webhooks"]} == {CA}
        mesh = wanted
    stack.run("preview", "--expect-no-changes")

    mesh = steps["finish"].edit.applied(mesh)
    assert upgraded.up(mesh) == {"mesh": "update", "mesh-base": "update", "mesh-istiod-1-30-7": "delete"}
    (only,) = api.list("apps/v1", "Deployment", "istio-system")
    assert only["metadata"]["name"] == "istiod-1-31-1"

    mesh = steps["bundle"].edit.applied(mesh)
    assert "gateway-api" in upgraded.up(mesh)
    crd = api.get(
        Identity("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "gateways.gateway.networking.k8s.io")
    )
    assert crd is not None
    assert crd["metadata"]["annotations"]["gateway.networking.k8s.io/bundle-version"] == "v1.6.1"
    stack.run("preview", "--expect-no-changes")
    assert mesh == {**MESH, "version": NEW, "revision": "1-31-1", "tags": {"stable": "1-31-1"}}
    stack.run("destroy", "--yes", "--skip-preview")
    assert {each.kind for each in cluster.made()} == {"CustomResourceDefinition"}
