"""The recorded graph of IstioAmbient: what is registered, in which order, with which values."""

from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest

from meshwright import IstioAmbient
from meshwright.engine.graph import Graph
from meshwright.istio.ambient import IstioAmbientArgs
from meshwright.kubernetes.errors import ComponentError
from tests.unit.graphs import find, inputs, names, shape, with_provider

RELEASE = "kubernetes:helm.sh/v3:Release"
SPREAD = [
    {
        "maxSkew": 1,
        "topologyKey": key,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"app": "istiod"}},
    }
    for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
]


def mesh(**args: Any) -> Graph:
    wanted: IstioAmbientArgs = {"version": "1.31", "platform": "kind", **args}  # type: ignore[typeddict-item]
    return with_provider(lambda opts: IstioAmbient("mesh", wanted, opts))


def values(graph: Graph, short: str) -> dict[str, Any]:
    found: dict[str, Any] = inputs(graph, f"mesh-{short}")["values"]
    return found


def test_one_namespace_and_four_releases_under_the_component() -> None:
    assert shape(mesh()) == [
        ("meshwright:index:IstioAmbient", "mesh", "test-dev"),
        ("kubernetes:core/v1:Namespace", "mesh-namespace", "mesh"),
        (RELEASE, "mesh-base", "mesh"),
        (RELEASE, "mesh-istiod", "mesh"),
        (RELEASE, "mesh-cni", "mesh"),
        (RELEASE, "mesh-ztunnel", "mesh"),
    ]


def test_each_release_waits_for_the_one_before() -> None:
    graph = mesh()
    assert names(find(graph, "mesh-base").dependencies) == {"mesh-namespace"}
    assert names(find(graph, "mesh-istiod").dependencies) == {"mesh-base"}
    assert names(find(graph, "mesh-cni").dependencies) == {"mesh-istiod"}
    assert names(find(graph, "mesh-ztunnel").dependencies) == {"mesh-cni"}


def test_what_the_component_depends_on_its_children_depend_on_too() -> None:
    def program(opts: pulumi.ResourceOptions) -> None:
        first = kubernetes.Provider("first")
        also = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[first]))
        IstioAmbient("mesh", {"version": "1.31", "platform": "kind"}, also)

    graph = with_provider(program)
    for name in ("mesh", "mesh-namespace", "mesh-base", "mesh-ztunnel"):
        assert "first" in names(find(graph, name).dependencies), name


def test_every_child_uses_the_provider_that_was_given() -> None:
    graph = mesh()
    for name in ("mesh-namespace", "mesh-base", "mesh-istiod", "mesh-cni", "mesh-ztunnel"):
        assert find(graph, name).provider.endswith("::cluster"), name


def test_the_root_namespace_lets_node_agents_in() -> None:
    assert inputs(mesh(), "mesh-namespace")["metadata"] == {
        "name": "istio-system",
        "labels": {"pod-security.kubernetes.io/enforce": "privileged"},
    }


def test_charts_are_pinned_to_the_newest_safe_patch_in_istios_registry() -> None:
    graph = mesh()
    for short, release, chart in (
        ("base", "istio-base", "base"),
        ("istiod", "istiod", "istiod"),
        ("cni", "istio-cni", "cni"),
        ("ztunnel", "ztunnel", "ztunnel"),
    ):
        found = inputs(graph, f"mesh-{short}")
        assert found["chart"] == f"oci://ghcr.io/istio/release/charts/{chart}"
        assert (found["version"], found["name"], found["namespace"]) == ("1.31.1", release, "istio-system")


def test_values_of_base() -> None:
    assert values(mesh(), "base") == {
        "defaultRevision": "default",
        "base": {"validationFailurePolicy": "Fail"},
        "global": {"istioNamespace": "istio-system"},
    }


def test_values_of_istiod() -> None:
    assert values(mesh(), "istiod") == {
        "profile": "ambient",
        "autoscaleMin": 2,
        "autoscaleMax": 5,
        "pdb": {"unhealthyPodEvictionPolicy": "AlwaysAllow"},
        "topologySpreadConstraints": SPREAD,
        "base": {"validationFailurePolicy": "Fail"},
        "global": {"istioNamespace": "istio-system", "hub": "docker.io/istio"},
    }


def test_values_of_cni() -> None:
    assert values(mesh(), "cni") == {
        "profile": "ambient",
        "global": {"hub": "docker.io/istio"},
        "ambient": {"enableAmbientDetectionRetry": True},
        "istioOwnedCNIConfig": True,
    }


def test_values_of_ztunnel() -> None:
    assert values(mesh(), "ztunnel") == {
        "hub": "docker.io/istio",
        "istioNamespace": "istio-system",
        "resourceName": "ztunnel",
    }


@pytest.mark.parametrize(
    ("platform", "istio_name"),
    [("gke", "gke"), ("k3s", "k3s"), ("k3d", "k3d"), ("minikube", "minikube"), ("microk8s", "microk8s")],
)
def test_platforms_with_a_profile_name_it_to_every_chart(platform: str, istio_name: str) -> None:
    graph = mesh(platform=platform)
    for short in ("base", "istiod", "cni", "ztunnel"):
        assert values(graph, short)["global"]["platform"] == istio_name, short
        assert inputs(graph, f"mesh-{short}")["namespace"] == "istio-system"


@pytest.mark.parametrize("platform", ["eks", "aks", "kind", "generic"])
def test_platforms_without_a_profile_name_none(platform: str) -> None:
    graph = mesh(platform=platform)
    for short in ("base", "istiod", "cni"):
        assert "platform" not in values(graph, short)["global"], short
    assert "global" not in values(graph, "ztunnel")


def test_openshift_runs_its_agents_in_kube_system_and_istiod_trusts_them_there() -> None:
    graph = mesh(platform="openshift")
    where = {short: inputs(graph, f"mesh-{short}")["namespace"] for short in ("base", "istiod", "cni", "ztunnel")}
    assert where == {"base": "istio-system", "istiod": "istio-system", "cni": "kube-system", "ztunnel": "kube-system"}
    assert values(graph, "istiod")["trustedZtunnelNamespace"] == "kube-system"
    assert "istioOwnedCNIConfig" not in values(graph, "cni")


@pytest.mark.parametrize(("nodes", "timeout"), [({}, None), ({"nodes": 5}, None), ({"nodes": 24.0}, 1440)])
def test_an_update_of_node_agents_waits_for_every_node(nodes: dict[str, Any], timeout: int | None) -> None:
    graph = mesh(**nodes)
    waits = {short: inputs(graph, f"mesh-{short}").get("timeout") for short in ("base", "istiod", "cni", "ztunnel")}
    assert waits == {"base": None, "istiod": None, "cni": timeout, "ztunnel": timeout}


def test_a_revision_reaches_every_chart_and_istiods_release_name() -> None:
    graph = mesh(revision="1-31-1")
    # Objects that name no revision have a validator too: each revision's own is asked about those that name it.
    assert values(graph, "base")["defaultRevision"] == "1-31-1"
    assert {values(graph, short)["revision"] for short in ("istiod-1-31-1", "cni", "ztunnel")} == {"1-31-1"}
    assert inputs(graph, "mesh-istiod-1-31-1")["name"] == "istiod-1-31-1"
    assert find(graph, "mesh").outputs == {"namespace": "istio-system", "version": "1.31.1", "revision": "1-31-1"}


def test_outputs_of_the_default_revision() -> None:
    assert find(mesh(), "mesh").outputs == {"namespace": "istio-system", "version": "1.31.1", "revision": "default"}


def test_a_version_before_1_31_comes_from_the_http_repository_and_docker_hub() -> None:
    found = inputs(mesh(version="1.30"), "mesh-istiod")
    assert found["chart"] == "istiod"
    assert found["repositoryOpts"] == {"repo": "https://istio-release.storage.googleapis.com/charts"}
    assert found["values"]["global"]["hub"] == "docker.io/istio"


def test_trust_domain_replicas_namespace_and_hub_are_yours_to_set() -> None:
    graph = mesh(trust_domain="td.example", istiod_replicas=7.0, namespace="mesh-root", hub="registry.example/istio")
    istiod = values(graph, "istiod")
    assert istiod["meshConfig"] == {"trustDomain": "td.example"}
    assert (istiod["autoscaleMin"], istiod["autoscaleMax"]) == (7, 7)
    assert istiod["global"] == {"istioNamespace": "mesh-root", "hub": "registry.example/istio"}
    assert values(graph, "ztunnel")["hub"] == values(graph, "cni")["global"]["hub"] == "registry.example/istio"
    assert inputs(graph, "mesh-namespace")["metadata"]["name"] == "mesh-root"


def test_your_values_win() -> None:
    istiod = values(mesh(values={"istiod": {"autoscaleMin": 4, "global": {"hub": "mine"}}}), "istiod")
    assert istiod["autoscaleMin"] == 4
    assert istiod["global"] == {"istioNamespace": "istio-system", "hub": "mine"}


def test_an_adopted_namespace_is_patched_and_adopted_releases_are_imported() -> None:
    graph = mesh(adopt_namespace=True, adopt_releases=["istiod", "ztunnel"], revision="r")
    assert find(graph, "mesh-namespace").type == "kubernetes:core/v1:NamespacePatch"
    imported = {short: find(graph, f"mesh-{short}").options.import_id for short in ("base", "istiod-r", "ztunnel")}
    assert imported == {"base": "", "istiod-r": "istio-system/istiod-r", "ztunnel": "istio-system/ztunnel"}


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ({"platform": "eck"}, "the platform 'eck' is unknown; one of: aks, eks, generic, gke, k3d, k3s, kind, microk8s, minikube, openshift (MW-E050)"),
        ({"kubernetes_version": "1.31"}, "istio 1.31.1 does not run on Kubernetes 1.31; upgrade the cluster to 1.32 or newer, or choose an older version of the mesh (MW-E056)"),
        ({"platform": "eks", "compute": ["fargate"]}, "ambient needs an agent on every node, and AWS Fargate has no nodes to run it on; run the meshed workloads on nodes and leave it out of compute, or choose vpc-lattice or no mesh (MW-E057)"),
        ({"istiod_replicas": 0}, "0 replicas of istiod can't serve; at least 1; 2 or more (MW-E050)"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_in_one_line(args: dict[str, Any], line: str) -> None:
    with pytest.raises(ComponentError) as error:
        mesh(**args)
    assert str(error.value) == f"IstioAmbient mesh: {line}"
    assert isinstance(error.value, pulumi.RunError)


def test_a_version_outside_the_catalog_is_refused_at_the_component() -> None:
    with pytest.raises(ComponentError, match=r'^IstioAmbient mesh: istio "1.12" is not in the catalog; .*MW-E030'):
        mesh(version="1.12")


def test_without_a_provider_nothing_is_registered_in_the_ambient_cluster() -> None:
    from meshwright.engine.record import record

    with pytest.raises(ComponentError, match=r"IstioAmbient mesh: no Kubernetes provider was given; .* \(MW-E051\)"):
        record(lambda: IstioAmbient("mesh", {"version": "1.31", "platform": "kind"}))


def local_charts(folder: Path, version: str = "1.31.1") -> dict[str, Any]:
    """Charts that know what our values name, and no more."""
    for name in ("base", "istiod", "cni", "ztunnel"):
        (folder / name / "templates").mkdir(parents=True)
        (folder / name / "Chart.yaml").write_text(f"name: {name}\nversion: {version}\n")
        whole = "ambient autoscaleMax autoscaleMin base defaultRevision global hub istioNamespace istioOwnedCNIConfig "
        whole += "meshConfig pdb profile resourceName revision topologySpreadConstraints trustedZtunnelNamespace"
        read = " ".join(f"{{{{ .Values.{value} }}}}" for value in whole.split())
        (folder / name / "templates" / "all.yaml").write_text(read)
    return {"source": "path", "address": str(folder)}


def test_every_key_of_ours_is_known_to_local_charts(tmp_path: Path) -> None:
    charts = local_charts(tmp_path)
    graph = mesh(charts=charts, trust_domain="td", revision="r", hub="h", platform="openshift", istiod_replicas=3)
    assert inputs(graph, "mesh-istiod-r")["chart"] == str(tmp_path / "istiod")


def test_everything_is_refused_at_once_and_nothing_is_registered(tmp_path: Path) -> None:
    wanted: IstioAmbientArgs = {
        "version": "1.31",
        "platform": "eks",
        "compute": ["fargate"],
        "kubernetes_version": "1.30",
        "charts": local_charts(tmp_path),  # type: ignore[typeddict-item]
        "values": {"istiod": {"nonsense": 1}, "ztunnel": {"nonsense": 1}},
        "adopt_releases": ["istio-base"],
    }
    registered: list[str] = []

    def program(opts: pulumi.ResourceOptions) -> None:
        try:
            IstioAmbient("mesh", wanted, opts)
        except ComponentError as error:
            registered.extend(problem.code for problem in error.problems)

    graph = with_provider(program)
    assert sorted(registered) == ["MW-E050", "MW-E054", "MW-E054", "MW-E056", "MW-E057"]
    assert shape(graph) == []


def test_a_local_chart_of_another_minor_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ComponentError) as error:
        mesh(charts=local_charts(tmp_path, "1.30.2"))
    assert str(error.value).splitlines()[0] == (
        f"IstioAmbient mesh: the chart base in {tmp_path} is 1.30.2, not 1.31; "
        "unpack the chart of 1.31.1, or ask for the version that is there (MW-E052)"
    )


def test_where_the_agents_are_elsewhere_the_root_namespace_stays_restricted() -> None:
    assert inputs(mesh(platform="openshift"), "mesh-namespace")["metadata"] == {"name": "istio-system"}


def test_extension_providers_reach_the_mesh_config() -> None:
    providers = [{"name": "otel", "opentelemetry": {"service": "otel.example.svc.cluster.local", "port": 4317}}]
    graph = mesh(extension_providers=providers, trust_domain="td.example")
    assert values(graph, "istiod")["meshConfig"] == {"trustDomain": "td.example", "extensionProviders": providers}
    assert "meshConfig" not in values(mesh(), "istiod")


@pytest.mark.parametrize(
    ("providers", "message"),
    [
        (
            [{"name": "a", "zipkin": {}}, {"name": "A", "zipkin": {}}],
            "the extension provider 'A' is there twice; give each a name of its own; Istio doesn't tell capitals from",
        ),
        ([{"name": "a", "zipkin": {}, "opentelemetry": {}}], "an extension provider has the keys name, opentelemetry,"),
        ([{"zipkin": {}, "opentelemetry": {}}], "an extension provider has the keys opentelemetry, zipkin; give it a"),
        ([{}], "an extension provider has the keys none; give it a name and one kind"),
    ],
)
def test_extension_providers_that_are_not_what_they_seem(providers: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ComponentError, match=message) as caught:
        mesh(extension_providers=providers)
    assert [problem.code for problem in caught.value.problems] == ["MW-E050"]


def test_what_the_agents_log_and_how() -> None:
    graph = mesh(json_logs=True, ztunnel_access_logs="errors")
    assert values(graph, "istiod")["global"]["logAsJson"] is True
    assert values(graph, "istiod")["meshConfig"] == {"accessLogEncoding": "JSON"}
    assert values(graph, "cni")["global"]["logAsJson"] is True
    assert values(graph, "ztunnel")["logAsJson"] is True
    assert values(graph, "ztunnel")["logLevel"] == "info,access=warn"
    assert values(mesh(ztunnel_access_logs="off"), "ztunnel")["logLevel"] == "info,access=off"
    assert "logLevel" not in values(mesh(), "ztunnel")


def test_ztunnel_logs_all_errors_or_nothing() -> None:
    with pytest.raises(
        ComponentError, match=r"ztunnel_access_logs 'some' is unknown; one of: off, errors, all \(MW-E050"
    ):
        mesh(ztunnel_access_logs="some")
