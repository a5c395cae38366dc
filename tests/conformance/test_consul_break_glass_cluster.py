"""`consul break-glass` with the real kubectl and API server: what waited for Vault, and the job that makes a token."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshwright.cli import main
from tests.servers.cluster import Cluster
from tests.servers.kubernetes import Identity
from tests.servers.programs import TOOLS, require_programs

OBJECTS = """\
apiVersion: v1
kind: Namespace
metadata: {name: consul}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: consul-server, namespace: consul, labels: {app: consul}}
spec:
  replicas: 3
  serviceName: consul-server
  podManagementPolicy: Parallel
  selector: {matchLabels: {app: consul, component: server}}
  template:
    metadata: {labels: {app: consul, component: server}, annotations: {vault.hashicorp.com/agent-inject: "VAULT"}}
    spec: {containers: [{name: consul, image: x}]}
---
apiVersion: v1
kind: Pod
metadata: {name: vault-0, namespace: consul, labels: {vault-sealed: "false"}}
spec: {containers: [{name: vault, image: x}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: consul-server-acl-init, namespace: consul, labels: {app: consul}}
spec:
  backoffLimit: 6
  template:
    metadata: {labels: {app: consul}}
    spec: {restartPolicy: Never, containers: [{name: job, image: x}]}
"""
JOB = Identity("batch/v1", "Job", "consul", "consul-server-acl-init")
SERVERS = Identity("apps/v1", "StatefulSet", "consul", "consul-server")


def run_on(cluster: Cluster, scenario: str, *options: str) -> int:
    where = ["--context", "sim", "--kubeconfig", str(cluster.kubeconfig)]
    done = ["--apply", "--reason", "a test", "--yes", "--journal", "journal"]
    return main(["consul", "break-glass", scenario, *where, *done, *options])


def made(cluster: Cluster, vault: str) -> None:
    api = cluster.api
    api.apply_all(yaml.safe_load_all(OBJECTS.replace("VAULT", vault)))
    api.wait(lambda: (api.get(SERVERS) or {})["status"].get("readyReplicas") == 3, "the servers are ready", 60)
    api.wait(lambda: (api.get(JOB) or {})["status"].get("succeeded"), "the job has ended", 60)


@pytest.fixture
def cluster_here(mesh_cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    require_programs("kubectl")
    monkeypatch.setenv("PATH", str(TOOLS), prepend=":")
    monkeypatch.chdir(tmp_path)
    return mesh_cluster


def uids(cluster: Cluster) -> dict[str, Any]:
    pods = cluster.api.list("v1", "Pod", "consul")
    return {each["metadata"]["name"]: each["metadata"]["uid"] for each in pods if "server-" in each["metadata"]["name"]}


def test_a_server_that_waited_gets_a_new_pod_once_vault_is_open(cluster_here: Cluster) -> None:
    made(cluster_here, "true")
    before = uids(cluster_here)
    waits = cluster_here.api.path(Identity("v1", "Pod", "consul", "consul-server-1"))
    unready = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
    cluster_here.api.request("PATCH", f"{waits}/status", unready, kind="application/strategic-merge-patch+json")
    assert run_on(cluster_here, "vault-sealed") == 0
    after = uids(cluster_here)
    assert {name for name, uid in before.items() if "acl-init" not in name and after[name] != uid} == {
        "consul-server-1"
    }


def test_the_job_that_makes_a_token_is_run_once_more(cluster_here: Cluster) -> None:
    made(cluster_here, "false")
    first = (cluster_here.api.get(JOB) or {})["metadata"]["uid"]
    assert run_on(cluster_here, "bootstrap-token-lost", "--reset-written") == 0
    again = cluster_here.api.get(JOB) or {}
    assert again["metadata"]["uid"] != first
    assert again["status"]["succeeded"] == 1
    assert again["spec"]["template"]["metadata"]["labels"]["app"] == "consul"
    ends = [json.loads(line) for line in Path("journal").read_text().splitlines()]
    assert [each["state"] for each in ends if each["entry"] == "end"] == ["done", "done"]
