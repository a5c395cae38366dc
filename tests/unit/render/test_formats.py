"""What Flux, Argo CD and helmfile are given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from meshwright.engine.graph import Asset, Options, Resource
from meshwright.engine.render import Rendering, Repository, Tool, render, render_as
from tests.unit.render.crds import faults, has_crd
from tests.unit.render.graphs import graph, kubernetes, release, resource
from tests.unit.render.meshes import mesh, provider

if TYPE_CHECKING:
    from tests.conftest import Golden

GITOPS = [Tool.FLUX, Tool.ARGOCD, Tool.HELMFILE]
REPOSITORY = Repository("clusters/prod", "https://git.example/platform.git", "main")
PATCH = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"a": "b"}}}


def _render(tool: Tool, *resources: Resource, base: Path = Path(), repository: Repository = REPOSITORY) -> Rendering:
    return render_as(graph(*resources), base, tool, repository)


def _loaded(rendering: Rendering, path: str) -> Any:
    return yaml.safe_load(rendering.files[path])


def _objects(rendering: Rendering) -> list[tuple[str, dict[str, Any]]]:
    return [
        (path, body)
        for path, content in rendering.files.items()
        if path.endswith(".yaml") and "templates/" not in path
        for body in yaml.safe_load_all(content)
    ]


@pytest.mark.parametrize("tool", GITOPS)
def test_the_files_of_a_mesh(tool: Tool, golden: Golden) -> None:
    golden(f"render/{tool}", _render(tool, *mesh()).files)


@pytest.mark.parametrize("tool", list(Tool))
def test_a_second_rendering_is_the_same_byte_for_byte(tool: Tool) -> None:
    assert _render(tool, *mesh()) == _render(tool, *mesh())


@pytest.mark.parametrize("tool", [Tool.FLUX, Tool.ARGOCD])
def test_every_object_has_fields_that_its_crd_knows(tool: Tool) -> None:
    local = release("local", inputs={"chart": "chart", "repositoryOpts": {}, "createNamespace": True, "skipCrds": True})
    others = [
        replace(local, inputs={**local.inputs, "disableWebhooks": True, "skipAwait": True}),
        release("null", inputs={"values": {"a": None}, "allowNullValues": True, "version": ""}),
        release("latest", inputs={"chart": "oci://reg.example/latest", "repositoryOpts": {}, "version": ""}),
    ]
    rendering = _render(tool, *mesh(), *others, base=Path(__file__).parent / "data")
    judged = [(path, body) for path, body in _objects(rendering) if has_crd(body)]
    assert {body["kind"] for _, body in judged} >= (
        {"Application"} if tool is Tool.ARGOCD else {"Kustomization", "HelmRelease", "HelmRepository", "OCIRepository"}
    )
    assert {path: found for path, body in judged if (found := faults(body))} == {}


def test_the_check_against_crds_sees_a_field_that_is_none() -> None:
    body = {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "spec": {"interval": "1h", "intervall": 1},
    }
    assert len(faults(body)) == 1


@pytest.mark.parametrize("tool", GITOPS)
def test_a_secret_is_in_no_file_and_its_reason_in_the_report(tool: Tool) -> None:
    rendering = _render(tool, *mesh())
    assert not any(b"aGVsbG8=" in content for content in rendering.files.values())
    assert [remark.name for remark in rendering.not_rendered] == ["ca", "cluster"]
    assert rendering.not_rendered == render(graph(*mesh()), Path()).not_rendered
    assert b"a secret is never written to a file" in rendering.files["NOT-RENDERED.md"]


@pytest.mark.parametrize("tool", GITOPS)
def test_nothing_to_render_is_no_file_but_the_report(tool: Tool) -> None:
    assert _render(tool).files == {}
    rendering = _render(tool, resource("aws:s3/bucket:Bucket", "one"))
    assert list(rendering.files) == ["NOT-RENDERED.md"]
    assert (rendering.objects, rendering.waves) == (0, 0)


@pytest.mark.parametrize("tool", GITOPS)
def test_two_clusters_have_a_tree_each(tool: Tool) -> None:
    one, two = provider("blue", "blue"), provider("green", "green")
    rendering = _render(
        tool,
        one,
        two,
        kubernetes("v1", "Namespace", "a", provider=one.urn),
        release("b", provider=two.urn),
        kubernetes("v1", "Namespace", "c", provider=two.urn),
    )
    assert {path.partition("/")[0] for path in rendering.files if "/" in path} == {"blue", "green"}
    if tool is Tool.ARGOCD:
        applications = {path: body["spec"]["destination"] for path, body in _objects(rendering) if has_crd(body)}
        assert applications["green/sync/b.yaml"] == {"name": "green", "namespace": "istio-system"}
        assert applications["green/sync/cluster-namespace.yaml"] == {"name": "green", "namespace": "default"}
        assert applications["green/root.yaml"]["server"] == "https://kubernetes.default.svc"
        assert "green/objects/cluster-namespace/namespace-c.yaml" in rendering.files
    if tool is Tool.HELMFILE:
        assert _loaded(rendering, "green/helmfile.yaml")["helmDefaults"]["kubeContext"] == "green"


def test_patches_of_one_object_are_one_patch() -> None:
    """One manager that applied two parts of an object would take the first part back with the second."""
    first = resource("kubernetes:core/v1:NamespacePatch", "first", PATCH)
    second = resource(
        "kubernetes:core/v1:NamespacePatch",
        "second",
        PATCH | {"metadata": {"name": "shop", "labels": {"c": "d"}}},
        dependencies=(first.urn,),
    )
    after = kubernetes("v1", "ConfigMap", "after", "shop", dependencies=(first.urn,))
    flux = _render(Tool.FLUX, first, second, after)
    body = _loaded(flux, "units/cluster-namespace-patch-2/namespace-shop.yaml")
    assert body["metadata"]["labels"] == {"a": "b", "c": "d"}
    assert body["metadata"]["annotations"] == {"kustomize.toolkit.fluxcd.io/prune": "disabled"}
    assert "flux/cluster-namespace-patch.yaml" not in flux.files
    assert "dependsOn" not in _loaded(flux, "flux/shop-configmap.yaml")["spec"]
    argocd = _render(Tool.ARGOCD, first, second, after)
    body = _loaded(argocd, "sync/namespace-shop.yaml")
    assert body["metadata"]["labels"] == {"a": "b", "c": "d"}
    assert body["metadata"]["annotations"]["argocd.argoproj.io/sync-options"] == "Prune=false,Delete=false"
    commands = render(graph(first, second), Path()).files["NOT-RENDERED.md"].decode()
    assert "--field-manager=meshwright -f wave-01/" in commands
    assert "--field-manager=meshwright-2 -f wave-02/" in commands


@pytest.mark.parametrize(
    ("tool", "path"),
    [
        (Tool.FLUX, "units/cluster-namespace/namespace-shop.yaml"),
        (Tool.ARGOCD, "sync/namespace-shop.yaml"),
        (Tool.HELMFILE, "charts/cluster-namespace/objects/namespace-shop.yaml"),
    ],
)
@pytest.mark.parametrize("options", [Options(retain_on_delete=True), Options(protect=True)])
def test_what_pulumi_keeps_is_kept(tool: Tool, path: str, options: Options) -> None:
    annotations = _loaded(_render(tool, kubernetes("v1", "Namespace", "shop", options=options)), path)["metadata"][
        "annotations"
    ]
    assert {"disabled", "Prune=false,Delete=false", "keep"} & set(annotations.values())


def test_values_are_merged_as_helm_merges_them() -> None:
    layers = [Asset("asset", {"text": "a: {b: 1, c: 2}\nd: [1]\n"}), Asset("asset", {"text": ""})]
    inputs = {"valueYamlFiles": layers, "values": {"a": {"c": 3}, "d": [2]}}
    rendering = _render(Tool.FLUX, release("x", inputs=inputs))
    # A release's entry names its first file `valuesFile`; the others come after it and win.
    assert _loaded(rendering, "units/x/release.yaml")["spec"]["values"] == {"a": {"b": 1, "c": 3}, "d": [2]}


def test_nulls_reach_helm_as_text() -> None:
    """The API server drops nulls from objects, and a null is how a value of the chart is taken away."""
    one = release("x", inputs={"values": {"a": [{"b": None}]}, "allowNullValues": True})
    flux = _render(Tool.FLUX, one)
    assert "values" not in _loaded(flux, "units/x/release.yaml")["spec"]
    assert yaml.safe_load(_loaded(flux, "units/x/values.yaml")["data"]["values.yaml"]) == {"a": [{"b": None}]}
    helm = _loaded(_render(Tool.ARGOCD, one), "sync/x.yaml")["spec"]["source"]["helm"]
    assert yaml.safe_load(helm["values"]) == {"a": [{"b": None}]}


def test_a_chart_of_the_project_travels_with_the_files() -> None:
    base = Path(__file__).parent / "data"
    one = release("x", inputs={"chart": "chart", "repositoryOpts": {}, "version": ""})
    flux = _render(Tool.FLUX, one, base=base)
    chart = _loaded(flux, "units/x/release.yaml")["spec"]["chart"]["spec"]
    assert chart["chart"] == "./clusters/prod/units/x/charts/istio-system.x"
    assert chart["sourceRef"] == {"kind": "GitRepository", "name": "flux-system"}
    assert "units/x/charts/istio-system.x/Chart.yaml" in flux.files
    source = _loaded(_render(Tool.ARGOCD, one, base=base), "sync/x.yaml")["spec"]["source"]
    assert (source["path"], source["targetRevision"]) == ("clusters/prod/charts/istio-system.x", "main")
    helmfile = _render(Tool.HELMFILE, one, base=base)
    assert _loaded(helmfile, "helmfile.yaml")["releases"][0]["chart"] == "./charts/istio-system.x"
    assert "charts/istio-system.x/Chart.yaml" in helmfile.files


@pytest.mark.parametrize("tool", GITOPS)
def test_a_bundle_of_the_project_travels_with_the_files(tool: Tool) -> None:
    base = Path(__file__).parent / "data"
    one = resource("kubernetes:yaml/v2:ConfigFile", "crds", {"file": "bundle.yaml"}, custom=False, remote=True)
    rendering = _render(tool, one, base=base)
    assert rendering.bundles == 1
    (copied,) = [
        path for path in rendering.files if path.endswith("/crds.yaml") and "sync/" not in path and "flux/" not in path
    ]
    assert rendering.files[copied] == (base / "bundle.yaml").read_bytes()


def test_helmfile_says_what_it_can_not_do_for_one_release() -> None:
    one = release("x", inputs={"skipCrds": True, "disableWebhooks": True, "skipAwait": True, "createNamespace": True})
    rendering = _render(Tool.HELMFILE, one)
    assert len(rendering.differences) == 2
    entry = _loaded(rendering, "helmfile.yaml")["releases"][0]
    assert (entry["wait"], entry["createNamespace"]) == (False, True)


def test_a_helmfile_needs_only_releases_that_are_in_it() -> None:
    releases = _loaded(_render(Tool.HELMFILE, *mesh()), "helmfile.yaml")["releases"]
    there = {f"{each['namespace']}/{each['name']}" for each in releases}
    assert len(there) == len(releases)
    assert {need for each in releases for need in each.get("needs", [])} <= there


def test_flux_waits_for_what_pulumi_waits_for() -> None:
    rendering = _render(Tool.FLUX, *mesh())
    (check,) = _loaded(rendering, "flux/checkout-gateway.yaml")["spec"]["healthCheckExprs"]
    assert (check["apiVersion"], check["kind"]) == ("gateway.networking.k8s.io/v1", "Gateway")
    assert "c.type == 'Programmed'" in check["current"]
    assert rendering.differences == ()


def test_conditions_that_are_no_single_word_stay_a_remark() -> None:
    waits = {"metadata": {"name": "a", "annotations": {"pulumi.com/waitFor": "jsonpath={.status.phase}=Running"}}}
    rendering = _render(Tool.FLUX, kubernetes("v1", "Pod", "a", body=waits))
    assert [remark.text.partition(",")[0] for remark in rendering.differences] == ["Pulumi waits before it goes on"]


def test_flux_may_read_from_another_source_and_the_root() -> None:
    repository = Repository(source="OCIRepository/platform")
    rendering = _render(Tool.FLUX, kubernetes("v1", "Namespace", "a"), repository=repository)
    spec = _loaded(rendering, "flux/cluster-namespace.yaml")["spec"]
    assert spec["sourceRef"] == {"kind": "OCIRepository", "name": "platform"}
    assert spec["path"] == "./units/cluster-namespace"


def test_a_failure_policy_is_left_to_istiod_alone() -> None:
    rendering = _render(Tool.ARGOCD, *mesh(), release("other", provider=provider().urn))
    ignored = {
        path: _loaded(rendering, path)["spec"]["ignoreDifferences"][1]["jqPathExpressions"]
        for path in ("sync/istiod.yaml", "sync/other.yaml")
    }
    assert [len(paths) for paths in ignored.values()] == [2, 1]


def test_helmfile_waits_for_crds_where_there_are_some(tmp_path: Path) -> None:
    crds = Path(__file__).parent / "data" / "bundle.yaml"
    (tmp_path / "plain.yaml").write_text("kind: ConfigMap\n")
    (tmp_path / "crds.yaml").write_bytes(crds.read_bytes())
    made = [
        resource("kubernetes:yaml/v2:ConfigFile", name, {"file": f"{name}.yaml"}, custom=False, remote=True)
        for name in ("plain", "crds")
    ]
    releases = _loaded(_render(Tool.HELMFILE, *made, base=tmp_path), "helmfile.yaml")["releases"]
    commands = {each["chart"]: [hook["args"][0] for hook in each["hooks"]] for each in releases}
    assert commands == {"./charts/crds": ["apply", "wait"], "./charts/plain": ["apply"]}
