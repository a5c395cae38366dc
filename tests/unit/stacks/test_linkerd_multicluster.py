"""What the key `multicluster` of a Linkerd stack becomes, and what the stacks of linked clusters read of each other."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from meshwright.config import parse_config
from meshwright.config.linkerd import LinkerdMesh
from meshwright.engine.given import Given
from meshwright.engine.graph import UNKNOWN, Graph, Secret
from meshwright.engine.record import record
from meshwright.kubernetes.errors import ComponentError
from tests.servers.pki import Signer, signer
from tests.unit.graphs import find, inputs, names, shape
from tests.unit.stacks.test_program import ROOT

STACK = "acme/meshwright/us"
KUBECONFIG = "apiVersion: v1\nkind: Config\n"
EU: dict[str, Any] = {
    "cluster": "eu",
    "api_server": "https://eu.example",
    "gateway": {"source_ranges": ["10.40.0.0/16"]},
    "readers": ["us"],
    "exports": {"catalog": {"hierarchical": ["products"]}},
}
MESHED = {"namespaces": [{"name": "catalog", "phase": "audit"}]}
LINK: dict[str, Any] = {"cluster": "us", "stack": STACK}


@cache
def anchor(name: str = "2026") -> Signer:
    return signer(f"{name} anchor")


@cache
def issuer() -> Signer:
    return signer("issuer", anchor(), path_length=0)


@pytest.fixture(autouse=True)
def _as_pulumi_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "stacks"))
    monkeypatch.setattr("pulumi.runtime.get_root_directory", lambda: str(ROOT))


@pytest.fixture
def trust(tmp_path: Path) -> dict[str, Any]:
    """An anchor that is known before the cluster is."""
    (tmp_path / "anchor.pem").write_text(anchor().pem)
    (tmp_path / "issuer.pem").write_text(issuer().pem)
    files = {"certificate": str(tmp_path / "anchor.pem"), "issuer_certificate": str(tmp_path / "issuer.pem")}
    return {"source": "pem", "anchor": {**files, "issuer_key": "config:pki:key"}}


def run(trust: dict[str, Any], given: Given | None = None, more: Any = None, **place: Any) -> Graph:
    import linkerd

    wanted = {
        "kind": "linkerd",
        "version": "edge-26.8.3",
        "cluster": {"context": "c", "platform": "kind"},
        "trust": trust,
        **MESHED,
        "multicluster": {**EU, **place},
        **(more or {}),
    }
    mesh = parse_config(wanted, None, None).mesh
    assert isinstance(mesh, LinkerdMesh)
    config = {"pki:key": issuer().key_pem}
    return record(lambda: linkerd.deploy(mesh, "x"), config=config, secret_keys=["pki:key"], given=given)


def us(kubeconfigs: Any = None, **more: Any) -> Given:
    member = {
        "cluster": "us",
        "trust_domain": "cluster.local",
        "anchors": anchor().pem,
        "signs": anchor().pem,
        "pod_networks": [],
        "gateway_addresses": "10.1.2.4",
        **more,
    }
    read = {"eu": KUBECONFIG} if kubeconfigs is None else kubeconfigs
    return Given(stacks={STACK: {"member": member, "remote_kubeconfigs": Secret(read)}})


def of_clusters(graph: Graph) -> list[tuple[str, str, str]]:
    """What isn't there without the key."""
    found = shape(graph)
    first = next(index for index, each in enumerate(found) if each[1] == "multicluster")
    return [each for each in found[first:] if not each[1].startswith("catalog-namespace")]


def test_a_cluster_that_others_may_use(trust: dict[str, Any]) -> None:
    graph = run(trust)
    assert sorted(of_clusters(graph)) == [
        ("kubernetes:core/v1:Namespace", "multicluster-namespace", "multicluster"),
        ("kubernetes:core/v1:Secret", "read-by-us-token", "read-by-us"),
        ("kubernetes:core/v1:Service", "multicluster-gateway", "multicluster"),
        ("kubernetes:core/v1:ServicePatch", "catalog.hierarchical-products", "catalog.hierarchical"),
        ("kubernetes:helm.sh/v3:Release", "multicluster-release", "multicluster"),
        ("meshwright:index:LinkerdExports", "catalog.hierarchical", "test-dev"),
        ("meshwright:index:LinkerdMulticluster", "multicluster", "test-dev"),
        ("meshwright:index:LinkerdReader", "read-by-us", "test-dev"),
    ]
    assert inputs(graph, "multicluster") == {
        "links": [],
        "readers": ["us"],
        "channel": "edge",
        "cni": False,
        "version": "edge-26.8.3",
        "gateway": {"source_ranges": ["10.40.0.0/16"]},
    }
    assert inputs(graph, "read-by-us") == {"cluster": "eu", "reader": "us", "server": "https://eu.example"}
    assert "mesh-control-plane" in names(find(graph, "multicluster-release").dependencies)
    assert "multicluster-release" in names(find(graph, "read-by-us-token").dependencies)
    assert "catalog-namespace" in names(find(graph, "catalog.hierarchical-products").dependencies)
    assert graph.outputs["member"] == {
        "cluster": "eu",
        "trust_domain": "cluster.local",
        "anchors": anchor().pem,
        "signs": anchor().pem,
        "pod_networks": [],
        "gateway_addresses": UNKNOWN,
    }
    assert isinstance(graph.outputs["remote_kubeconfigs"], Secret)


def test_a_cluster_that_uses_another(trust: dict[str, Any]) -> None:
    graph = run(trust, us(), links=[LINK])
    assert [each for each in of_clusters(graph) if "uses-us" in each[1]] == [
        ("meshwright:index:LinkerdLink", "uses-us", "test-dev"),
        ("kubernetes:core/v1:Secret", "uses-us-controller", "uses-us"),
        ("kubernetes:core/v1:Secret", "uses-us-destination", "uses-us"),
        ("kubernetes:multicluster.linkerd.io/v1alpha3:Link", "uses-us-link", "uses-us"),
    ]
    assert inputs(graph, "multicluster-release")["values"]["controllers"] == [{"link": {"ref": {"name": "us"}}}]
    assert inputs(graph, "uses-us")["gateway"] == {
        "addresses": "10.1.2.4",
        "identity": "linkerd-gateway.linkerd-multicluster.serviceaccount.identity.linkerd.cluster.local",
    }
    assert inputs(graph, "uses-us-link")["spec"]["gatewayAddress"] == "10.1.2.4"
    assert {"multicluster-release", "uses-us-controller"} <= names(find(graph, "uses-us-link").dependencies)
    for who in ("controller", "destination"):
        data = inputs(graph, f"uses-us-{who}")["data"]
        assert isinstance(data, Secret)
        assert set(data.value) == {"kubeconfig"}
    assert KUBECONFIG not in repr([each.inputs for each in graph])


def test_all_that_is_yours_to_set_reaches_the_chart(trust: dict[str, Any]) -> None:
    more = {
        "trust_domain": "td.example",
        "nodes": 5,
        "cni": {},
        "control_plane": {"hub": "registry.example/linkerd", "pull_secrets": ["pull"]},
        "charts": {"source": "mirror", "url": "oci://mirror.example/charts"},
        "values": {"multicluster": {"imagePullPolicy": "Always"}},
    }
    gateway = {"public": "partners", "replicas": 2, "annotations": {"a": "b"}, "addresses": ["mesh.example"]}
    graph = run(trust, us(trust_domain="td.example"), more, gateway=gateway, links=[LINK], adopt_namespace=True)
    release = inputs(graph, "multicluster-release")
    assert release["chart"] == "oci://mirror.example/charts/linkerd-multicluster"
    values = release["values"]
    assert values["gateway"] == {"enabled": True, "replicas": 2, "serviceAnnotations": {"a": "b"}}
    assert values["identityTrustDomain"] == "td.example"
    assert values["imagePullSecrets"] == [{"name": "pull"}]
    assert values["imagePullPolicy"] == "Always"
    for part in ("localServiceMirror", "controllerDefaults"):
        assert values[part]["image"] == {"name": "registry.example/linkerd/controller"}
    assert find(graph, "multicluster-namespace").type == "kubernetes:core/v1:NamespacePatch"
    assert inputs(graph, "uses-us-link")["spec"]["gatewayIdentity"].endswith(".identity.linkerd.td.example")
    destination = inputs(graph, "uses-us-destination")["metadata"]
    assert destination["annotations"]["multicluster.linkerd.io/trust-domain"] == "td.example"
    assert graph.outputs["member"]["gateway_addresses"] == "mesh.example"


def test_pods_that_call_pods_need_no_gateway(trust: dict[str, Any]) -> None:
    given = us(gateway_addresses="", pod_networks=["10.2.0.0/16"])
    link = {**LINK, "modes": ["flat", "federated"]}
    exports = {"catalog": {"flat": ["products"], "federated": ["prices"]}}
    flat = {"gateway": None, "pod_networks": ["10.1.0.0/16"], "exports": exports}
    graph = run(trust, given, links=[link], **flat)
    assert "gateway" not in inputs(graph, "uses-us")
    assert {"catalog.flat-products", "catalog.federated-prices"} <= {each.name for each in graph}
    assert graph.outputs["member"]["gateway_addresses"] == ""
    with pytest.raises(ComponentError, match=r"10\.1\.0\.0/16 of eu and 10\.1\.8\.0/24 of us overlap.*MW-E217"):
        run(trust, us(pod_networks=["10.1.8.0/24"]), links=[link], **flat)


def test_a_linked_gateway_that_is_down_is_told(trust: dict[str, Any]) -> None:
    watched = {"observability": {"namespace": "linkerd"}}
    for links, alerts in (([], 0), ([LINK], 1)):
        graph = run(trust, us(), watched, links=links)
        (group,) = inputs(graph, "monitoring-alerts")["spec"]["groups"]
        assert [each.get("alert") for each in group["rules"]].count("LinkerdGatewayDown") == alerts


def test_an_anchor_in_the_state_is_no_secret() -> None:
    graph = run({"source": "pulumi-tls"}, us(), links=[LINK])
    assert not isinstance(graph.outputs["member"], Secret)


def test_the_others_are_not_known_before_they_are_up(trust: dict[str, Any]) -> None:
    graph = run(trust, links=[LINK])
    assert inputs(graph, "uses-us-link")["spec"]["gatewayAddress"] is UNKNOWN
    data = inputs(graph, "uses-us-controller")["data"]
    assert data is UNKNOWN or (isinstance(data, Secret) and data.value is UNKNOWN)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (
            us(cluster="asia"),
            (
                "LinkerdLink uses-us: the stack acme/meshwright/us is of the cluster asia; name the stack of this cluster "
                "(MW-E216)"
            ),
        ),
        (
            us(trust_domain="us.example"),
            (
                "the linked clusters: eu has the trust domain cluster.local, and us has us.example; give all the same trust "
                "domain (MW-E216)"
            ),
        ),
        (
            us(anchors=anchor().pem + anchor("2027").pem, signs=anchor("2027").pem),
            (
                "the linked clusters: us signs below an anchor that eu doesn't trust; take a step of a rotation in every "
                "cluster, before any of them takes the next (MW-E216)"
            ),
        ),
        (
            us(gateway_addresses=""),
            (
                "LinkerdLink uses-us: us has no gateway, or its gateway has no address yet; add gateway to its stack and bring "
                "it up, or use the mode flat (MW-E217)"
            ),
        ),
        (
            us({"asia": KUBECONFIG}),
            (
                "LinkerdLink uses-us: the stack acme/meshwright/us has no kubeconfig for eu; add eu to its readers, and bring "
                "it up first (MW-E216)"
            ),
        ),
    ],
)
def test_clusters_that_do_not_go_together(trust: dict[str, Any], given: Given, line: str) -> None:
    with pytest.raises(ComponentError) as refused:
        run(trust, given, links=[LINK])
    assert str(refused.value) == line


def test_a_chart_that_cannot_work_is_refused_before_anything_is_registered(tmp_path: Path) -> None:
    import linkerd_multicluster

    (tmp_path / "linkerd-multicluster").mkdir()
    for file, text in (("Chart", "name: linkerd-multicluster\nversion: 2026.8.3"), ("values", "gateway: {}")):
        (tmp_path / "linkerd-multicluster" / f"{file}.yaml").write_text(f"{text}\n")
    charts = {"source": "path", "path": str(tmp_path)}
    mesh = parse_config({"kind": "linkerd", "charts": charts, "multicluster": EU, **MESHED}, None, None).mesh
    assert isinstance(mesh, LinkerdMesh)
    with pytest.raises(ComponentError, match=r"LinkerdMulticluster multicluster: the chart .* \(MW-E054\)"):
        linkerd_multicluster.check(mesh)


def test_anchors_that_cert_manager_keeps_are_read_in_the_cluster() -> None:
    graph = run({}, us(), links=[LINK])
    read = find(graph, "trusted")
    assert read.type == "kubernetes:core/v1:ConfigMap"
    assert "identity-bundle" in names(read.dependencies)
    assert graph.outputs["member"] == {
        "cluster": "eu",
        "trust_domain": "cluster.local",
        "anchors": UNKNOWN,
        "signs": UNKNOWN,
        "pod_networks": [],
        "gateway_addresses": UNKNOWN,
    }


def test_a_stack_of_one_cluster_says_nothing_of_others(trust: dict[str, Any]) -> None:
    graph = run(trust, more={"multicluster": None})
    assert not {"member", "remote_kubeconfigs"} & graph.outputs.keys()
    assert "multicluster" not in {each.name for each in graph}
