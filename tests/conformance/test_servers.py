"""The servers of the tests are what they say they are."""

import pytest

from tests.servers.cluster import Cluster
from tests.servers.kubernetes import ApiError, Identity, Object, condition


def _pod(name: str, namespace: str, **spec: object) -> Object:
    containers = [{"name": "main", "image": "registry.example/nothing:1"}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"containers": containers, **spec},
    }


def test_the_api_server_forgives_no_unknown_field(cluster: Cluster, namespace: str) -> None:
    with pytest.raises(ApiError, match=r"\.spec\.restartpolicy: field not declared in schema"):
        cluster.api.apply(_pod("typo", namespace, restartpolicy="Never"))
    assert cluster.api.list("v1", "Pod", namespace) == []


def test_pods_are_scheduled_and_run(cluster: Cluster, namespace: str) -> None:
    pod = cluster.api.apply(_pod("runs", namespace))
    cluster.api.wait(lambda: condition(cluster.api.get(Identity.of(pod)) or {}, "Ready") == "True", "the pod is ready")


def test_the_scheduler_is_a_real_one(cluster: Cluster, namespace: str) -> None:
    pod = cluster.api.apply(_pod("nowhere", namespace, nodeSelector={"disk": "ssd"}))
    cluster.api.wait(
        lambda: condition(cluster.api.get(Identity.of(pod)) or {}, "PodScheduled") == "False", "no node is found for it"
    )


def test_a_job_ends_at_once(cluster: Cluster, namespace: str) -> None:
    template = {"spec": {**_pod("", "")["spec"], "restartPolicy": "Never"}}
    job = cluster.api.apply(
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "job", "namespace": namespace},
            "spec": {"template": template},
        }
    )
    cluster.api.wait(lambda: condition(cluster.api.get(Identity.of(job)) or {}, "Complete") == "True", "it ends", 10)


def test_a_claim_gets_a_volume(cluster: Cluster, namespace: str) -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": ""}
    metadata = {"name": "data", "namespace": namespace}
    claim = cluster.api.apply({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec})
    cluster.api.wait(
        lambda: (cluster.api.get(Identity.of(claim)) or {})["status"]["phase"] == "Bound", "the claim is bound"
    )


def test_roles_decide_who_may_what(cluster: Cluster, namespace: str) -> None:
    stranger = cluster.api.acting_as("mallory")
    with pytest.raises(ApiError, match='User "mallory" cannot list resource "secrets"') as refused:
        stranger.list("v1", "Secret", namespace)
    assert refused.value.status == 403


def test_a_crashed_api_server_comes_back_with_its_data(clean_cluster: Cluster) -> None:
    clean_cluster.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kept"}})
    clean_cluster.kill("kube-apiserver")
    clean_cluster.restart("kube-apiserver")
    assert clean_cluster.made() == {Identity("v1", "Namespace", "", "kept")}
