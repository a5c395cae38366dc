"""Consul's own chart, asked by the real Helm: it refuses what we say it does, and takes what we make."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from meshwright.consul.plan import plan_consul
from meshwright.kubernetes.chart_values import merge
from tests.servers import helm
from tests.servers.cluster import Cluster
from tests.servers.kubernetes import Identity, Object
from tests.servers.programs import find_program, require_programs
from tests.unit.consul.refused import REFUSED, SOUND
from tests.unit.consul.test_consul import EXTERNAL, VAULT
from tests.unit.consul.test_snapshots import snapshots
from tests.unit.graphs import inputs

GATEWAYS: dict[str, Any] = {
    "peering": True,
    "mesh_gateway": {"annotations": {"example.com/internal": "true"}},
    "terminating_gateways": [{"name": "terminating-gateway"}],
}
INSTALLATIONS: dict[str, dict[str, Any]] = {
    "plain": {"platform": "eks", "cni": True},
    "everything": {
        "platform": "eks",
        **GATEWAYS,
        "prometheus_url": "http://prometheus:9090",
        "recursors": ["10.0.0.2"],
        "server_config": {"limits": {"rpc_max_conns_per_client": 200}},
        "storage": {"storage_class": "gp3"},
    },
    "vault": {"platform": "eks", **GATEWAYS, "vault": VAULT},
    "openshift": {"platform": "openshift", "cni": True, **GATEWAYS},
    "external": {"platform": "eks", "external_servers": EXTERNAL},
    "one": {"platform": "kind", "servers": 1, "injectors": 1},
}
SERVER_CONFIG = ("consul-server-config", "consul-server-tmp-extra-config")
EACH = pytest.mark.parametrize("name", INSTALLATIONS)


def rendered(values: Any) -> str:
    require_programs("helm")
    return helm.template(helm.chart("consul"), "consul", "consul", values)


def objects_of(name: str) -> list[Object]:
    return helm.objects(rendered(plan_consul(INSTALLATIONS[name], "Consul mesh").release.values))  # type: ignore[arg-type]


@pytest.mark.parametrize("values", [each.values for each in REFUSED], ids=[each.message for each in REFUSED])
def test_the_chart_refuses_what_we_say_it_does(values: dict[str, Any]) -> None:
    with pytest.raises(helm.HelmError):
        rendered(merge(SOUND, values))


@EACH
def test_each_installation_is_the_same_each_time(name: str) -> None:
    """What the chart made at render time would be another secret, and another change, at each preview."""
    values = plan_consul(INSTALLATIONS[name], "Consul mesh").release.values  # type: ignore[arg-type]
    assert rendered(values) == rendered(values)


@pytest.mark.parametrize("name", [each for each in INSTALLATIONS if each != "external"])
def test_consul_takes_its_servers_configuration(name: str, tmp_path: Path) -> None:
    """It refuses a key that it doesn't know, which the chart hands on."""
    require_programs("consul")
    for each in objects_of(name):
        if each["kind"] == "ConfigMap" and each["metadata"]["name"] in SERVER_CONFIG:
            for file, text in each["data"].items():
                (tmp_path / file).write_text(text)
    assert json.loads((tmp_path / "extra-from-values.json").read_text())["default_intention_policy"] == "deny"
    command = [find_program("consul"), "validate", str(tmp_path)]
    assert "Configuration is valid!" in subprocess.run(command, capture_output=True, text=True, check=True).stdout
    (tmp_path / "more.json").write_text('{"default_intentions_policy": "deny"}')
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


@EACH
def test_no_crd_of_the_gateway_api_is_made_twice(name: str) -> None:
    crds = [each["metadata"]["name"] for each in objects_of(name) if each["kind"] == "CustomResourceDefinition"]
    assert len(crds) > 20
    assert not [each for each in crds if each.endswith("gateway.networking.k8s.io")]


@EACH
def test_one_pod_may_always_be_away(name: str) -> None:
    replicas = {
        each["metadata"]["name"]: each["spec"]["replicas"]
        for each in objects_of(name)
        if each["kind"] in ("Deployment", "StatefulSet")
    }
    budgets = {
        each["metadata"]["name"]: each["spec"]["maxUnavailable"]
        for each in objects_of(name)
        if each["kind"] == "PodDisruptionBudget"
    }
    assert set(budgets.values()) <= {1}
    assert set(budgets) == {each for each in ("consul-server", "consul-connect-injector") if replicas.get(each, 0) > 1}


def test_gateways_and_injectors_are_not_throttled_and_gain_no_privileges() -> None:
    objects = objects_of("everything")
    workloads = {each["metadata"]["name"]: each for each in objects if each["kind"] in ("Deployment", "Job")}
    for name in ("consul-mesh-gateway", "consul-terminating-gateway", "consul-connect-injector"):
        (container,) = workloads[name]["spec"]["template"]["spec"]["containers"]
        assert list(container["resources"]["limits"]) == ["memory"], name
    (job,) = workloads["consul-gateway-resources"]["spec"]["template"]["spec"]["containers"]
    assert {"-map-privileged-container-ports=8000", "-deployment-default-instances=2"} <= set(job["args"])
    (told,) = [each for each in objects if each["metadata"]["name"] == "consul-gateway-resources-config"]
    assert json.loads(told["data"]["resources.json"])["limits"] == {"memory": "512Mi"}


def test_terminating_gateways_are_told_annotations_of_agents_in_a_way_that_is_not_read() -> None:
    """consul-k8s reads a map there. Where this fails, a newer chart has been mended, and we may refuse less."""
    values = plan_consul(INSTALLATIONS["vault"], "Consul mesh").release.values  # type: ignore[arg-type]
    annotated = {"global": {"secretsBackend": {"vault": {"agentAnnotations": '"a.example/b": "c"'}}}}
    (told,) = [each for each in helm.objects(rendered(merge(values, annotated))) if _name(each) == "helm-values"]
    vault = json.loads(told["data"]["values.json"])["global"]["secretsBackend"]["vault"]
    assert vault["agentAnnotations"] == '"a.example/b": "c"'


def _name(body: Object) -> str:
    return str(body["metadata"]["name"])


@pytest.mark.parametrize(("name", "profile"), [("everything", "restricted"), ("vault", "baseline")])
def test_its_pods_suit_the_namespaces_profile(clean_cluster: Cluster, name: str, profile: str) -> None:
    """The API server judges workloads by their pods, and answers with a warning."""
    api = clean_cluster.api
    labels = {"pod-security.kubernetes.io/warn": profile}
    space = api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "consul", "labels": labels}})
    workloads = [each for each in objects_of(name) if "template" in each.get("spec", {})]
    assert {each["metadata"]["namespace"] for each in workloads} == {"consul"}
    assert len(workloads) > 5
    # What Vault's injector adds to a pod is not in a template.
    workloads.append(inputs(snapshots(vault=VAULT) if name == "vault" else snapshots(), "snapshots-job"))
    api.warnings.clear()
    for each in workloads:
        api.apply(each, dry_run=True)
    assert [each for each in api.warnings if "PodSecurity" in each] == []
    api.delete_all([Identity.of(space)])


def test_the_plugin_alone_needs_privileges_and_lives_elsewhere(clean_cluster: Cluster) -> None:
    api = clean_cluster.api
    (plugin,) = [each for each in objects_of("plain") if each["kind"] == "DaemonSet"]
    assert plugin["metadata"]["namespace"] == "kube-system"
    labels = {"pod-security.kubernetes.io/warn": "baseline"}
    space = api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "consul", "labels": labels}})
    api.warnings.clear()
    api.apply({**plugin, "metadata": {**plugin["metadata"], "namespace": "consul"}}, dry_run=True)
    assert any("privileged" in each for each in api.warnings)
    api.delete_all([Identity.of(space)])
