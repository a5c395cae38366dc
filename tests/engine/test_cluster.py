"""The quickstart on a real Kubernetes API server, by the real engine and the real kubernetes provider.

Nothing runs in the simulated pods, so a stand-in does what istiod would: it calls Gateways programmed.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.engine.conftest import ROOT, Projects, Pulumi
from tests.engine.on_cluster import CHARTS, edit, meanwhile, say_programmed, simulated
from tests.servers import programs
from tests.servers.cluster import Cluster
from tests.servers.kubernetes import Api, Identity

GATEWAY = Identity("gateway.networking.k8s.io/v1", "Gateway", "catalog", "waypoint")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with simulated(tmp_path / "cluster", "istiod") as running:
        yield running


@pytest.fixture
def istiod(cluster: Cluster) -> Iterator[None]:
    """Calls every Gateway programmed as soon as it is there."""
    with meanwhile(lambda: say_programmed(cluster.api, GATEWAY)):
        yield


@pytest.fixture
def quickstart(real: Projects, cluster: Cluster) -> Pulumi:
    pulumi = real.project(ROOT)
    pulumi.select("quickstart")
    edit(
        pulumi,
        cluster={"kubeconfig": str(cluster.kubeconfig), "context": "sim", "platform": "kind"},
        charts={"source": "path", "path": str(CHARTS)},
        gateway_api={"path": str(programs.data_file("crds", "gateway-api-1.6.1-standard.yaml"))},
    )
    return pulumi


def labels(api: Api, namespace: str) -> dict[str, str]:
    found = api.get(Identity("v1", "Namespace", "", namespace))
    assert found is not None, namespace
    return {key: value for key, value in found["metadata"]["labels"].items() if key.startswith("istio.io/")}


@pytest.mark.usefixtures("istiod")
def test_up_no_change_upgrade_destroy(quickstart: Pulumi, cluster: Cluster) -> None:
    api = cluster.api
    quickstart.run("up", "--yes", "--skip-preview")
    assert labels(api, "checkout") == {"istio.io/dataplane-mode": "ambient"}
    assert labels(api, "catalog") == {"istio.io/dataplane-mode": "ambient", "istio.io/use-waypoint": "waypoint"}
    assert labels(api, "legacy") == {}
    istiod = api.get(Identity("apps/v1", "Deployment", "istio-system", "istiod"))
    assert istiod is not None
    assert istiod["status"]["readyReplicas"] >= 1
    assert api.get(Identity("policy/v1", "PodDisruptionBudget", "istio-system", "istiod")) is not None
    quickstart.run("preview", "--expect-no-changes")

    mesh = edit(quickstart)
    mesh["namespaces"][2] |= {"phase": "permissive"}
    edit(quickstart, namespaces=mesh["namespaces"])
    quickstart.run("up", "--yes", "--skip-preview")
    assert labels(api, "legacy") == {"istio.io/dataplane-mode": "ambient"}
    quickstart.run("preview", "--expect-no-changes")

    quickstart.run("destroy", "--yes", "--skip-preview")
    assert quickstart.state() == []
    left = cluster.made()
    assert {each.kind for each in left} == {"CustomResourceDefinition"}
    kept = {each.name for each in left}
    assert {"gateways.gateway.networking.k8s.io", "peerauthentications.security.istio.io"} <= kept


def test_what_exists_is_adopted_and_survives(quickstart: Pulumi, cluster: Cluster) -> None:
    api = cluster.api
    api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "legacy", "labels": {"team": "billing"}}})
    bundle = programs.data_file("crds", "gateway-api-1.5.1-standard.yaml").read_text()
    api.apply_all(list(yaml.safe_load_all(bundle)))
    mesh = edit(quickstart)
    legacy = {"name": "legacy", "adopt": True, "phase": "permissive"}
    edit(quickstart, namespaces=[legacy], gateway_api={**mesh["gateway_api"], "mode": "adopt"})

    quickstart.run("up", "--yes", "--skip-preview")
    assert labels(api, "legacy") == {"istio.io/dataplane-mode": "ambient"}
    crd = api.get(
        Identity("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "gateways.gateway.networking.k8s.io")
    )
    assert crd is not None
    assert crd["metadata"]["annotations"]["gateway.networking.k8s.io/bundle-version"] == "v1.6.1"
    quickstart.run("preview", "--expect-no-changes")

    old = str(programs.data_file("crds", "gateway-api-1.5.1-standard.yaml"))
    edit(quickstart, gateway_api={"mode": "adopt", "version": "1.5.1", "path": old})
    done = quickstart.run("preview", check=False)
    assert done.returncode != 0
    assert "has Gateway API 1.6.1, newer than 1.5.1" in done.stdout
    assert "MW-E055" in done.stdout

    quickstart.run("destroy", "--yes", "--skip-preview")
    survivor = api.get(Identity("v1", "Namespace", "", "legacy"))
    assert survivor is not None
    assert survivor["metadata"]["labels"] == {"team": "billing", "kubernetes.io/metadata.name": "legacy"}


def test_created_crds_never_take_over_those_that_exist(quickstart: Pulumi, cluster: Cluster) -> None:
    bundle = programs.data_file("crds", "gateway-api-1.6.1-standard.yaml").read_text()
    cluster.api.apply_all(list(yaml.safe_load_all(bundle)))
    done = quickstart.run("up", "--yes", "--skip-preview", check=False)
    assert done.returncode != 0
    assert 'gateway.networking.k8s.io" already exists' in done.stdout


def test_created_crds_are_never_downgraded(quickstart: Pulumi) -> None:
    edit(quickstart, namespaces=[])
    quickstart.run("up", "--yes", "--skip-preview")
    old = str(programs.data_file("crds", "gateway-api-1.5.1-standard.yaml"))
    edit(quickstart, gateway_api={"version": "1.5.1", "path": old})
    for command in (["preview"], ["up", "--yes", "--skip-preview"]):
        done = quickstart.run(*command, check=False)
        assert done.returncode != 0
        assert "this stack has Gateway API 1.6.1, newer than 1.5.1" in done.stdout


def test_a_namespace_made_here_is_handed_over_with_all_that_is_in_it(quickstart: Pulumi, cluster: Cluster) -> None:
    edit(quickstart, namespaces=[{"name": "legacy", "phase": "permissive"}])
    quickstart.run("up", "--yes", "--skip-preview")
    legacy = Identity("v1", "Namespace", "", "legacy")
    before = cluster.api.get(legacy)
    edit(quickstart, namespaces=[{"name": "legacy", "phase": "permissive", "adopt": True}])
    quickstart.run("up", "--yes", "--skip-preview")
    quickstart.run("destroy", "--yes", "--skip-preview")
    after = cluster.api.get(legacy)
    assert before is not None
    assert after is not None
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
