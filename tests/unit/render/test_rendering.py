"""What a graph becomes as files."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from meshwright.engine.graph import UNKNOWN, Asset, Options, Resource, ResourceReference, Secret, Value
from meshwright.engine.render import Rendering, render
from tests.unit.render.graphs import component, graph, kubernetes, release, resource
from tests.unit.render.test_yaml_text import TEXT, VALUES

if TYPE_CHECKING:
    from tests.conftest import Golden

HERE = Path(__file__).parent
CRDS = "https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.6.1/standard-install.yaml"


def _render(*resources: Resource, base: Path = HERE) -> Rendering:
    return render(graph(*resources), base)


def _reasons(rendering: Rendering) -> list[str]:
    return [remark.text for remark in rendering.not_rendered]


def _loaded(rendering: Rendering, path: str) -> Any:
    return yaml.safe_load(rendering.files[path])


def _ambient() -> tuple[Resource, ...]:
    """A small mesh: what the components register, and some that can't be files."""
    mesh = component("meshwright:index:IstioAmbient", "mesh")
    namespace = kubernetes("v1", "Namespace", "istio-system", parent=mesh.urn)
    crds = resource("kubernetes:yaml/v2:ConfigFile", "crds", {"file": CRDS}, custom=False, remote=True, parent=mesh.urn)
    base = release("base", logical="istio-base", parent=mesh.urn, dependencies=(namespace.urn,))
    istiod = release(
        "istiod",
        parent=mesh.urn,
        dependencies=(base.urn, crds.urn),
        inputs={
            "chart": "oci://ghcr.io/istio/release/charts/istiod",
            "repositoryOpts": {},
            "values": {"profile": "ambient", "autoscaleMin": 2.0, "global": {"hub": "docker.io/istio", "none": None}},
        },
    )
    checkout = component("meshwright:index:AmbientNamespace", "checkout", dependencies=(mesh.urn,))
    labels = kubernetes(
        "v1",
        "Namespace",
        "checkout",
        parent=checkout.urn,
        body={"metadata": {"name": "checkout", "labels": {"istio.io/dataplane-mode": "ambient", "on": "yes"}}},
    )
    patched = resource(
        "kubernetes:core/v1:NamespacePatch",
        "catalog",
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "catalog", "labels": {"a": "b"}}},
        parent=checkout.urn,
    )
    strict = kubernetes(
        "security.istio.io/v1",
        "PeerAuthentication",
        "default",
        "checkout",
        parent=checkout.urn,
        dependencies=(labels.urn,),
        body={"spec": {"mtls": {"mode": "STRICT"}}},
    )
    key = resource("tls:index/privateKey:PrivateKey", "key", {"algorithm": "ECDSA"})
    secret = kubernetes("v1", "Secret", "ca", "istio-system", body={"data": Secret({"ca.key": "aGVsbG8="})})
    route = kubernetes(
        "gateway.networking.k8s.io/v1", "HTTPRoute", "web", "checkout", body={"spec": {"hostnames": [UNKNOWN]}}
    )
    automatic = resource(
        "kubernetes:core/v1:ConfigMap", "settings", {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "0o7"}}
    )
    return (mesh, namespace, crds, base, istiod, checkout, labels, patched, strict, key, secret, route, automatic)


def test_a_mesh(golden: Golden) -> None:
    rendering = _render(*_ambient())
    golden("render/ambient", rendering.files)
    assert (rendering.objects, rendering.releases, rendering.bundles, rendering.waves) == (5, 2, 1, 5)
    assert rendering.patches == ("wave-04/patches/namespace-catalog.yaml",)


def test_rendering_is_the_same_whatever_the_order_of_keys_and_registration() -> None:
    one, two = kubernetes("v1", "ConfigMap", "one"), kubernetes("v1", "ConfigMap", "two", body={"data": {"a": "1"}})
    turned = Resource(two.urn, two.type, two.name, two.parent, True, inputs=dict(reversed(list(two.inputs.items()))))
    assert list(_render(one, two).files.items()) == list(_render(turned, one).files.items())


@given(st.dictionaries(TEXT, VALUES, max_size=3), TEXT)
def test_what_is_rendered_parses_back_to_the_inputs(data: dict[str, Value], label: str) -> None:
    item = kubernetes(
        "example.com/v1",
        "Thing",
        "thing",
        body={"spec": data, "metadata": {"name": "thing", "labels": {"label": label}}},
    )
    assert _loaded(_render(item), "wave-01/thing-thing.yaml") == item.inputs


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (
            kubernetes("v1", "ConfigMap", "c", body={"data": {"a.b": Secret("x"), "c": [Secret(1)]}}),
            'a secret is never written to a file: data["a.b"], data.c[0]',
        ),
        (
            kubernetes("v1", "ConfigMap", "c", body={"data": dict.fromkeys("abcde", UNKNOWN)}),
            "known only after the deployment: data.a, data.b, data.c and 2 more",
        ),
        (
            kubernetes("v1", "ConfigMap", "c", body={"data": {"a": Asset("asset", {"text": "x"})}}),
            "no YAML for an asset or a resource: data.a",
        ),
        (
            kubernetes("v1", "ConfigMap", "c", body={"data": ResourceReference("urn")}),
            "no YAML for an asset or a resource: data",
        ),
        (
            kubernetes("v1", "Secret", "s", body={"stringData": {"a": "b"}}),
            "a Secret's data is never written to a file",
        ),
        (
            kubernetes("v1", "ConfigMapList", "l", body={"items": []}),
            "a list of objects in one resource: give each object a resource of its own",
        ),
        (
            resource("kubernetes:core/v1:Pod", "p", {"metadata": {"generateName": "p-"}}),
            "metadata.generateName works with `kubectl create` alone: give it a name",
        ),
        (resource("kubernetes:core/v1:Pod", "My Pod", {}), "it has no metadata.name, and 'My Pod' can't be one"),
        (
            resource("kubernetes:core/v1:PodPatch", "pod", {"kind": "Pod"}),
            "it has no metadata.name, and 'pod' can't be one",
        ),
        (
            kubernetes(
                "v1",
                "ConfigMap",
                "c",
                body={"data": {"a": "b"}},
                options=Options(additional_secret_outputs=("data", "binaryData")),
            ),
            "a secret is never written to a file (additionalSecretOutputs): data",
        ),
        (
            release("r", options=Options(additional_secret_outputs=("version",))),
            "a secret is never written to a file (additionalSecretOutputs): version",
        ),
        (kubernetes("v1", "Namespace", "n", read=True), "it is read, not managed"),
        (resource("pulumi:providers:kubernetes", "p"), "a provider's settings stay with Pulumi"),
        (resource("aws:s3/bucket:Bucket", "b"), "not a Kubernetes object: Pulumi alone makes it"),
        (
            resource("eks:index:Cluster", "c", custom=False, remote=True),
            "a remote component: its provider makes what is in it during the deployment",
        ),
    ],
)
def test_what_is_not_rendered_is_listed_with_its_reason(item: Resource, reason: str) -> None:
    rendering = _render(item)
    assert _reasons(rendering) == [reason]
    assert rendering.files.keys() == {"NOT-RENDERED.md"}
    assert f"- `{item.name}` ({item.type}): {reason}" in rendering.files["NOT-RENDERED.md"].decode()


def test_a_secret_without_data_and_a_component_need_no_remark() -> None:
    token = kubernetes("v1", "Secret", "token", body={"type": "kubernetes.io/service-account-token"})
    assert _render(component("m:m:M", "m"), token).files.keys() == {
        "kustomization.yaml",
        "wave-01/kustomization.yaml",
        "wave-01/secret-token.yaml",
    }


def test_later_changes_that_pulumi_ignores_are_a_difference() -> None:
    item = kubernetes("apps/v1", "Deployment", "web", options=Options(ignore_changes=("spec.replicas",)))
    (difference,) = _render(item).differences
    assert difference.text == (
        "Pulumi would leave later changes of spec.replicas alone (ignoreChanges); this file undoes them"
    )


@pytest.mark.parametrize(
    ("item", "command"),
    [
        (
            ("gateway.networking.k8s.io/v1", "Gateway", "w", "shop"),
            "gateway.gateway.networking.k8s.io/w --namespace shop",
        ),
        (("v1", "Node", "n"), "node/n"),
    ],
)
def test_what_pulumi_waits_for_is_a_difference(item: tuple[str, ...], command: str) -> None:
    waiting = kubernetes(*item)
    waiting.inputs["metadata"]["annotations"] = {"pulumi.com/waitFor": "condition=Programmed"}
    (difference,) = _render(waiting).differences
    assert difference.text == (
        f"Pulumi waits before it goes on, kubectl does not: `kubectl wait --for=condition=Programmed {command}`"
    )


def test_file_names_are_lower_case_short_and_unique() -> None:
    role = kubernetes("rbac.authorization.k8s.io/v1", "ClusterRole", "system:Node_Reader")
    one = kubernetes("one.io/v1", "Gateway", "web", "shop", logical="one")
    two = kubernetes("two.io/v1", "Gateway", "web", "shop", logical="two")
    third = kubernetes("three.io/v1", "Gateway", "web", "shop", logical="three")
    long = kubernetes("v1", "ConfigMap", "x" * 253)
    names = [path.removeprefix("wave-01/") for path in _render(role, one, two, third, long).files]
    assert names == [
        "kustomization.yaml",
        "clusterrole-system-node-reader.yaml",
        f"configmap-{'x' * 181}-4003e5fe.yaml",
        "gateway-shop-web-2.yaml",
        "gateway-shop-web-3.yaml",
        "gateway-shop-web.yaml",
        "kustomization.yaml",
    ]


def _provider(name: str, **inputs: Value) -> Resource:
    return resource("pulumi:providers:kubernetes", name, inputs)


def test_each_cluster_has_a_tree_of_its_own() -> None:
    providers = [_provider("east", context="east"), _provider("East", context="East")]
    first, second = (kubernetes("v1", "Namespace", "shop", logical=p.name, provider=p.urn) for p in providers)
    third = kubernetes("v1", "Namespace", "local")
    paths = [path for path in _render(*providers, first, second, third).files if "namespace" in path]
    assert paths == [
        "default-provider/wave-01/namespace-local.yaml",
        "east-2/wave-01/namespace-shop.yaml",
        "east/wave-01/namespace-shop.yaml",
    ]


EKS = "urn:pulumi:dev::shop::eks:index:Cluster::eks"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (_provider("a", context="east"), _provider("b", context="east", enableServerSideApply="true"), True),
        (_provider("a", kubeconfig=Secret("x")), _provider("b", kubeconfig="x"), True),
        (_provider("a", kubeconfig=Secret("x")), _provider("b", kubeconfig=Secret("y")), False),
        (_provider("a", kubeconfig=UNKNOWN), _provider("b", kubeconfig=UNKNOWN), False),
        (
            replace(_provider("a", kubeconfig=UNKNOWN), property_dependencies={"kubeconfig": (EKS,)}),
            replace(_provider("b", kubeconfig=Secret(UNKNOWN)), property_dependencies={"kubeconfig": (EKS,)}),
            True,
        ),
    ],
)
def test_two_providers_of_one_cluster_share_a_tree(one: Resource, other: Resource, same: bool) -> None:
    first = kubernetes("v1", "Namespace", "one", provider=one.urn)
    second = kubernetes("v1", "Namespace", "two", provider=other.urn)
    rendering = _render(one, other, first, second)
    assert ("wave-01/namespace-one.yaml" in rendering.files) == same
    assert ("a/wave-01/namespace-one.yaml" in rendering.files) != same


def _chart_entry(rendering: Rendering) -> dict[str, Value]:
    (entry,) = _loaded(rendering, "wave-01/kustomization.yaml")["helmCharts"]
    return dict(entry)


def test_a_release_with_every_option() -> None:
    given_values = [Asset("asset", {"text": "a: 1\n"}), Asset("asset", {"path": "given.yaml"})]
    item = release(
        "istiod",
        inputs={
            "values": {"a": None, "b": [None, 1]},
            "allowNullValues": True,
            "skipCrds": True,
            "disableWebhooks": True,
            "createNamespace": True,
            "postrender": "sed",
            "valueYamlFiles": given_values,
            "repositoryOpts": {"repo": "https://charts.example", "username": "u", "password": Secret("p")},
        },
    )
    rendering = _render(item, base=HERE / "data")
    assert _chart_entry(rendering) == {
        "name": "istiod",
        "repo": "https://charts.example",
        "version": "1.31.1",
        "releaseName": "istiod",
        "namespace": "istio-system",
        "includeCRDs": False,
        "skipHooks": True,
        "skipTests": True,
        "valuesFile": "istio-system.istiod.values-1.yaml",
        "additionalValuesFiles": ["istio-system.istiod.values-2.yaml", "istio-system.istiod.values.yaml"],
    }
    assert rendering.files["wave-01/istio-system.istiod.values-2.yaml"] == b"given: true\n"
    assert _loaded(rendering, "wave-01/istio-system.istiod.values.yaml") == {"a": None, "b": [None, 1]}
    assert _loaded(rendering, "wave-01/namespace-istio-system.yaml")["kind"] == "Namespace"
    assert rendering.caches == ("wave-01/charts/istiod", "wave-01/charts/istiod-1.31.1")
    assert [difference.text for difference in rendering.differences] == [
        "its chart repository needs credentials, which are not written: log in with `helm registry login` first",
        "its post-renderer is not run",
    ]


def test_a_release_without_name_namespace_and_version() -> None:
    item = resource("kubernetes:helm.sh/v3:Release", "web", {"chart": "nginx", "repositoryOpts": {"repo": "https://c"}})
    rendering = _render(item)
    assert _chart_entry(rendering) == {
        "name": "nginx",
        "repo": "https://c",
        "releaseName": "web",
        "includeCRDs": True,
        "skipTests": True,
        "valuesFile": "default.web.values.yaml",
    }
    assert rendering.files["wave-01/default.web.values.yaml"] == b"{}\n"
    assert (
        rendering.differences[0].text == "released as web here; Pulumi would add a random suffix, since name is not set"
    )


def test_values_lose_their_nulls_as_in_pulumi() -> None:
    item = release("istiod", inputs={"values": {"a": None, "b": [None, {"c": None}]}})
    assert _loaded(_render(item), "wave-01/istio-system.istiod.values.yaml") == {"b": [{}]}


def test_one_namespace_is_created_once() -> None:
    owned = kubernetes("v1", "Namespace", "istio-system", dependencies=())
    creating = release("istiod", inputs={"createNamespace": True})
    assert [path for path in _render(creating, owned).files if "namespace-" in path] == [
        "wave-01/namespace-istio-system.yaml"
    ]
    later = release("cni", inputs={"createNamespace": True}, dependencies=(creating.urn,))
    assert [path for path in _render(creating, later).files if "namespace-" in path] == [
        "wave-01/namespace-istio-system.yaml"
    ]


def _chart_folder(folder: Path) -> Path:
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("name: demo\nversion: 1.0.0\n")
    (folder / "templates" / "cm.yaml").write_text("kind: ConfigMap\n")
    return folder


def _local(chart: str) -> Resource:
    return release("demo", inputs={"chart": chart, "repositoryOpts": {}})


def test_a_local_chart_is_copied(tmp_path: Path) -> None:
    (_chart_folder(tmp_path / "demo") / ".git").mkdir()
    (tmp_path / "demo" / ".git" / "HEAD").write_text("ref")
    rendering = _render(_local("./demo"), base=tmp_path)
    assert [path for path in rendering.files if "charts/" in path] == [
        "wave-01/charts/istio-system.demo/Chart.yaml",
        "wave-01/charts/istio-system.demo/templates/cm.yaml",
    ]
    entry = _chart_entry(rendering)
    assert entry["name"] == "istio-system.demo"
    assert "repo" not in entry
    assert "version" not in entry


def test_a_packed_chart_is_unpacked(tmp_path: Path) -> None:
    _chart_folder(tmp_path / "demo")
    with tarfile.open(tmp_path / "demo.tgz", "w:gz") as archive:
        archive.add(tmp_path / "demo", "demo")
    rendering = _render(_local(str(tmp_path / "demo.tgz")))
    assert rendering.files["wave-01/charts/istio-system.demo/templates/cm.yaml"] == b"kind: ConfigMap\n"


def test_an_archive_that_reaches_outside_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "demo.tgz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("demo/../../x"), io.BytesIO())
    assert _reasons(_render(_local("demo.tgz"), base=tmp_path)) == ["demo.tgz has files outside of the chart's folder"]


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ({"chart": "stable/demo"}, "no chart at stable/demo, and no repository is given"),
        ({"chart": "given.yaml"}, "given.yaml is not a chart archive: "),
        ({"chart": "https://c/demo.tgz"}, "kustomize can't take the chart from the address https://c/demo.tgz: "),
        ({"values": {"token": Secret("x")}}, "a secret is never written to a file: values.token"),
        ({"valueYamlFiles": [UNKNOWN]}, "known only after the deployment: valueYamlFiles"),
        (
            {"valueYamlFiles": [Asset("asset", {"uri": "https://x"})]},
            "valueYamlFiles: only assets with a text or a path",
        ),
        ({"valueYamlFiles": [Asset("asset", {"path": "absent.yaml"})]}, "absent.yaml: No such file or directory"),
    ],
)
def test_a_release_that_kustomize_cannot_have(inputs: dict[str, Value], reason: str) -> None:
    item = release("demo", inputs={"repositoryOpts": {}} | inputs)
    assert _reasons(_render(item, base=HERE / "data"))[0].startswith(reason)


def _bundle(file: Value) -> Resource:
    return resource("kubernetes:yaml/v2:ConfigFile", "Bundle", {"file": file}, custom=False, remote=True)


def test_a_local_bundle_is_copied(tmp_path: Path) -> None:
    content = b"kind: ConfigMap\n---\nkind: Secret\ntype: x\n---\n"
    (tmp_path / "b.yaml").write_bytes(content)
    rendering = _render(_bundle("b.yaml"), base=tmp_path)
    assert rendering.files["wave-01/bundle.yaml"] == content
    assert _loaded(rendering, "wave-01/kustomization.yaml")["resources"] == ["bundle.yaml"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("kind: Secret\ndata: {a: b}\n", "b.yaml holds a Secret, whose data is never written to a file"),
        ("Secret: [", "b.yaml can't be read: while parsing"),
        (None, "b.yaml can't be read: [Errno 2]"),
    ],
)
def test_a_local_bundle_that_is_not_copied(tmp_path: Path, content: str | None, reason: str) -> None:
    if content is not None:
        (tmp_path / "b.yaml").write_text(content)
    assert _reasons(_render(_bundle("b.yaml"), base=tmp_path))[0].startswith(reason)


def test_patches_alone_need_no_kustomization() -> None:
    inputs = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    rendering = _render(resource("kubernetes:core/v1:NamespacePatch", "shop", inputs))
    assert rendering.files.keys() == {"NOT-RENDERED.md", "wave-01/patches/namespace-shop.yaml"}
