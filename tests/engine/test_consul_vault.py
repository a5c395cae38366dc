"""Consul with its authority in OpenBao, all of it real but for the pods: engine, four providers, chart, and a Consul.

That one runs beside the cluster as a pod of consul-server would: with the configuration that the chart has written, and
the token of its service account, by which OpenBao lets it in after asking the cluster's API server.
"""

import base64
import json
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from meshwright.certs.consul_gates import is_cross_signed
from meshwright.certs.consul_seen import ConsulAddress, ConsulSeen, observe_consul
from meshwright.consul import labels
from meshwright.consul.vault.plan import plan_vault
from tests.conformance.consul_leaves import Leaf, load
from tests.engine.conftest import ROOT, Projects, Pulumi
from tests.engine.on_cluster import CHARTS, edit, simulated, update
from tests.servers import programs
from tests.servers.cluster import Cluster
from tests.servers.consul import Consul
from tests.servers.kubernetes import Identity
from tests.servers.openbao import OpenBao

PROVIDERS = ("pulumi-resource-vault", "pulumi-resource-consul", "pulumi-resource-random")
DATACENTER, NEXT = "prod-us", "prod-us/connect_root_2027"
CROSS_SIGNING = {"step": "cross-signing", "since": "2026-11-01", "previous": {"step": "steady"}}
SWITCHED = {"step": "switched", "since": "2026-11-08", "previous": {"step": "cross-signing", "since": "2026-11-01"}}
OLD_PRUNED = {"step": "old-pruned", "since": "2026-11-16", "previous": {"step": "switched", "since": "2026-11-08"}}


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with simulated(tmp_path / "cluster", "consul", *PROVIDERS) as running:
        programs.require_programs("consul", "unshare")
        yield running


@pytest.fixture
def openbao(tmp_path: Path) -> Iterator[OpenBao]:
    with OpenBao(tmp_path / "openbao") as running:
        yield running


@pytest.fixture
def pulumi(real: Projects, cluster: Cluster, openbao: OpenBao) -> Pulumi:
    """The example stack, steady, but for where its cluster, its chart and its OpenBao are."""
    pulumi = real.project(ROOT)
    pulumi.select("consul-rotation")
    mesh = edit(pulumi)
    shutil.copy(cluster.ca, pulumi.project / "cluster.pem")
    edit(
        pulumi,
        cluster={**mesh["cluster"], "kubeconfig": str(cluster.kubeconfig), "context": "sim"},
        charts={"source": "path", "path": str(CHARTS)},
        gateway_api={"version": "1.5.1", "path": str(programs.data_file("crds", "gateway-api-1.5.1-standard.yaml"))},
        control_plane={"volumes": {"when_destroyed": "delete"}},
        vault={
            "address": openbao.url,
            "flavor": "openbao",
            "token": "config:consul:vault",
            "auth": {
                "kubernetes_host": cluster.url,
                "kubernetes_ca_certificate": "cluster.pem",
                "reviewer_token": "config:consul:reviewer",
            },
        },
        ca={"root": {"path": f"{DATACENTER}/connect_root"}},
    )
    secrets = {"vault": openbao.token, "reviewer": reviewer(cluster)}
    for name, value in secrets.items():
        pulumi.run("config", "set", "--secret", f"consul:{name}", value)
    return pulumi


def reviewer(cluster: Cluster) -> str:
    """The token by which OpenBao asks the cluster whose tokens it is shown."""
    subject = {"kind": "ServiceAccount", "name": "reviewer", "namespace": "kube-system"}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "reviewer"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:auth-delegator"},
        "subjects": [subject],
    }
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "reviewer", "namespace": "kube-system"},
    }
    cluster.api.apply_all([account, binding])
    return token_of(cluster, "kube-system", "reviewer")


def token_of(cluster: Cluster, namespace: str, account: str) -> str:
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
    return str(cluster.api.request("POST", path, asked)["status"]["token"])


def written_by_the_chart(cluster: Cluster) -> dict[str, Any]:
    """The key `connect` of the servers' configuration."""
    found = cluster.api.get(Identity("v1", "ConfigMap", labels.NAMESPACE, f"{labels.SERVER}-config"))
    assert found is not None
    (connect,) = json.loads(found["data"]["connect-ca-config.json"])["connect"]
    return dict(connect)


def up(pulumi: Pulumi) -> dict[str, str]:
    changed = update(pulumi)
    pulumi.run("preview", "--expect-no-changes")
    return changed


def look(consul: Consul) -> ConsulSeen:
    return observe_consul(ConsulAddress(consul.url), DATACENTER)


def leaf_of(consul: Consul) -> Leaf:
    leaf, *chain = load(consul.request("GET", "agent/connect/ca/leaf/web")["CertPEM"])
    return Leaf(leaf, tuple(chain))


def secrets_in(openbao: OpenBao) -> list[str]:
    """The gossip key and the bootstrap token, which are random and known to nobody else."""
    backend = plan_vault({"address": openbao.url, "datacenter": DATACENTER}, "test").backend
    places = (backend["gossip"], backend["bootstrap_token"])
    return [openbao.request("GET", each["path"])["data"]["data"][each["key"]] for each in places]


def in_clear(pulumi: Pulumi, secrets: list[str]) -> list[str]:
    """Files of the backend in which one of these, or a private key, can be read."""
    backend = Path(pulumi.env["PULUMI_BACKEND_URL"].removeprefix("file://"))
    secret = re.compile("|".join(map(re.escape, (*secrets, "PRIVATE KEY"))))
    return [
        str(each) for each in backend.rglob("*") if each.is_file() and secret.search(each.read_text(errors="replace"))
    ]


def may_cross_sign(openbao: OpenBao) -> bool:
    return f"consul-{DATACENTER}-cross-signing" in openbao.request("GET", "sys/policies/acl?list=true")["data"]["keys"]


def test_a_root_is_changed_under_a_consul_that_logs_in_as_its_pods_do(
    pulumi: Pulumi, cluster: Cluster, openbao: OpenBao, tmp_path: Path
) -> None:
    before, mounts = cluster.made(), set(openbao.request("GET", "sys/mounts")["data"])
    up(pulumi)
    gossip, token = secrets_in(openbao)
    assert (len(base64.b64decode(gossip)), str(uuid.UUID(token))) == (32, token)
    assert in_clear(pulumi, [gossip, token]) == []
    account = token_of(cluster, labels.NAMESPACE, labels.SERVER)
    with Consul(tmp_path / "consul", written_by_the_chart(cluster), DATACENTER, account=account) as consul:
        first = look(consul).active
        assert first is not None
        root = openbao.request("GET", f"{DATACENTER}/connect_root/cert/ca")["data"]["certificate"]
        assert leaf_of(consul).is_taken_by(first.certificate)
        assert first.certificate == x509.load_pem_x509_certificate(root.encode())

        reached = {"consul": {"address": consul.url}, "root": {"path": f"{DATACENTER}/connect_root"}}
        edit(pulumi, ca=reached)
        assert set(up(pulumi).values()) == {"create"}
        assert look(consul).active == first

        edit(pulumi, ca={**reached, "rotation": {**CROSS_SIGNING, "next": {"path": NEXT}}})
        up(pulumi)
        assert may_cross_sign(openbao)
        assert look(consul).active == first

        edit(pulumi, ca={**reached, "rotation": {**SWITCHED, "next": {"path": NEXT}}})
        up(pulumi)
        seen = look(consul)
        assert seen.active is not None
        assert seen.active != first
        assert is_cross_signed(seen.active, seen.roots)

        # The way back would be a change of the root too: the right goes with the last step.
        assert may_cross_sign(openbao)
        edit(pulumi, ca={**reached, "rotation": {**OLD_PRUNED, "next": {"path": NEXT}}})
        up(pulumi)
        assert not may_cross_sign(openbao)
        assert f"{DATACENTER}/connect_root/" not in openbao.request("GET", "sys/mounts")["data"]
        assert leaf_of(consul).is_taken_by(seen.active.certificate)
    assert in_clear(pulumi, secrets_in(openbao)) == []

    pulumi.run("destroy", "--yes", "--skip-preview")
    assert pulumi.state() == []
    assert set(openbao.request("GET", "sys/mounts")["data"]) == mounts
    left = {(each.kind, each.name) for each in cluster.made() - before if "gateway.networking" not in each.name}
    assert left == set()
