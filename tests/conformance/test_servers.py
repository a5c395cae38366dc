"""The servers of the tests are what they say they are."""

import datetime
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from cryptography import x509

from tests.servers.aws import Aws
from tests.servers.certmanager import NAMESPACE, CertManager
from tests.servers.cluster import Cluster
from tests.servers.kubernetes import ApiError, Identity, Object, condition, manifests
from tests.servers.openbao import OpenBao, OpenBaoError
from tests.servers.programs import data_file, require_programs
from tests.servers.prometheus import Prometheus, Series


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


def test_certificates_are_issued_and_bundles_synced(clean_cluster: Cluster, tmp_path: Path) -> None:
    require_programs("cert-manager", "trust-manager")
    api = clean_cluster.api
    files = ("cert-manager-1.21.1.yaml", "trust-manager-0.24.0.yaml")
    api.apply_all(manifests(*(data_file("crds", name) for name in files)))
    labels = {"trust": "here"}
    api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}})
    group, there = "cert-manager.io/v1", {"name": "root", "namespace": NAMESPACE}
    api.apply({"apiVersion": group, "kind": "Issuer", "metadata": there, "spec": {"selfSigned": {}}})
    certificate = api.apply(
        {
            "apiVersion": group,
            "kind": "Certificate",
            "metadata": there,
            "spec": {"secretName": "root", "isCA": True, "commonName": "root", "issuerRef": {"name": "root"}},
        }
    )
    bundle = {
        "apiVersion": "trust.cert-manager.io/v1alpha1",
        "kind": "Bundle",
        "metadata": {"name": "roots"},
        "spec": {
            "sources": [{"secret": {"name": "root", "key": "ca.crt"}}],
            "target": {"configMap": {"key": "roots.pem"}, "namespaceSelector": {"matchLabels": labels}},
        },
    }
    with CertManager(clean_cluster, tmp_path):
        api.wait(lambda: condition(api.get(Identity.of(certificate)) or {}, "Ready") == "True", "it is issued")
        api.apply(bundle)
        synced = Identity("v1", "ConfigMap", NAMESPACE, "roots")
        api.wait(lambda: api.get(synced), "the bundle is synced")
        stored = (api.get(synced) or {})["data"]["roots.pem"]
    assert x509.load_pem_x509_certificate(stored.encode()).subject.rfc4514_string() == "CN=root"


def test_openbao_issues_certificates_and_refuses_strangers(openbao: OpenBao) -> None:
    openbao.request("POST", "sys/mounts/pki-test", type="pki")
    root = openbao.request("POST", "pki-test/root/generate/internal", common_name="Root", ttl="24h")["data"]
    issued = x509.load_pem_x509_certificate(root["certificate"].encode())
    assert issued.subject.rfc4514_string() == "CN=Root"
    assert issued.not_valid_after_utc - issued.not_valid_before_utc < datetime.timedelta(hours=25)
    openbao.request("PUT", "sys/policies/acl/nothing", policy='path "nothing" { capabilities = ["deny"] }')
    token = openbao.request("POST", "auth/token/create", policies=["nothing"], no_default_policy=True)
    root_token, openbao.token = openbao.token, token["auth"]["client_token"]
    with pytest.raises(OpenBaoError, match="permission denied") as refused:
        openbao.request("POST", "pki-test/root/sign-self-issued", certificate="x")
    openbao.token = root_token
    assert refused.value.status == 403


def test_openbao_is_sealed_after_a_restart_and_keeps_its_data(tmp_path: Path) -> None:
    require_programs("bao")
    with OpenBao(tmp_path, dev=False) as bao:
        assert bao.health() == 501
        bao.initialise()
        bao.request("POST", "sys/mounts/kv", type="kv")
        bao.request("PUT", "kv/secret", value="kept")
        bao.stop()
        bao.start()
        assert bao.health() == 503
        with pytest.raises(OpenBaoError, match="sealed"):
            bao.request("GET", "kv/secret")
        bao.unseal()
        assert bao.request("GET", "kv/secret")["data"] == {"value": "kept"}


def test_prometheus_answers_about_the_series_it_was_given(tmp_path: Path) -> None:
    require_programs("prometheus", "promtool")
    start = 1_790_000_000
    rising = [(start + 60 * minute, float(minute * 30)) for minute in range(180)]
    series = [Series("istio_requests_total", {"source": source}, rising) for source in ("web", "cart")]
    with Prometheus(tmp_path, series) as prometheus:
        rates = prometheus.query("rate(istio_requests_total[10m])", start + 7200)
        (total,) = prometheus.query("sum(istio_requests_total)", start + 60)
        with pytest.raises(ValueError, match="parse error"):
            prometheus.query("rate(", start)
    assert [(labels["source"], round(value, 6)) for labels, value in rates] == [("cart", 0.5), ("web", 0.5)]
    assert total == ({}, 60.0)


@pytest.mark.parametrize("service", ["appmesh", "vpc-lattice", "ec2", "iam", "ram", "logs"])
def test_aws_knows_the_services_that_we_use(aws: Aws, service: str) -> None:
    client = aws.client(service)
    listing = {
        "appmesh": ("list_meshes", {}, "meshes", 0),
        "vpc-lattice": ("list_service_networks", {}, "items", 0),
        "ec2": ("describe_vpcs", {}, "Vpcs", 1),
        "iam": ("list_roles", {}, "Roles", 0),
        "ram": ("get_resource_shares", {"resourceOwner": "SELF"}, "resourceShares", 0),
        "logs": ("describe_log_groups", {}, "logGroups", 0),
    }
    call, arguments, key, count = listing[service]
    assert len(getattr(client, call)(**arguments)[key]) == count


def test_aws_keeps_what_it_is_given(aws: Aws) -> None:
    meshes = aws.client("appmesh")
    meshes.create_mesh(meshName="shop", spec={"egressFilter": {"type": "DROP_ALL"}})
    assert meshes.describe_mesh(meshName="shop")["mesh"]["spec"]["egressFilter"] == {"type": "DROP_ALL"}
    with pytest.raises(ClientError, match="NotFound"):
        meshes.describe_mesh(meshName="other")
