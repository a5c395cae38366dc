"""Each step of a rotation of Linkerd's anchor, judged by cert-manager and trust-manager."""

import base64
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from meshwright.engine.graph import Graph
from meshwright.linkerd import labels
from meshwright.linkerd.certificates.fitness import check_issuer, read_anchors
from tests.conformance import checks
from tests.servers.certmanager import NAMESPACE, CertManager
from tests.servers.cluster import Cluster
from tests.servers.kubernetes import Identity, condition, manifests
from tests.servers.programs import data_file, require_programs
from tests.unit.graphs import inputs
from tests.unit.linkerd.certificates.test_trust import STEPS, own, trust

ISSUER = Identity("v1", "Secret", labels.NAMESPACE, labels.ISSUER_SECRET)
ROOTS = Identity("v1", "ConfigMap", labels.NAMESPACE, labels.TRUST_ROOTS)


def test_a_rotation_from_one_anchor_to_another(
    mesh_cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_programs("cert-manager", "trust-manager")
    monkeypatch.delenv("MESHWRIGHT_AS_OF")  # cert-manager dates by the clock
    api = mesh_cluster.api
    api.apply_all(manifests(data_file("crds", "trust-manager-0.24.0.yaml")))
    spaces: dict[str, dict[str, str]] = {NAMESPACE: {}, labels.NAMESPACE: {labels.IS_CONTROL_PLANE: "true"}}
    for name, marks in spaces.items():
        api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": marks}})
    steps: dict[str, Graph] = {"steady": _at(own("a"), None)}
    for step in ("both-trusted", "issuer-switched"):
        steps[step] = _at(own("a"), own("b"), step)
    steps["old-removed"] = _at(None, own("b"), "old-removed")
    seen: list[tuple[int, str]] = []
    with CertManager(mesh_cluster, tmp_path):
        for step, graph in steps.items():
            _apply(mesh_cluster, graph)
            trusted = 2 if step in ("both-trusted", "issuer-switched") else 1
            api.wait(lambda n=trusted: len(_bundle(mesh_cluster)) == n, f"the bundle of {step}", 30)
            signer = inputs(graph, "identity-certificate")["spec"]["issuerRef"]["name"]
            api.wait(lambda s=signer: _signed_by(mesh_cluster) == s, f"the issuer of {step}", 30)
            files = {key: base64.b64decode(text).decode() for key, text in (api.get(ISSUER) or {})["data"].items()}
            # The very checks that refuse an issuer of yours; the anchor comes with the issuer.
            chain = check_issuer(files["tls.crt"], files["tls.key"], _bundle(mesh_cluster), step, _today())
            assert files["ca.crt"].strip()
            seen.append((trusted, chain[0].issuer.rfc4514_string()))
    assert [count for count, _ in seen] == [1, 2, 2, 1]


def _at(anchor: Any, upcoming: Any, step: str = "") -> Graph:
    return trust(anchor, upcoming, **({"rotation": STEPS[step]} if step else {}))


def _apply(cluster: Cluster, graph: Graph) -> None:
    """As the engine would: each object when what it waits for is there."""
    for each in graph.resources:
        if not each.type.startswith("kubernetes:cert") and not each.type.startswith("kubernetes:trust"):
            continue
        body = inputs(graph, each.name)
        assert checks.lost(body, cluster.api.apply(body)) == []
        wanted = body["metadata"].get("annotations", {}).get("pulumi.com/waitFor", "")
        if wanted:
            kind = wanted.removeprefix("condition=")
            where = Identity.of(body)
            cluster.api.wait(
                lambda w=where, k=kind: condition(cluster.api.get(w) or {}, k) == "True", f"{each.name} is {kind}", 30
            )


def _bundle(cluster: Cluster) -> tuple[x509.Certificate, ...]:
    stored = cluster.api.get(ROOTS)
    return read_anchors(stored["data"][labels.TRUST_ROOTS_KEY], "bundle", _today()) if stored else ()


def _signed_by(cluster: Cluster) -> str:
    stored = cluster.api.get(ISSUER) or {}
    return str(stored.get("metadata", {}).get("annotations", {}).get("cert-manager.io/issuer-name", ""))


def _today() -> Any:
    from meshwright.config.clock import today

    return today()
