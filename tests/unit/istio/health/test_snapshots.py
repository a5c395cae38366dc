"""What becomes of a cluster and of a graph: only what the checks look at, and what couldn't be read is a gap."""

from __future__ import annotations

from typing import Any

import pytest

from meshwright.engine.graph import UNKNOWN, Graph, Resource, Secret
from meshwright.health.kinds import CRDS
from meshwright.health.objects import at, called, matches, name_of, namespace_of
from meshwright.health.verdicts import NotKnownError
from meshwright.istio.health import from_cluster, from_graph
from meshwright.istio.health.kinds import KINDS
from meshwright.kubernetes.reading import METADATA_ONLY, ReadError

POD = {"metadata": {"namespace": "shop", "name": "cart-1"}}
ISTIOD = {"metadata": {"namespace": "mesh", "name": "istiod", "labels": {"app": "istiod"}}}


class FakeReader:
    """Answers by path; nothing is served elsewhere."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str, dict[str, str]]] = []

    def get(self, path: str, accept: str = "application/json", **query: str) -> Any:
        self.asked.append((path, accept, query))
        answer = self.answers.get("?".join([path, *query.values()]), ReadError(404, "not found"))
        if isinstance(answer, ReadError):
            raise answer
        return answer

    list = get


def snapshot(answers: dict[str, Any]) -> tuple[Any, FakeReader]:
    reader = FakeReader(answers)
    return from_cluster.snapshot_of(reader, {"shop": "strict"}), reader  # type: ignore[arg-type]


def test_a_kind_that_is_not_served_has_no_objects_and_one_that_is_forbidden_is_a_gap() -> None:
    found, reader = snapshot({"/api/v1/pods": [POD], "/api/v1/nodes": ReadError(403, "nodes is forbidden")})
    assert found.live
    assert found.phases == {"shop": "strict"}
    assert found.of("Pod") == ({"kind": "Pod", **POD},)
    assert found.of("HTTPRoute") == ()
    with pytest.raises(NotKnownError, match="Node: nodes is forbidden"):
        found.of("Node")
    assert {path for path, _, _ in reader.asked} >= {kind.path for kind in KINDS.values()}
    assert (CRDS.path, METADATA_ONLY, {}) in reader.asked


def test_a_kind_without_a_crd_is_absent_also_where_it_is_forbidden() -> None:
    cilium, policies = KINDS["CiliumNetworkPolicy"].path, KINDS["AuthorizationPolicy"].path
    forbidden = {path: ReadError(403, "forbidden") for path in (cilium, policies, "/api/v1/nodes")}
    crds = [{"metadata": {"name": "authorizationpolicies.security.istio.io"}}]
    found, _ = snapshot({CRDS.path: crds, **forbidden})
    assert found.gaps.keys() == {"AuthorizationPolicy", "Node"}
    blind, _ = snapshot({CRDS.path: ReadError(403, "forbidden"), **forbidden})
    assert blind.gaps.keys() == {"CustomResourceDefinition", "CiliumNetworkPolicy", "AuthorizationPolicy", "Node"}


def test_config_maps_are_asked_for_by_name() -> None:
    root = {"metadata": {"namespace": "shop", "name": "istio-ca-root-cert"}}
    found, _ = snapshot(
        {
            "/api/v1/configmaps?metadata.name=istio-ca-root-cert": [root],
            "/api/v1/configmaps?metadata.name=istio-cni-config": [],
        }
    )
    assert found.of("ConfigMap") == ({"kind": "ConfigMap", **root},)


def test_of_a_secret_only_certificates_are_kept_and_only_istios_are_read() -> None:
    data = {"ca-key.pem": "cHJpdmF0ZQ==", "ca-cert.pem": "cHVibGlj", "key.pem": "cHJpdmF0ZQ=="}
    about = {"namespace": "mesh", "name": "cacerts", "annotations": {"last-applied": "cHJpdmF0ZQ=="}}
    found, reader = snapshot(
        {
            "/apis/apps/v1/deployments": [ISTIOD],
            "/api/v1/namespaces/mesh/secrets/cacerts": {"metadata": about, "data": data},
        }
    )
    assert found.of("Secret") == (
        {"kind": "Secret", "metadata": {"namespace": "mesh", "name": "cacerts"}, "data": {"ca-cert.pem": "cHVibGlj"}},
    )
    assert "cHJpdmF0ZQ==" not in repr(found)
    assert [path for path, _, _ in reader.asked if "secrets" in path] == [
        "/api/v1/namespaces/mesh/secrets/cacerts",
        "/api/v1/namespaces/mesh/secrets/istio-ca-secret",
    ]


def test_secrets_that_are_forbidden_are_a_gap_and_so_are_those_of_nobody_knows_where() -> None:
    forbidden, _ = snapshot({"/api/v1/namespaces/istio-system/secrets/cacerts": ReadError(403, "secrets is forbidden")})
    assert forbidden.gaps == {"Secret": "secrets is forbidden"}
    blind, reader = snapshot({"/apis/apps/v1/deployments": ReadError(403, "no")})
    assert blind.gaps == {"Deployment": "no", "Secret": "Deployment: no"}
    assert not [path for path, _, _ in reader.asked if "secrets" in path]


def resource(token: str, name: str, **inputs: Any) -> Resource:
    return Resource(urn=f"urn:pulumi:dev::test::{token}::{name}", type=token, name=name, inputs=inputs)


def test_a_graphs_objects_are_taken_by_kind_and_patches_are_laid_over() -> None:
    graph = Graph(
        "test",
        "dev",
        "organization",
        (
            resource("kubernetes:core/v1:Namespace", "a", metadata={"name": "shop", "labels": {"x": "1"}}, status="s"),
            resource("kubernetes:core/v1:NamespacePatch", "b", metadata={"name": "shop", "labels": {"y": "2"}}),
            resource("kubernetes:core/v1:Namespace", "named-by-pulumi"),
            resource("kubernetes:core/v1:Namespace", "later", metadata=UNKNOWN),
            resource("kubernetes:networking.istio.io/v1:Gateway", "old", metadata={"name": "old"}),
            resource("kubernetes:core/v1:Secret", "s", metadata={"name": "s"}),
            resource("aws:eks/cluster:Cluster", "c"),
            resource("meshwright:index:AmbientNamespace", "shop", namespace="shop", phase="strict"),
            resource("meshwright:index:AmbientNamespace", "other", namespace="other", phase=UNKNOWN),
            resource("kubernetes:helm.sh/v3:Release", "istiod", chart="istiod", version="1.31.1", values=UNKNOWN),
        ),
    )
    found = from_graph.snapshot_of(graph)
    shop, named, later = found.of("Namespace")
    assert shop == {"kind": "Namespace", "metadata": {"name": "shop", "labels": {"x": "1", "y": "2"}}, "status": "s"}
    assert name_of(named) == "named-by-pulumi"
    with pytest.raises(NotKnownError, match=r"Namespace \?/later: only the update will know its metadata\.labels\.x"):
        at(later, "metadata", "labels", "x")
    with pytest.raises(NotKnownError, match=r"metadata\.namespace"):
        namespace_of(later)
    assert set(found.objects) == {"Namespace"}
    assert found.phases == {"shop": "strict"}
    (release,) = found.releases
    assert (release.name, release.namespace, release.values) == ("istiod", "", UNKNOWN)


def test_a_secret_is_never_read_as_a_value() -> None:
    with pytest.raises(NotKnownError):
        at({"kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": Secret("s")}}, "data", "a")


def test_paths_lead_through_lists_and_end_where_nothing_is() -> None:
    body = {"kind": "Pod", "spec": {"containers": [{"image": "a"}]}}
    assert at(body, "spec", "containers", 0, "image") == "a"
    assert at(body, "spec", "containers", 1, "image") is None
    assert at(body, "spec", "containers", "image") is None
    assert called(body) == "Pod "


def test_selectors() -> None:
    labels = {"app": "cart", "tier": "web"}
    assert matches({}, labels)
    assert not matches({"matchLabels": {"app": "db"}}, labels)
    assert matches({"matchExpressions": [{"key": "app", "operator": "In", "values": ["cart"]}]}, labels)
    assert not matches({"matchExpressions": [{"key": "x", "operator": "Exists"}]}, labels)
