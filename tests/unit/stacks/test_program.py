"""The program behind ``pulumi up``: what each key of the stack's config becomes."""

import json
from pathlib import Path
from typing import Any

import pytest

from meshwright.engine.given import load_given
from meshwright.engine.graph import UNKNOWN, Graph, Secret
from meshwright.engine.project import load_project
from meshwright.engine.run import run_program
from meshwright.engine.stack import StackSettings
from meshwright.errors import ProgramError
from tests.unit.graphs import find, inputs, names, shape

ROOT = Path(__file__).parents[3]
URL = "https://github.com/kubernetes-sigs/gateway-api/releases/download"


def run(given: Path | None = None, **mesh: Any) -> Graph:
    wanted = {"kind": "istio-ambient", "version": "1.31", "cluster": {"context": "c", "platform": "kind"}, **mesh}
    settings = StackSettings("x", config={"meshwright:mesh": json.dumps(wanted)}, secret_keys=frozenset())
    return run_program(load_project(ROOT), settings, load_given(given) if given else None)


def settings_of(graph: Graph, provider: str) -> dict[str, Any]:
    """A provider's inputs without its own version, which moves with the SDK."""
    return {key: value for key, value in inputs(graph, provider).items() if key != "version"}


def test_a_mesh_without_namespaces() -> None:
    graph = run()
    assert shape(graph)[:3] == [
        ("meshwright:index:GatewayApiCrds", "gateway-api", "meshwright-x"),
        ("kubernetes:yaml/v2:ConfigFile", "gateway-api-bundle", "gateway-api"),
        ("meshwright:index:IstioAmbient", "mesh", "meshwright-x"),
    ]
    assert settings_of(graph, "cluster") == {"context": "c"}
    assert inputs(graph, "gateway-api") == {
        "mode": "create",
        "version": "1.6.1",
        "manifest": f"{URL}/v1.6.1/standard-install.yaml",
    }
    assert inputs(graph, "mesh") == {"version": "1.31", "platform": "kind", "istiod_replicas": 2}
    assert "gateway-api-bundle" in names(find(graph, "mesh-istiod").dependencies)
    assert graph.outputs == {
        "namespaces": {},
        "versions": {"istio": "1.31.1", "gateway-api": "1.6.1"},
        "next": "list a first namespace, of two or three services that talk often, with phase: permissive",
    }


def test_everything_that_a_stack_may_say_of_istio_reaches_the_component() -> None:
    graph = run(
        version="1.31.1",
        cluster={"context": "c", "platform": "eks", "kubernetes_version": "1.34", "compute": ["nodes"]},
        revision="1-31-1",
        hub="registry.example/istio",
        trust_domain="td.example",
        istiod={"min_replicas": 3},
        charts={"source": "mirror", "url": "oci://mirror.example/istio"},
        adopt={"releases": ["istiod"], "system_namespace": True},
        values={"istiod": {"traceSampling": 5}},
    )
    assert inputs(graph, "mesh") == {
        "version": "1.31.1",
        "platform": "eks",
        "istiod_replicas": 3,
        "kubernetes_version": "1.34",
        "compute": ["nodes"],
        "adopt_namespace": True,
        "adopt_releases": ["istiod"],
        "revision": "1-31-1",
        "hub": "registry.example/istio",
        "trust_domain": "td.example",
        "charts": {"source": "mirror", "address": "oci://mirror.example/istio"},
        "values": {"istiod": {"traceSampling": 5}},
    }


def test_everything_that_a_stack_may_say_of_a_namespace_reaches_the_component() -> None:
    graph = run(
        revision="prod",
        namespaces=[
            {"name": "legacy", "phase": "unmeshed"},
            {
                "name": "shop",
                "phase": "strict",
                "adopt": True,
                "since": "2026-10-12",
                "previous": {"phase": "permissive", "since": "2026-10-01"},
                "waypoint": {"for": "all", "reason": "retries", "min_replicas": 3, "allowed_namespaces": ["web"]},
            },
        ],
    )
    assert inputs(graph, "legacy") == {"namespace": "legacy", "phase": "unmeshed", "revision": "prod"}
    assert inputs(graph, "shop") == {
        "namespace": "shop",
        "phase": "strict",
        "adopt": True,
        "since": "2026-10-12",
        "previous": {"phase": "permissive", "since": "2026-10-01"},
        "revision": "prod",
        "waypoint": {"waypoint_for": "all", "reason": "retries", "min_replicas": 3, "allowed_namespaces": ["web"]},
    }
    assert "mesh-ztunnel" in names(find(graph, "shop").dependencies)
    assert graph.outputs["namespaces"] == {"unmeshed": ["legacy"], "strict": ["shop"]}


def test_mesh_wide_strict_comes_after_every_namespace() -> None:
    graph = run(
        mtls="strict", namespaces=[{"name": "shop", "phase": "strict"}, {"name": "legacy", "phase": "unmeshed"}]
    )
    assert inputs(graph, "mesh-wide-mtls") == {"mode": "STRICT", "phases": {"shop": "strict", "legacy": "unmeshed"}}
    waits_for = names(find(graph, "mesh-wide-mtls-peer-authentication").dependencies)
    assert {"shop-namespace", "shop-peer-authentication", "legacy-namespace", "mesh-ztunnel"} <= waits_for


def test_adopted_crds_get_a_provider_that_may_take_them_over() -> None:
    graph = run(gateway_api={"mode": "adopt"})
    assert settings_of(graph, "gateway-api-owner") == {
        "context": "c",
        "upsertExistingObjects": "true",
        "enablePatchForce": "true",
    }
    assert find(graph, "gateway-api-bundle").provider.endswith("::gateway-api-owner")
    assert find(graph, "mesh-istiod").provider.endswith("::cluster")


def test_paths_are_the_projects_as_the_program_sees_them(tmp_path: Path) -> None:
    for name in ("base", "istiod", "cni", "ztunnel"):
        (tmp_path / name / "templates").mkdir(parents=True)
        (tmp_path / name / "Chart.yaml").write_text(f"name: {name}\nversion: 1.31.1\n")
        (tmp_path / name / "templates" / "all.yaml").write_text(
            "".join(
                f"{{{{ .Values.{key} }}}}"
                for key in [
                    "ambient",
                    "autoscaleMax",
                    "autoscaleMin",
                    "base",
                    "defaultRevision",
                    "global",
                    "hub",
                    "istioNamespace",
                    "istioOwnedCNIConfig",
                    "pdb",
                    "profile",
                    "resourceName",
                    "topologySpreadConstraints",
                ]
            )
        )
    graph = run(
        cluster={"kubeconfig": "kube.yaml", "platform": "kind"},
        charts={"source": "path", "path": str(tmp_path)},
        gateway_api={"version": "1.6.1", "path": "README.md"},
    )
    assert inputs(graph, "cluster")["kubeconfig"] == "../kube.yaml"
    assert inputs(graph, "gateway-api")["manifest"] == "../README.md"
    chart = Path(inputs(graph, "mesh-istiod")["chart"])
    assert not chart.is_absolute()
    assert (ROOT / "stacks" / chart).resolve() == tmp_path / "istiod"


def test_the_kubeconfig_of_another_stack_is_unknown_until_it_is_given(tmp_path: Path) -> None:
    cluster = {"stack": "org/eks/prod", "output": "kube", "platform": "eks"}
    assert inputs(run(cluster=cluster), "cluster")["kubeconfig"] is UNKNOWN
    given = tmp_path / "given.yaml"
    given.write_text("stacks: {org/eks/prod: {kube: apiVersion-v1}}\n")
    known = inputs(run(given, cluster=cluster), "cluster")["kubeconfig"]
    assert (known.value if isinstance(known, Secret) else known) == "apiVersion-v1"


def test_a_kind_without_components_is_refused_by_name() -> None:
    with pytest.raises(ProgramError) as error:
        run(kind="none", because=["under_20_services"])
    assert "MW-E010" in str(error.value)  # the fields of istio-ambient are none of its own
    settings = StackSettings(
        "x",
        config={"meshwright:mesh": json.dumps({"kind": "none", "because": ["under_20_services"]})},
        secret_keys=frozenset(),
    )
    with pytest.raises(ProgramError) as error:
        run_program(load_project(ROOT), settings)
    assert str(error.value) == (
        "stacks/Pulumi.x.yaml: this version checks stacks of kind none, and does not deploy them; "
        "it deploys: istio-ambient, linkerd, consul (MW-E058)"
    )


def test_mistakes_in_the_config_are_one_line_each() -> None:
    with pytest.raises(ProgramError) as error:
        run(namespaces=[{"name": "shop", "phase": "strickt"}], revisoin="x")
    lines = str(error.value).splitlines()
    assert len(lines) == 2
    assert any('mesh has no key "revisoin"; did you mean revision? (MW-E010)' in line for line in lines)
    assert any('mesh.namespaces[0].phase is "strickt"' in line and line.endswith("(MW-E014)") for line in lines)
