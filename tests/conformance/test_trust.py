"""Certificates and clusters, judged by those who use them: istiod, OpenBao, cert-manager and the API server."""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest
import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.verification import PolicyBuilder, Store

from meshwright import EastWestGateway, IstioAmbient, IstioCsr, RemoteSecret, Waypoint
from meshwright.engine.graph import Graph, Secret
from meshwright.istio.multicluster.remote import kubeconfig_for
from tests.conformance import checks
from tests.conformance.openbao_login import let_in
from tests.servers import helm
from tests.servers.certmanager import NAMESPACE, CertManager
from tests.servers.cluster import Cluster
from tests.servers.istiod import Istiod
from tests.servers.kubernetes import Identity, Object, condition, manifests
from tests.servers.openbao import OpenBao
from tests.servers.programs import data_file, require_programs
from tests.unit.graphs import inputs, with_provider
from tests.unit.istio.certificates.mesh import args, root

ROOT_NAMESPACE = "istio-system"
MESH_ROOT = Identity("v1", "ConfigMap", ROOT_NAMESPACE, "istio-ca-root-cert")
NEXT = {"since": "2026-11-20", "next": args("new")}
STEPS: dict[str, Any] = {
    "both-trusted": {"step": "both-trusted", "previous": {"step": "steady", "since": "2026-01-01"}, **NEXT},
    "switched": {"step": "switched", "previous": {"step": "both-trusted", "since": "2026-11-01"}, **NEXT},
    "old-removed": {"step": "old-removed", "previous": {"step": "switched", "since": "2026-11-01"}, **NEXT},
}
UPDATED, REFUSED = "updated its key and certs accordingly", "Updating new ROOT-CA not supported"


def mesh(certificates: Any, **more: Any) -> Graph:
    wanted: Any = {"version": "1.31", "platform": "kind", "certificates": certificates, **more}
    return with_provider(lambda opts: IstioAmbient("mesh", wanted, opts))


def cacerts(graph: Graph) -> dict[str, bytes]:
    """What istiod finds in its mount."""
    data = inputs(graph, "mesh-ca-secret-content")["data"]
    assert isinstance(data, Secret)
    return {name: base64.b64decode(text) for name, text in data.value.items()}


def mount(folder: Path, files: dict[str, bytes]) -> None:
    """Put files where the process looks for them; it notices when they are written anew."""
    place = folder / "etc" / "cacerts"
    place.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (place / name).write_bytes(content)


@pytest.fixture
def start(mesh_cluster: Cluster, tmp_path: Path) -> Iterator[Callable[[Graph], Istiod]]:
    """Starts istiod with the values of a graph, and with its certificates mounted."""
    require_programs("pilot-discovery", "helm")
    started: list[Istiod] = []

    def run(graph: Graph) -> Istiod:
        release = inputs(graph, "mesh-istiod")
        rendered = helm.template(helm.istio_chart("istiod"), "istiod", ROOT_NAMESPACE, release["values"])
        space = inputs(graph, "mesh-namespace")
        objects = helm.objects(rendered)
        mesh_cluster.api.apply_all([{"apiVersion": "v1", "kind": "Namespace", "metadata": space["metadata"]}, *objects])
        mount(tmp_path / "istiod", cacerts(graph))
        istiod = Istiod(
            mesh_cluster, tmp_path / "istiod", next(each for each in objects if each["kind"] == "Deployment")
        )
        started.append(istiod)
        return istiod.__enter__()

    yield run
    for each in started:
        each.__exit__()


def roots_of_the_mesh(cluster: Cluster) -> list[str]:
    """The subjects of the roots that istiod hands to every namespace."""
    stored = cluster.api.get(MESH_ROOT)
    text = stored["data"]["root-cert.pem"] if stored else ""
    return [each.subject.rfc4514_string() for each in x509.load_pem_x509_certificates(text.encode())] if text else []


def request(key: ec.EllipticCurvePrivateKey, uri: str = "") -> str:
    """A signing request: of an authority, or of a workload with a SPIFFE URI."""
    name = x509.Name([] if uri else [x509.NameAttribute(x509.NameOID.COMMON_NAME, "prod-eu")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    if uri:
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)])
        builder = builder.add_extension(names, critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def test_istiod_takes_an_intermediate_that_openbao_issued(
    start: Callable[[Graph], Istiod], openbao: OpenBao, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MESHWRIGHT_AS_OF")  # OpenBao dates by the clock
    openbao.request("POST", "sys/mounts/pki-root", type="pki")
    made = {"common_name": "corporate root", "ttl": "700h", "key_type": "ec", "key_bits": 256}
    top = openbao.request("POST", "pki-root/root/generate/internal", **made)["data"]["certificate"]
    key = ec.generate_private_key(ec.SECP256R1())
    asked = {"csr": request(key), "common_name": "prod-eu", "ttl": "600h", "max_path_length": 0}
    signed = openbao.request("POST", "pki-root/root/sign-intermediate", **asked)["data"]["certificate"]
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    authority = {"certificate": signed, "key": key.private_bytes(*form).decode(), "root": top}
    istiod = start(mesh({"source": "cacerts", "authority": authority}))
    istiod.cluster.api.wait(lambda: roots_of_the_mesh(istiod.cluster), "istiod hands the root to its namespace")
    assert roots_of_the_mesh(istiod.cluster) == ["CN=corporate root"]
    assert "Use local CA certificate" in istiod.log.read_text()


def test_istiod_follows_a_rotation_and_refuses_one_that_leaves_a_step_out(start: Callable[[Graph], Istiod]) -> None:
    at = {step: mesh({"source": "cacerts", "authority": args(), "rotation": STEPS[step]}) for step in STEPS}
    istiod = start(at["both-trusted"])
    wait = istiod.cluster.api.wait
    wait(lambda: len(roots_of_the_mesh(istiod.cluster)) == 2, "both roots are trusted")
    assert roots_of_the_mesh(istiod.cluster) == ["CN=old root", "CN=new root"]

    def now(step: str, said: str, count: int) -> None:
        mount(istiod.log.parent, cacerts(at[step]))
        wait(lambda: istiod.log.read_text().count(said) >= count, f"istiod says of {step}: {said}")

    now("switched", UPDATED, 1)
    assert sorted(roots_of_the_mesh(istiod.cluster)) == ["CN=new root", "CN=old root"]
    now("old-removed", UPDATED, 2)
    wait(lambda: roots_of_the_mesh(istiod.cluster) == ["CN=new root"], "the old root is gone")
    mount(istiod.log.parent, cacerts(mesh({"source": "cacerts", "authority": args()})))
    wait(lambda: REFUSED in istiod.log.read_text(), "istiod refuses another root")
    assert roots_of_the_mesh(istiod.cluster) == ["CN=new root"]


def test_cert_manager_signs_through_openbao_as_istio_csr_asks(
    mesh_cluster: Cluster, openbao: OpenBao, tmp_path: Path
) -> None:
    require_programs("cert-manager", "trust-manager")
    api = mesh_cluster.api
    api.apply_all(manifests(data_file("crds", "trust-manager-0.24.0.yaml")))
    api.apply_all(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": each}} for each in (NAMESPACE, ROOT_NAMESPACE)
    )
    top = _authority_in(openbao, mesh_cluster)
    wanted: Any = {
        "issuer": {
            "type": "vault",
            "server": openbao.url,
            "path": "pki-mesh/sign/mesh",
            "role": "istio",
            "mount": "/v1/auth/kubernetes-mesh",
        },
        "root": root().pem,
        "root_namespace": ROOT_NAMESPACE,
        "agents_namespace": ROOT_NAMESPACE,
    }
    graph = with_provider(lambda opts: IstioCsr("csr", wanted, opts))
    for name in ("csr-vault-account", "csr-vault-role", "csr-vault-binding", "csr-issuer"):
        body = inputs(graph, name)
        assert checks.lost(body, api.apply(body)) == []
    key = ec.generate_private_key(ec.SECP256R1())
    csr = request(key, "spiffe://cluster.local/ns/shop/sa/cart")
    asked: Object = {
        "apiVersion": "cert-manager.io/v1",
        "kind": "CertificateRequest",
        "metadata": {"name": "cart", "namespace": ROOT_NAMESPACE},
        "spec": {
            "request": base64.b64encode(csr.encode()).decode(),
            "duration": "1h",
            "usages": ["client auth", "server auth"],
            "issuerRef": inputs(graph, "csr-release")["values"]["app"]["certmanager"]["issuer"],
        },
    }
    with CertManager(mesh_cluster, tmp_path):
        issuer = Identity.of(inputs(graph, "csr-issuer"))
        api.wait(lambda: condition(api.get(issuer) or {}, "Ready") == "True", "cert-manager is let in by OpenBao")
        api.apply(asked)
        api.wait(lambda: condition(api.get(Identity.of(asked)) or {}, "Ready") == "True", "the request is signed")
    status = (api.get(Identity.of(asked)) or {})["status"]
    leaf, *between = x509.load_pem_x509_certificates(base64.b64decode(status["certificate"]))
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["spiffe://cluster.local/ns/shop/sa/cart"]
    trusted = x509.load_pem_x509_certificates(top.encode())
    assert PolicyBuilder().store(Store(trusted)).build_client_verifier().verify(leaf, between)


def _authority_in(openbao: OpenBao, cluster: Cluster) -> str:
    """An authority in OpenBao that signs for those whom the cluster vouches for; its root, PEM."""
    openbao.request("POST", "sys/mounts/pki-mesh", type="pki")
    made = {"common_name": "mesh root", "ttl": "700h", "key_type": "ec", "key_bits": 256}
    top = openbao.request("POST", "pki-mesh/root/generate/internal", **made)["data"]["certificate"]
    uris = {"allowed_uri_sans": ["spiffe://cluster.local/*"], "require_cn": False, "key_type": "any"}
    openbao.request("POST", "pki-mesh/roles/mesh", allow_any_name=True, max_ttl="24h", **uris)
    account = (ROOT_NAMESPACE, "istio-ca-vault")
    let_in(openbao, cluster, "kubernetes-mesh", "istio", "pki-mesh/sign/mesh", account)
    return str(top)


def test_issuers_are_taken_whole(mesh_cluster: Cluster) -> None:
    mesh_cluster.api.apply_all(manifests(data_file("crds", "aws-privateca-issuer-1.9.0.yaml")))
    mesh_cluster.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ROOT_NAMESPACE}})
    issuers: list[Any] = [
        {"type": "ca", "secret": "mesh-ca"},
        {
            "type": "aws-private-ca",
            "arn": "arn:aws:acm-pca:eu-central-1:1:certificate-authority/x",
            "region": "eu-central-1",
        },
        {"type": "vault", "server": "https://b", "path": "p", "role": "r", "ca_bundle": "YQ==", "vault_namespace": "n"},
    ]
    for issuer in issuers:
        where = {"root_namespace": ROOT_NAMESPACE, "agents_namespace": ROOT_NAMESPACE}
        wanted: Any = {"issuer": issuer, "root": root().pem, **where}
        graph = with_provider(lambda opts, wanted=wanted: IstioCsr("csr", wanted, opts))  # type: ignore[misc]
        assert checks.accepted(mesh_cluster.api, [inputs(graph, "csr-issuer")]) == []


def joined() -> Graph:
    """The cluster eu of a mesh of several, with what is in it."""
    wanted: Any = {
        "version": "1.31",
        "platform": "kind",
        "certificates": {"source": "cacerts", "authority": args()},
        "multicluster": {"mesh": "shop", "cluster": "eu", "network": "eu-net"},
        "values": {"istiod": {"global": {"caAddress": "cert-manager-istio-csr.cert-manager.svc:443"}}},
    }

    def program(opts: pulumi.ResourceOptions) -> None:
        IstioAmbient("mesh", wanted, opts)
        place: Any = {"network": "eu-net", "platform": "gke", "source_ranges": ["10.20.0.0/16"]}
        EastWestGateway("east-west", place, opts)
        Waypoint("l7", {"namespace": ROOT_NAMESPACE, "reason": "to see what it is told"}, opts)

    return with_provider(program)


def test_a_cluster_takes_its_place_among_others(start: Callable[[Graph], Istiod]) -> None:
    graph = joined()
    istiod = start(graph)
    _gateways_are_private_and_know_where_they_are(istiod, graph)
    _the_other_cluster_is_read(istiod)


def _gateways_are_private_and_know_where_they_are(istiod: Istiod, graph: Graph) -> None:
    api = istiod.cluster.api
    for name in ("east-west-parameters", "east-west-gateway", "l7-parameters", "l7-gateway"):
        body = inputs(graph, name)
        assert checks.lost(body, api.apply(body)) == [], name
    gateway = Identity.of(inputs(graph, "east-west-gateway"))
    made = {kind: Identity(group, kind, ROOT_NAMESPACE, gateway.name) for group, kind in (
        ("v1", "Service"), ("apps/v1", "Deployment"), ("autoscaling/v2", "HorizontalPodAutoscaler"),
        ("policy/v1", "PodDisruptionBudget"),
    )}  # fmt: skip
    api.wait(lambda: all(map(api.get, made.values())), "istiod makes what the gateway consists of", 60)
    service = api.get(made["Service"]) or {}
    assert service["spec"]["type"] == "LoadBalancer"
    assert service["spec"]["loadBalancerSourceRanges"] == ["10.20.0.0/16"]
    assert service["metadata"]["annotations"]["networking.gke.io/load-balancer-type"] == "Internal"
    assert 15008 in [each["port"] for each in service["spec"]["ports"]]
    assert (api.get(made["HorizontalPodAutoscaler"]) or {})["spec"]["minReplicas"] == 2
    # A cloud would give it this address.
    status = {"status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.7"}]}}}
    api.request("PATCH", f"{api.path(made['Service'])}/status", status, kind="application/merge-patch+json")
    api.wait(lambda: condition(api.get(gateway) or {}, "Programmed") == "True", "it is programmed")
    assert [each["value"] for each in (api.get(gateway) or {})["status"]["addresses"]] == ["10.0.0.7"]
    for name in (gateway.name, "waypoint"):
        env = _environment(api.get(Identity("apps/v1", "Deployment", ROOT_NAMESPACE, name)) or {})
        assert env["ISTIO_META_NETWORK"] == "eu-net", name
        assert env["ISTIO_META_CLUSTER_ID"] == "eu", name
        assert env["CA_ADDR"] == "cert-manager-istio-csr.cert-manager.svc:443", name


def _environment(deployment: Object) -> dict[str, str]:
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each.get("value", "") for each in container["env"]}


def _the_other_cluster_is_read(istiod: Istiod) -> None:
    api = istiod.cluster.api
    base = {"defaultRevision": "default", "global": {"istioNamespace": ROOT_NAMESPACE}}
    objects = helm.objects(helm.template(helm.istio_chart("base"), "istio-base", ROOT_NAMESPACE, base))
    api.apply_all(each for each in objects if each["kind"] == "ServiceAccount")
    # The token of the reader; the cluster that is read is the same one here.
    token: Object = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "reader",
            "namespace": ROOT_NAMESPACE,
            "annotations": {"kubernetes.io/service-account.name": "istio-reader-service-account"},
        },
        "type": "kubernetes.io/service-account-token",
    }
    api.apply(token)
    api.wait(lambda: "token" in (api.get(Identity.of(token)) or {}).get("data", {}), "the token is made")
    kubeconfig = kubeconfig_for("us", istiod.cluster.url, (api.get(Identity.of(token)) or {})["data"])
    graph = with_provider(lambda opts: RemoteSecret("us", {"cluster": "us", "kubeconfig": kubeconfig}, opts))
    api.apply(inputs(graph, "us-secret"))
    content = inputs(graph, "us-secret-content")
    assert isinstance(content["data"], Secret)
    api.apply({**inputs(graph, "us-secret"), "data": content["data"].value}, manager="patch")
    api.wait(lambda: _clusters(istiod).get("us") == "synced", "istiod has read the other cluster", 60)


def _clusters(istiod: Istiod) -> dict[str, str]:
    """The clusters that istiod reads, and how far it has come."""
    answer = urllib3.request("GET", f"{istiod.url}/debug/clusterz", retries=False, timeout=5.0)
    return {each["id"]: each["syncStatus"] for each in answer.json()}
