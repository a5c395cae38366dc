"""A Consul stack: what is registered, in which order, and what is refused before anything is."""

import json
from pathlib import Path
from typing import Any

import pytest

from meshwright.config import parse_config
from meshwright.engine.graph import Graph
from meshwright.engine.project import load_project
from meshwright.engine.record import record
from meshwright.engine.run import run_program
from meshwright.engine.stack import StackSettings
from meshwright.errors import ConfigError, MeshwrightError, ProgramError
from tests.unit.graphs import find, inputs, names

ROOT = Path(__file__).parents[3]
CLUSTER = {"context": "c", "platform": "kind"}
EXTERNAL = {
    "hosts": ["consul.internal"],
    "bootstrap_token": {"secret": "bootstrap", "key": "token"},
    "kubernetes_host": "https://api.example:6443",
}


@pytest.fixture(autouse=True)
def _as_pulumi_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "stacks"))
    monkeypatch.setattr("pulumi.runtime.get_root_directory", lambda: str(ROOT))


def run(**wanted: Any) -> Graph:
    """The stack's program, in this process: a process for each test would take a minute in all."""
    import consul

    mesh = parse_config({"kind": "consul", "version": "2.0.3", "cluster": CLUSTER, **wanted}, None, None).mesh
    return record(lambda: consul.deploy(mesh, "stacks/Pulumi.x.yaml"), stack="x")  # type: ignore[arg-type]


def values(graph: Graph) -> Any:
    return inputs(graph, "mesh-release")["values"]


def test_each_part_comes_after_what_it_needs() -> None:
    graph = run()
    assert names(find(graph, "mesh-release").dependencies) >= {"gateway-api-bundle", "consul-namespace"}
    assert graph.outputs["versions"] == {"consul": "2.0.3", "gateway-api": "1.5.1"}
    assert graph.outputs["licence"].startswith("BUSL-1.1; ")
    assert inputs(graph, "gateway-api")["version"] == "1.5.1"
    assert inputs(graph, "mesh-release")["timeout"] == 900
    assert find(graph, "consul-namespace").options.retain_on_delete


def test_what_a_stack_says_of_servers_and_injectors_reaches_the_chart() -> None:
    given = values(
        run(
            datacenter="eu",
            servers=5,
            cni={},
            cluster={**CLUSTER, "platform": "gke", "kubernetes_version": "1.34"},
            control_plane={
                "server_cpu": "2",
                "server_memory": "4Gi",
                "volumes": {"size": "50Gi", "storage_class": "ssd", "when_destroyed": "delete"},
                "spread_zones": False,
                "server_config": {"log_level": "debug", "limits": {"request_limits": {"read_rate": 500}}},
                "request_limits": "enforce",
                "injectors": 5,
                "transparent_proxy": False,
                "recursors": ["10.0.0.2"],
                "metrics": False,
                "prometheus_url": "http://prometheus:9090",
                "hub": "registry.example/hashicorp",
                "pull_secrets": ["pull"],
            },
            charts={"source": "mirror", "url": "https://charts.example"},
            values={"global": {"logLevel": "debug"}},
        )
    )
    assert given["global"]["datacenter"] == "eu"
    assert given["global"]["logLevel"] == "debug"
    assert given["global"]["recursors"] == ["10.0.0.2"]
    assert given["global"]["metrics"] == {"enabled": False}
    assert given["global"]["image"] == "registry.example/hashicorp/consul:2.0.3"
    assert given["global"]["imagePullSecrets"] == [{"name": "pull"}]
    servers = given["server"]
    assert servers["resources"]["requests"] == {"cpu": "2", "memory": "4Gi"}
    assert (servers["storage"], servers["storageClass"]) == ("50Gi", "ssd")
    assert servers["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] == "Delete"
    assert servers["limits"]["requestLimits"]["mode"] == "enforce"
    assert json.loads(servers["extraConfig"])["log_level"] == "debug"
    assert "topologySpreadConstraints" not in servers
    inject = given["connectInject"]
    assert (inject["replicas"], inject["transparentProxy"]["defaultEnabled"]) == (5, False)
    assert inject["cni"]["cniBinDir"] == "/home/kubernetes/bin"
    assert given["ui"]["metrics"]["baseURL"] == "http://prometheus:9090"


def test_snapshots_are_taken_where_a_stack_says_so() -> None:
    graph = run(control_plane={"snapshots": {"keep": 7, "storage_class": "gp3"}, "hub": "registry.example/hashicorp"})
    assert inputs(graph, "snapshots") == {
        "version": "2.0.3",
        "hub": "registry.example/hashicorp",
        "schedule": "0 */6 * * *",
        "keep": 7,
        "size": "10Gi",
        "storage_class": "gp3",
        "retain": True,
    }
    assert "mesh-release" in names(find(graph, "snapshots-job").dependencies)
    assert inputs(run(control_plane={"snapshots": {"claim": "left"}}), "snapshots")["claim"] == "left"


def test_gateways_are_told_apart() -> None:
    given = values(
        run(
            gateways={
                "mesh": {"service_type": "NodePort", "node_port": 30443, "address": "gw.example.com"},
                "api": {"replicas": 3, "service_type": "ClusterIP"},
                "terminating": [{"name": "out", "replicas": 3}],
            }
        )
    )
    assert given["meshGateway"]["wanAddress"] == {"source": "Static", "static": "gw.example.com", "port": 30443}
    assert given["connectInject"]["apiGateway"]["managedGatewayClass"]["serviceType"] == "ClusterIP"
    assert given["terminatingGateways"]["gateways"] == [{"name": "out", "replicas": 3}]
    assert "terminatingGateways" not in values(run())


def test_servers_elsewhere() -> None:
    ca = {"secret": "consul-ca", "key": "tls.crt"}
    graph = run(external_servers={**EXTERNAL, "tls_server_name": "server.dc1.consul", "ca": ca})
    assert not find(graph, "consul-namespace").options.retain_on_delete  # there are no volumes in it
    given = values(graph)
    assert given["externalServers"] == {
        "enabled": True,
        "hosts": ["consul.internal"],
        "httpsPort": 8501,
        "grpcPort": 8502,
        "tlsServerName": "server.dc1.consul",
        "useSystemRoots": False,
        "k8sAuthMethodHost": "https://api.example:6443",
        "skipServerWatch": False,
    }
    assert given["global"]["tls"]["caCert"] == {"secretName": "consul-ca", "secretKey": "tls.crt"}
    assert given["global"]["acls"]["bootstrapToken"] == {"secretName": "bootstrap", "secretKey": "token"}


def test_a_private_cluster_on_gke_opens_the_injectors_port() -> None:
    graph = run(gke={"project": "p", "control_plane_cidr": "172.16.0.0/28", "node_tags": ["node"]})
    assert inputs(graph, "mesh-firewall")["webhook_ports"] == [8080]
    assert "mesh-firewall-webhooks" in names(find(graph, "mesh-release").dependencies)


def test_crds_that_exist_are_adopted_and_a_namespace_too() -> None:
    graph = run(gateway_api={"mode": "adopt"}, control_plane={"adopt_namespace": True})
    assert inputs(graph, "gateway-api-owner")["upsertExistingObjects"] in (True, "true")
    assert find(graph, "consul-namespace").type == "kubernetes:core/v1:NamespacePatch"


def test_a_local_bundle_is_named_as_the_program_sees_it() -> None:
    with pytest.raises(MeshwrightError, match="there is no file"):
        run(gateway_api={"path": "none.yaml"})


@pytest.mark.parametrize(
    ("wanted", "line"),
    [
        (
            {"servers": 4},
            (
                "mesh.servers is 4: 4 servers need 3 of them to agree, and bear the loss of 1: as one less do; use 3 or 5"
                " (MW-E230)"
            ),
        ),
        ({"external_servers": EXTERNAL, "servers": 3}, "mesh.servers is for servers in the cluster, and external_serv"),
        (
            {"external_servers": EXTERNAL, "control_plane": {"server_cpu": "1"}},
            "mesh.control_plane.server_cpu is for servers in the cluster",
        ),
        (
            {"external_servers": {**EXTERNAL, "use_system_roots": True, "ca": {"secret": "s", "key": "k"}}},
            "mesh.external_servers.ca is not read with use_system_roots; keep one of the two (MW-E018)",
        ),
        ({"external_servers": {**EXTERNAL, "hosts": ["a", "a"]}}, 'mesh.external_servers.hosts[1] is "a"'),
        ({"gateways": {"mesh": {"service_type": "NodePort"}}}, "others can't be told where it is; add node_port"),
        ({"gateways": {"mesh": {"node_port": 30000}}}, "is not used with service_type: LoadBalancer; remove it"),
        ({"gateways": {"terminating": [{"name": "a"}, {"name": "a"}]}}, 'mesh.gateways.terminating[1].name is "a"'),
        ({"control_plane": {"recursors": ["a", "a"]}}, 'mesh.control_plane.recursors[1] is "a"'),
        ({"control_plane": {"pull_secrets": ["a", "a"]}}, 'mesh.control_plane.pull_secrets[1] is "a"'),
        (
            {"control_plane": {"ui": False, "prometheus_url": "http://p"}},
            "mesh.control_plane.prometheus_url is for the UI's graphs, and ui is false; remove it, or set ui: true",
        ),
        (
            {"control_plane": {"snapshots": {"claim": "left", "storage_class": "gp3"}}},
            "mesh.control_plane.snapshots.storage_class is for a volume that is made, and claim names one that exists",
        ),
        ({"control_plane": {"server_memory": "lots"}}, "mesh.control_plane.server_memory"),
        (
            {"values": {"connectInject": {"replicas": 1}}},
            "mesh.values.connectInject: the budget of 1 injector lets no node be drained; use 3 injectors, or allow one",
        ),
        (
            {"values": {"connectInject": {"disruptionBudget": {"minAvailable": 3}}}},
            "mesh.values.connectInject: the budget of 3 injectors wants all of them (minAvailable)",
        ),
    ],
)
def test_what_cannot_work_is_refused_in_the_file(wanted: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError) as error:
        run(**wanted)
    assert line in str(error.value)


@pytest.mark.parametrize(
    "inject", [{"logLevel": "debug"}, {"replicas": "many"}, {"disruptionBudget": "none"}, "none"], ids=str
)
def test_a_budget_that_is_left_alone_or_cannot_be_read_is_not_judged(inject: Any) -> None:
    mesh = parse_config({"kind": "consul", "values": {"connectInject": inject}}, None, None).mesh
    assert mesh.kind == "consul"


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"servers": 1, "values": {"server": {"disruptionBudget": {"enabled": True}}}}, "MW-E231"),
        ({"values": {"global": {"peering": {"enabled": True}}}}, "MW-E232"),
        ({"version": "1.9"}, "MW-E233"),
        ({"cluster": None}, "MW-E011"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_registered(wanted: dict[str, Any], code: str) -> None:
    with pytest.raises(MeshwrightError, match=code):
        run(**wanted)


def test_the_program_says_it_in_one_line() -> None:
    wanted = {"kind": "consul", "cluster": CLUSTER, "values": {"global": {"bootstrapACLs": True}}}
    settings = StackSettings("x", config={"meshwright:mesh": json.dumps(wanted)}, secret_keys=frozenset())
    with pytest.raises(ProgramError) as error:
        run_program(load_project(ROOT), settings)
    assert str(error.value) == (
        "Consul mesh: the chart's values can't work: global.bootstrapACLs was removed; "
        "use global.acls.manageSystemACLs, which is true (MW-E232)"
    )
