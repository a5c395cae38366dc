"""Consul by the real engine and provider: made, unchanged, taken away; with its volumes, or without.

Nothing runs in the simulated pods, so that the chart's hooks end and do nothing. The chart is in no package registry: it
is that of `MESHWRIGHT_CHARTS`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meshwright.consul import labels
from tests.engine.conftest import ROOT, Projects, Pulumi
from tests.engine.on_cluster import CHARTS, charts_before, edit, simulated, update
from tests.servers import programs
from tests.servers.cluster import Cluster
from tests.servers.kubernetes import Api, Identity, Object, manifests

CLAIMS = [f"data-{labels.NAMESPACE}-{labels.SERVER}-{number}" for number in range(3)]
OF_HOOKS = {
    (kind, f"consul-{hook}")
    for hook in ("tls-init", "gossip-encryption-autogenerate")
    for kind in ("Role", "RoleBinding", "ServiceAccount")
}
"""What the chart's hooks bring and Helm never takes away (``before-hook-creation``)."""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with simulated(tmp_path / "cluster", "consul", volumes=4) as running:
        running.api.apply_all(manifests(programs.data_file("crds", "prometheus-operator-0.93.0.yaml")))
        yield running


def example(
    real: Projects, cluster: Cluster, when_destroyed: str, name: str = "consul-production", **changes: Any
) -> Pulumi:
    """An example stack as it is, but for where its cluster, its chart, its volumes and the Gateway API are."""
    pulumi = real.project(ROOT)
    pulumi.select(name)
    mesh = edit(pulumi)
    edit(
        pulumi,
        cluster={**mesh["cluster"], "kubeconfig": str(cluster.kubeconfig), "context": "sim"},
        charts={"source": "path", "path": str(CHARTS)},
        gateway_api={"version": "1.5.1", "path": str(programs.data_file("crds", "gateway-api-1.5.1-standard.yaml"))},
        # The simulated cluster's volumes have 10 GiB, and no class.
        control_plane={**mesh.get("control_plane", {}), "volumes": {"when_destroyed": when_destroyed}, "snapshots": {}},
        **changes,
    )
    return pulumi


def up(pulumi: Pulumi) -> None:
    pulumi.run("up", "--yes", "--skip-preview")
    pulumi.run("preview", "--expect-no-changes")


def destroy(pulumi: Pulumi, cluster: Cluster, before: frozenset[Identity]) -> set[tuple[str, str]]:
    """Take the stack away; kind and name of what stays in the cluster, but for CRDs of the Gateway API."""
    pulumi.run("destroy", "--yes", "--skip-preview")
    assert pulumi.state() == []
    stays = {(each.kind, each.name) for each in cluster.made() - before}
    return {(kind, name) for kind, name in stays if not name.endswith("gateway.networking.k8s.io")}


def found(api: Api, api_version: str, kind: str, name: str) -> Object:
    body = api.get(Identity(api_version, kind, labels.NAMESPACE, name))
    assert body is not None, f"{kind} {name}"
    return body


def test_servers_come_back_to_their_volumes(real: Projects, cluster: Cluster) -> None:
    api, before = cluster.api, cluster.made()
    pulumi = example(real, cluster, "retain")
    up(pulumi)
    assert found(api, "apps/v1", "StatefulSet", labels.SERVER)["status"]["readyReplicas"] == 3
    assert found(api, "apps/v1", "Deployment", labels.INJECTOR)["status"]["readyReplicas"] == 3
    for name in (labels.SERVER, labels.INJECTOR):
        budget = found(api, "policy/v1", "PodDisruptionBudget", name)["status"]
        assert (budget["expectedPods"], budget["disruptionsAllowed"]) == (3, 1), name
    claims = {name: found(api, "v1", "PersistentVolumeClaim", name)["metadata"]["uid"] for name in CLAIMS}

    left = destroy(pulumi, cluster, before)
    claimed = {("PersistentVolumeClaim", name) for name in (*CLAIMS, "consul-snapshots")}
    assert left == {("Namespace", "consul"), *claimed, *OF_HOOKS}

    mesh = edit(pulumi)
    edit(
        pulumi,
        control_plane={
            **mesh["control_plane"],
            "adopt_namespace": True,
            "snapshots": {"claim": "consul-snapshots"},
        },
        gateway_api={**mesh["gateway_api"], "mode": "skip"},
    )
    up(pulumi)
    assert {name: found(api, "v1", "PersistentVolumeClaim", name)["metadata"]["uid"] for name in CLAIMS} == claims


def test_nothing_stays_where_nothing_is_to(real: Projects, cluster: Cluster) -> None:
    api, before = cluster.api, cluster.made()
    # Helm waits for a load balancer's address, and here is no load balancer.
    gateways = {"mesh": {"service_type": "ClusterIP"}, "terminating": [{"name": "terminating-gateway"}]}
    pulumi = example(real, cluster, "delete", gateways=gateways)
    up(pulumi)
    for name in (labels.MESH_GATEWAY, "consul-terminating-gateway"):
        assert found(api, "apps/v1", "Deployment", name)["status"]["readyReplicas"] == 2, name
    assert destroy(pulumi, cluster, before) == set()


def test_the_last_namespace_gets_strict_and_what_consul_reads_goes_before_it(real: Projects, cluster: Cluster) -> None:
    before = cluster.made()
    pulumi = example(real, cluster, "delete", "consul-mesh")
    up(pulumi)
    entries = cluster.api.list(labels.API_VERSION, "ServiceIntentions")
    assert entries

    front, shop, reports = edit(pulumi)["namespaces"]
    since = {"since": "2026-11-22", "previous": {"phase": shop["phase"], "since": str(shop["since"])}}
    strict = {key: value for key, value in shop.items() if key != "deadline"} | {"phase": "strict", **since}
    edit(pulumi, namespaces=[front, strict, reports])
    services = {f"shop-{name}": "update" for name in ("cart", "reviews", "stock")}
    assert update(pulumi) == {"shop": "update", **services, "defaults": "update", "defaults-allow-permissive": "delete"}
    pulumi.run("preview", "--expect-no-changes")
    (mesh,) = cluster.api.list(labels.API_VERSION, "Mesh")
    assert "allowEnablingPermissiveMutualTLS" not in mesh["spec"]
    defaults = cluster.api.list(labels.API_VERSION, "ServiceDefaults")
    assert {each["spec"]["mutualTLSMode"] for each in defaults} == {"strict"}
    assert destroy(pulumi, cluster, before) == set()


def test_the_servers_are_upgraded_where_they_are(real: Projects, cluster: Cluster, tmp_path: Path) -> None:
    api, before = cluster.api, cluster.made()
    pulumi = example(real, cluster, "delete", version="2.0.2")
    charts = edit(pulumi)["charts"]
    edit(pulumi, charts={**charts, "path": str(charts_before(tmp_path / "charts-before", "consul", "2.0.2"))})
    up(pulumi)
    claims = {name: found(api, "v1", "PersistentVolumeClaim", name)["metadata"]["uid"] for name in CLAIMS}

    # Where pods run, the chart's hook has taken this Job away, which can't be changed in place.
    api.delete(Identity("batch/v1", "Job", labels.NAMESPACE, f"{labels.SERVER}-acl-init"))
    edit(pulumi, version="2.0.3", charts=charts)
    changed = ("mesh", "mesh-release", "snapshots", "snapshots-job")  # the job runs Consul's own image
    assert update(pulumi) == dict.fromkeys(changed, "update")
    pulumi.run("preview", "--expect-no-changes")
    servers = found(api, "apps/v1", "StatefulSet", labels.SERVER)
    assert servers["metadata"]["labels"]["chart"] == "consul-helm"
    assert servers["status"]["readyReplicas"] == 3
    assert {name: found(api, "v1", "PersistentVolumeClaim", name)["metadata"]["uid"] for name in CLAIMS} == claims
    assert destroy(pulumi, cluster, before) == set()
