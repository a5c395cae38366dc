"""Each step of a rotation of Linkerd's anchor, judged by cert-manager and trust-manager."""

import base64
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.verification import PolicyBuilder, Store

from meshwright.engine.graph import Graph, Resource
from meshwright.kubernetes.errors import ComponentError
from meshwright.linkerd import labels
from meshwright.linkerd.certificates.fitness import check_issuer, read_anchors
from tests.conformance import checks
from tests.conformance.openbao_login import let_in
from tests.servers.certmanager import NAMESPACE, CertManager
from tests.servers.cluster import Cluster
from tests.servers.kubernetes import Api, Identity, condition, manifests
from tests.servers.openbao import OpenBao
from tests.servers.pki import Signer
from tests.servers.programs import data_file, require_programs
from tests.unit.graphs import find, inputs
from tests.unit.linkerd.certificates.test_trust import STEPS, own, trust

ISSUER = Identity("v1", "Secret", labels.NAMESPACE, labels.ISSUER_SECRET)
ROOTS = Identity("v1", "ConfigMap", labels.NAMESPACE, labels.TRUST_ROOTS)


def test_a_rotation_from_one_anchor_to_another(
    mesh_cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MESHWRIGHT_AS_OF")  # cert-manager dates by the clock
    _prepared(mesh_cluster)
    steps: dict[str, Graph] = {"steady": _at(own("a"), None)}
    for step in ("both-trusted", "issuer-switched"):
        steps[step] = _at(own("a"), own("b"), step)
    steps["old-removed"] = _at(None, own("b"), "old-removed")
    seen: list[tuple[int, str]] = []
    with CertManager(mesh_cluster, tmp_path):
        for step, graph in steps.items():
            _apply(mesh_cluster, graph)
            trusted = 2 if step in ("both-trusted", "issuer-switched") else 1
            seen.append((trusted, _signed(mesh_cluster, graph, step, trusted)))
    # The unit tells the generations apart, and the common name is Linkerd's convention.
    assert seen == [
        (count, f"CN=root.linkerd.cluster.local,OU={unit}") for count, unit in ((1, "a"), (2, "a"), (2, "b"), (1, "b"))
    ]


def _signed(cluster: Cluster, graph: Graph, step: str, trusted: int) -> str:
    """The name of the anchor that signs, once the bundle has so many anchors and the issuer is the step's."""
    api = cluster.api
    api.wait(lambda: len(_bundle(cluster)) == trusted, f"the bundle of {step}", 30)
    signer = inputs(graph, "identity-certificate")["spec"]["issuerRef"]["name"]
    api.wait(lambda: _signed_by(cluster) == signer, f"the issuer of {step}", 30)
    files = {key: base64.b64decode(text).decode() for key, text in (api.get(ISSUER) or {})["data"].items()}
    # The very checks that refuse an issuer of yours; the anchor comes with the issuer.
    chain = check_issuer(files["tls.crt"], files["tls.key"], _bundle(cluster), step, _today())
    assert files["ca.crt"].strip()
    return chain[0].issuer.rfc4514_string()


def test_an_anchor_outlives_a_destroy(mesh_cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MESHWRIGHT_AS_OF")
    api, graph = _prepared(mesh_cluster), _at(own("kept"), None)
    secret = Identity("v1", "Secret", NAMESPACE, "linkerd-trust-kept")
    with CertManager(mesh_cluster, tmp_path):
        _apply(mesh_cluster, graph)
        api.wait(lambda: len(_bundle(mesh_cluster)) == 1, "the bundle", 30)
        first = _bundle(mesh_cluster)
        api.delete_all(
            [Identity.of(inputs(graph, each.name)) for each in reversed(graph.resources) if _in_cluster(each)]
        )
        assert api.get(secret)
        _apply(mesh_cluster, graph)
        api.wait(lambda: len(_bundle(mesh_cluster)) == 1, "the bundle again", 30)
        assert _bundle(mesh_cluster) == first  # the very certificate: it isn't even signed anew
    api.delete_all([secret])


def test_openbao_signs_the_issuer(
    mesh_cluster: Cluster, openbao: OpenBao, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MESHWRIGHT_AS_OF")  # OpenBao and cert-manager date by the clock
    api = _prepared(mesh_cluster)
    top, anchor = _root_in(openbao, "pki-linkerd", 256)
    account = (labels.NAMESPACE, "linkerd-issuer-vault-a")
    let_in(openbao, mesh_cluster, "kubernetes-linkerd", "linkerd", anchor["path"], account)
    graph = trust(anchor)
    with CertManager(mesh_cluster, tmp_path):
        _apply(mesh_cluster, graph)
        stored = api.get(ISSUER)
    assert stored is not None
    files = {key: base64.b64decode(text).decode() for key, text in stored["data"].items()}
    assert find(graph, "identity").outputs["bundle"].strip() == top.strip()  # what the chart writes
    chain = check_issuer(files["tls.crt"], files["tls.key"], read_anchors(top, "bundle", _today()), "issuer", _today())
    # As a proxy verifies another: the leaf below the issuer, and the anchor alone is trusted.
    leaf = Signer(chain[0], load_pem_private_key(files["tls.key"].encode(), None)).leaf("spiffe://cluster.local/x")
    trusted = x509.load_pem_x509_certificates(top.encode())
    assert PolicyBuilder().store(Store(trusted)).build_client_verifier().verify(leaf, list(chain))


def test_a_root_of_openbaos_that_linkerd_refuses(openbao: OpenBao, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MESHWRIGHT_AS_OF")
    _, anchor = _root_in(openbao, "pki-linkerd-384", 384)
    with pytest.raises(ComponentError, match=r"secp384r1, which Linkerd refuses.*MW-E147"):
        trust(anchor)


def _root_in(openbao: OpenBao, mount: str, bits: int) -> tuple[str, dict[str, Any]]:
    """A root in OpenBao, PEM, and an anchor of it."""
    openbao.request("POST", f"sys/mounts/{mount}", type="pki", config={"max_lease_ttl": "87600h"})
    made = {"common_name": "root.linkerd.cluster.local", "ttl": "86400h", "key_type": "ec", "key_bits": bits}
    top = str(openbao.request("POST", f"{mount}/root/generate/internal", **made)["data"]["certificate"])
    path = f"{mount}/root/sign-intermediate"
    where = {"server": openbao.url, "path": path, "role": "linkerd", "mount": "/v1/auth/kubernetes-linkerd"}
    return top, {"source": "vault", "name": "a", "certificate": top, **where}


def _prepared(cluster: Cluster) -> Api:
    require_programs("cert-manager", "trust-manager")
    api = cluster.api
    api.apply_all(manifests(data_file("crds", "trust-manager-0.24.0.yaml")))
    spaces: dict[str, dict[str, str]] = {NAMESPACE: {}, labels.NAMESPACE: {labels.IS_CONTROL_PLANE: "true"}}
    for name, marks in spaces.items():
        api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": marks}})
    return api


def _at(anchor: Any, upcoming: Any, step: str = "") -> Graph:
    return trust(anchor, upcoming, **({"rotation": STEPS[step]} if step else {}))


def _apply(cluster: Cluster, graph: Graph) -> None:
    """As the engine would: each object when what it waits for is there."""
    for each in filter(_in_cluster, graph.resources):
        body = inputs(graph, each.name)
        assert checks.lost(body, cluster.api.apply(body)) == []
        if wanted := body["metadata"].get("annotations", {}).get("pulumi.com/waitFor", ""):
            _wait_for(cluster, Identity.of(body), wanted.removeprefix("condition="))


def _wait_for(cluster: Cluster, where: Identity, kind: str) -> None:
    api = cluster.api
    api.wait(lambda: condition(api.get(where) or {}, kind) == "True", f"{where.name} is {kind}", 30)


def _in_cluster(resource: Resource) -> bool:
    return resource.type.startswith("kubernetes:")


def _bundle(cluster: Cluster) -> tuple[x509.Certificate, ...]:
    stored = cluster.api.get(ROOTS)
    return read_anchors(stored["data"][labels.TRUST_ROOTS_KEY], "bundle", _today()) if stored else ()


def _signed_by(cluster: Cluster) -> str:
    stored = cluster.api.get(ISSUER) or {}
    return str(stored.get("metadata", {}).get("annotations", {}).get("cert-manager.io/issuer-name", ""))


def _today() -> Any:
    from meshwright.config.clock import today

    return today()
