"""What the keys for certificates and for other clusters become."""

import base64
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from meshwright.config import IstioAmbientMesh, parse_config
from meshwright.engine.given import Given
from meshwright.engine.graph import UNKNOWN, Graph, Secret
from meshwright.engine.record import record
from meshwright.engine.stack import UNKNOWN_TEXT
from meshwright.errors import MeshwrightError
from meshwright.kubernetes.errors import ComponentError
from tests.servers.pki import signer
from tests.unit.graphs import find, inputs, names, shape
from tests.unit.istio.certificates.mesh import args, intermediate, root, with_lists
from tests.unit.stacks.test_program import ROOT

EU = {"mesh": "shop", "cluster": "eu", "network": "eu", "api_server": "https://eu.example:6443"}
Keep = Callable[..., str]


@pytest.fixture(autouse=True)
def _as_pulumi_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "stacks"))
    monkeypatch.setattr("pulumi.runtime.get_root_directory", lambda: str(ROOT))


@pytest.fixture
def keep(tmp_path: Path) -> Keep:
    """Writes an authority as Istio names its files; gives the folder."""

    def write(name: str, authority: dict[str, Any]) -> str:
        folder = tmp_path / name
        folder.mkdir()
        files = {"certificate": "ca-cert", "key": "ca-key", "root": "root-cert", "chain": "cert-chain", "crl": "ca-crl"}
        for key, text in authority.items():
            (folder / f"{files[key]}.pem").write_text(text)
        return str(folder)

    return write


def run(certificates: Any, config: dict[str, str] | None = None, given: Given | None = None, **more: Any) -> Graph:
    """The stack's program, in this process: a process for each test would take a minute in all."""
    import istio_ambient

    wanted = {"kind": "istio-ambient", "version": "1.31", "cluster": {"context": "c", "platform": "kind"}, **more}
    mesh = parse_config({**wanted, "certificates": certificates}, None, None).mesh
    assert isinstance(mesh, IstioAmbientMesh)
    secret = [key for key in config or {} if key.endswith("Key")]
    return record(lambda: istio_ambient.deploy(mesh), stack="x", config=config, secret_keys=secret, given=given)


def cacerts(graph: Graph) -> dict[str, str]:
    data = inputs(graph, "mesh-ca-secret-content")["data"]
    assert isinstance(data, Secret)
    return {key: base64.b64decode(text).decode() for key, text in data.value.items()}


def refused(*given: Any, **more: Any) -> str:
    with pytest.raises(MeshwrightError) as error:
        run(*given, **more)
    return str(error.value)


def test_an_authority_in_a_folder(keep: Keep) -> None:
    folder = keep("eu", {**with_lists(), "chain": intermediate().pem + root().pem})
    graph = run({"source": "cacerts", "authority": {"folder": folder}})
    assert cacerts(graph).keys() == {"ca-cert.pem", "ca-key.pem", "cert-chain.pem", "root-cert.pem", "ca-crl.pem"}
    assert cacerts(graph)["cert-chain.pem"] == intermediate().pem
    assert inputs(graph, "mesh-ztunnel")["values"]["peerCaCrl"] == {"enabled": True}


def test_a_key_that_is_a_secret_of_the_stack(keep: Keep) -> None:
    folder = keep("eu", args())
    files = {"certificate": f"{folder}/ca-cert.pem", "root": f"{folder}/root-cert.pem"}
    said = {"source": "cacerts", "authority": {**files, "key": "config:pki:caKey"}}
    assert cacerts(run(said, {"pki:caKey": args()["key"]}))["ca-key.pem"] == intermediate().key_pem


def test_a_key_that_nobody_decrypted_is_not_known_and_nothing_is_refused(keep: Keep) -> None:
    folder = keep("eu", args())
    files = {"certificate": f"{folder}/ca-cert.pem", "root": f"{folder}/root-cert.pem"}
    said = {"source": "cacerts", "authority": {**files, "key": "config:pki:caKey"}}
    data = inputs(run(said, {"pki:caKey": UNKNOWN_TEXT}), "mesh-ca-secret-content")["data"]
    assert data is UNKNOWN or (isinstance(data, Secret) and data.value is UNKNOWN)


def test_a_rotation_reaches_the_component(keep: Keep) -> None:
    rotation = {
        "step": "both-trusted",
        "since": "2026-11-20",
        "previous": {"step": "steady"},
        "next": {"folder": keep("new", args("new"))},
    }
    graph = run({"source": "cacerts", "authority": {"folder": keep("old", args())}, "rotation": rotation})
    assert cacerts(graph)["root-cert.pem"] == root().pem + root("new").pem
    assert inputs(graph, "mesh")["certificates"] == {
        "source": "cacerts",
        "rotation": {"step": "both-trusted", "since": "2026-11-20", "previous": {"step": "steady"}},
    }


def test_a_root_that_signs_is_taken_over_when_it_is_said(keep: Keep) -> None:
    own = {"certificate": root().pem, "key": root().key_pem, "root": root().pem}
    graph = run({"source": "cacerts", "authority": {"folder": keep("istio", own), "root_signs": True}})
    assert cacerts(graph)["ca-cert.pem"] == root().pem


def test_istio_csr_with_all_that_is_yours_to_set(keep: Keep) -> None:
    folder = keep("eu", args())
    chart = Path(folder) / "cert-manager-istio-csr"
    chart.mkdir()
    (chart / "Chart.yaml").write_text("name: cert-manager-istio-csr\nversion: v0.17.0\n")
    (chart / "values.yaml").write_text(
        "replicaCount: 1\npodDisruptionBudget: {}\ntopologySpreadConstraints: []\nvolumes: []\nvolumeMounts: []\n"
        "podDisruptionBudget: {enabled: false}\napp: {logLevel: 1, certmanager: {namespace: x, issuer: {name: x, kind: x, group: x}},"
        " tls: {trustDomain: x, rootCAFile: x, certificateDNSNames: []}, server: {caTrustedNodeAccounts: x,"
        " maxCertificateDuration: 1h}, istio: {revisions: [], namespace: x}, controller: {leaderElectionNamespace: x}}\n"
    )
    csr = {
        "root": f"{folder}/root-cert.pem",
        "issuer": {"type": "ca", "secret": "mesh-ca"},
        "namespace": "pki",
        "replicas": 3,
        "max_duration": "2h",
        "charts": {"source": "path", "path": folder},
        "values": {"app": {"logLevel": 2}},
    }
    values = inputs(run({"source": "istio-csr", "istio_csr": csr}), "mesh-istio-csr-release")["values"]
    assert values["replicaCount"] == 3
    assert values["app"]["server"] == {"caTrustedNodeAccounts": "istio-system/ztunnel", "maxCertificateDuration": "2h"}
    assert values["app"]["logLevel"] == 2


def test_the_charts_of_istio_csr_from_a_mirror(keep: Keep) -> None:
    csr = {
        "root": f"{keep('eu', args())}/root-cert.pem",
        "issuer": {"type": "ca", "secret": "mesh-ca"},
        "charts": {"source": "mirror", "url": "oci://mirror.example/charts"},
    }
    graph = run({"source": "istio-csr", "istio_csr": csr})
    assert inputs(graph, "mesh-istio-csr-release")["chart"] == "oci://mirror.example/charts/cert-manager-istio-csr"


PLACE = "stacks/Pulumi.x.yaml: mesh.certificates"


@pytest.mark.parametrize(
    ("key", "config", "line"),
    [
        ("nowhere.pem", {}, "names nowhere.pem, which can't be read; give the path of a PEM file"),
        (
            "config:pki:caKey",
            {},
            "names the config value pki:caKey, which isn't set; pulumi config set --secret pki:caKey",
        ),
        (
            "config:pki:key",
            {"pki:key": "x"},
            "names the config value pki:key, which is no secret; pulumi config set --secret pki:key",
        ),
        (
            "config:key",
            {"test:key": "x"},
            "names the config value test:key, which is no secret; pulumi config set --secret test:key",
        ),
    ],
)
def test_what_is_not_there_is_refused(keep: Keep, key: str, config: dict[str, str], line: str) -> None:
    folder = keep("eu", args())
    files = {"certificate": f"{folder}/ca-cert.pem", "root": f"{folder}/root-cert.pem"}
    said = refused({"source": "cacerts", "authority": {**files, "key": key}}, config)
    assert f"{PLACE}.authority.key {line} (MW-E145)" in said


def test_an_authority_that_cannot_sign_is_refused_before_anything_is_registered(keep: Keep) -> None:
    folder = keep("eu", args(root=root("new").pem))
    said = refused({"source": "cacerts", "authority": {"folder": folder}})
    assert "IstioAmbient mesh, authority: no root given signed CN=old eu" in said
    assert "(MW-E146)" in said


def joined(keep: Keep, given: Given | None = None, **more: Any) -> Graph:
    place = {**EU, **more}
    spaces = [
        {"name": "shop", "phase": "permissive", "waypoint": {"reason": "retries"}},
        {"name": "pay", "phase": "strict"},
    ]
    authority = {"source": "cacerts", "authority": {"folder": keep("eu", args())}}
    return run(authority, given=given, multicluster=place, namespaces=spaces, revision="1-31-1")


def test_a_member_of_a_mesh_of_several(keep: Keep) -> None:
    graph = joined(
        keep,
        remote_ingress=True,
        east_west={"source_ranges": ["10.0.0.0/8"], "min_replicas": 3},
        global_services={"shop": ["cart"], "pay": ["ledger"]},
    )
    env = inputs(graph, "mesh-istiod-1-31-1")["values"]["env"]
    assert env["AMBIENT_ENABLE_MULTI_NETWORK_INGRESS"] == "true"
    assert inputs(graph, "east-west") == {
        "network": "eu",
        "platform": "kind",
        "revision": "1-31-1",
        "source_ranges": ["10.0.0.0/8"],
        "min_replicas": 3,
    }
    assert inputs(graph, "reader") == {"cluster": "eu", "server": "https://eu.example:6443"}
    assert inputs(graph, "shop-global") == {"namespace": "shop", "services": ["cart"], "waypoints": ["waypoint"]}
    assert inputs(graph, "pay-global") == {"namespace": "pay", "services": ["ledger"], "waypoints": []}
    assert "shop-waypoint-gateway" in names(find(graph, "shop-global-waypoint-waypoint").dependencies)
    assert graph.outputs["member"] == {
        "mesh": "shop",
        "cluster": "eu",
        "network": "eu",
        "trust_domain": "cluster.local",
        "waypoints": {"shop": ["waypoint"], "pay": []},
        "root": root().pem,
        "signs": root().pem,
    }
    assert graph.outputs["remote_kubeconfig"] is UNKNOWN or isinstance(graph.outputs["remote_kubeconfig"], Secret)


def peer(mesh: str) -> Given:
    member = {"mesh": mesh, "cluster": "us", "network": "us", "trust_domain": "cluster.local", "waypoints": {}}
    outputs = {"member": {**member, "root": root().pem}, "remote_kubeconfig": Secret("apiVersion: v1")}
    return Given(stacks={"acme/meshwright/us": outputs})


def test_another_cluster_is_read_once_it_is_known_to_be_of_the_mesh(keep: Keep) -> None:
    peers = [{"cluster": "us", "stack": "acme/meshwright/us"}]
    data = inputs(joined(keep, peer("shop"), peers=peers), "reads-us-secret-content")["data"]
    assert isinstance(data, Secret)
    assert base64.b64decode(data.value["us"]).decode() == "apiVersion: v1"


def test_another_cluster_that_is_of_another_mesh_is_refused(keep: Keep) -> None:
    peers = [{"cluster": "us", "stack": "acme/meshwright/us"}]
    with pytest.raises(ComponentError, match="eu has the mesh id shop, and us has bank; give all the same mesh id"):
        joined(keep, peer("bank"), peers=peers)


def test_a_waypoint_that_is_used_is_shared_and_told_too(keep: Keep) -> None:
    spaces = [
        {"name": "hub", "phase": "strict", "waypoint": {"allowed_namespaces": ["shop", "pay"]}},
        *({"name": each, "phase": "strict", "use_waypoint": {"namespace": "hub"}} for each in ("shop", "pay")),
    ]
    authority = {"source": "cacerts", "authority": {"folder": keep("eu", args())}}
    place = {**EU, "global_services": {"shop": ["cart"], "pay": ["ledger"]}}
    graph = run(authority, multicluster=place, namespaces=spaces)
    assert inputs(graph, "hub-global") == {"namespace": "hub", "services": [], "waypoints": ["waypoint"]}
    assert inputs(graph, "shop-global")["waypoints"] == []
    assert graph.outputs["member"]["waypoints"] == {"shop": ["hub/waypoint"], "pay": ["hub/waypoint"]}


def test_the_trust_domain_that_is_told_is_the_one_that_istiod_has(keep: Keep) -> None:
    authority = {"source": "cacerts", "authority": {"folder": keep("eu", args())}}
    values = {"istiod": {"meshConfig": {"trustDomain": "eu.example"}}}
    assert run(authority, multicluster=EU, values=values).outputs["member"]["trust_domain"] == "eu.example"


@pytest.mark.parametrize(
    ("step", "both", "signs"),
    [("both-trusted", True, "old"), ("switched", True, "new"), ("old-removed", False, "new")],
)
def test_the_others_learn_which_roots_are_trusted(keep: Keep, step: str, both: bool, signs: str) -> None:
    before = {"both-trusted": "steady", "switched": "both-trusted", "old-removed": "switched"}[step]
    rotation = {
        "step": step,
        "since": "2026-11-20",
        "previous": {"step": before, "since": "2026-11-01"},
        "next": {"folder": keep("new", args("new"))},
    }
    certificates = {"source": "cacerts", "authority": {"folder": keep("old", args())}, "rotation": rotation}
    graph = run(certificates, multicluster=EU)
    assert graph.outputs["member"]["root"] == (root().pem if both else "") + root("new").pem
    assert graph.outputs["member"]["signs"] == root(signs).pem


def test_the_root_of_a_member_with_istio_csr(keep: Keep) -> None:
    csr = {"root": f"{keep('eu', args())}/root-cert.pem", "issuer": {"type": "ca", "secret": "mesh-ca"}}
    graph = run({"source": "istio-csr", "istio_csr": csr}, multicluster=EU)
    assert graph.outputs["member"]["root"] == graph.outputs["member"]["signs"] == root().pem


def test_a_mesh_that_says_nothing_registers_nothing() -> None:
    kinds = {kind for kind, _, _ in shape(run(None))}
    assert not kinds & {"meshwright:index:PluggedInCa", "meshwright:index:EastWestGateway"}


def test_expiry_is_told(keep: Keep) -> None:
    short = signer("short", root(), last=date(2027, 6, 1))
    folder = keep("eu", {"certificate": short.pem, "key": short.key_pem, "root": root().pem})
    graph = run({"source": "cacerts", "authority": {"folder": folder}})
    assert find(graph, "mesh-ca").outputs["expires"] == "2027-06-01"
