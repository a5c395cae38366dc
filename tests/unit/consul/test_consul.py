"""The recorded graph of Consul's servers and injector: what is registered, with which values, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from meshwright import Consul, ConsulSystemNamespace
from meshwright.consul.plan import names_of
from meshwright.engine.graph import Graph
from meshwright.kubernetes.errors import ComponentError
from tests.unit.graphs import find, inputs, names, shape, with_provider

EXTERNAL: dict[str, Any] = {
    "hosts": ["consul.internal"],
    "bootstrap_token": {"secret_name": "consul-bootstrap", "secret_key": "token"},
    "kubernetes_host": "https://api.example:6443",
}
VAULT: dict[str, Any] = {
    "address": "https://vault.internal:8200",
    "auth_path": "kubernetes",
    "roles": {"server": "consul-server", "acl_init": "consul-acl", "injector": "consul-injector", "ca": "consul-ca"},
    "server_certificate": "pki/issue/consul-server",
    "ca_certificate": "pki/cert/ca",
    "injector_certificate": "inject/issue/injector",
    "injector_ca": "inject/cert/ca",
    "connect_ca": {"root_path": "connect_root", "intermediate_path": "dc1/connect_inter"},
    "gossip": {"path": "consul/data/gossip", "key": "key"},
    "bootstrap_token": {"path": "consul/data/bootstrap", "key": "token"},
}


def mesh(**args: Any) -> Graph:
    return with_provider(lambda opts: Consul("mesh", {"platform": "kind", **args}, opts))  # type: ignore[typeddict-item]


def values(**args: Any) -> dict[str, Any]:
    found: dict[str, Any] = inputs(mesh(**args), "mesh-release")["values"]
    return found


def test_one_release_with_time_for_its_hooks() -> None:
    graph = mesh(version="2.0")
    assert shape(graph) == [
        ("meshwright:index:Consul", "mesh", "test-dev"),
        ("kubernetes:helm.sh/v3:Release", "mesh-release", "mesh"),
    ]
    release = inputs(graph, "mesh-release")
    assert release["name"] == "consul"
    assert release["namespace"] == "consul"
    assert release["version"] == "2.0.3"
    assert release["repositoryOpts"] == {"repo": "https://helm.releases.hashicorp.com"}
    assert release["timeout"] == 900
    assert inputs(mesh(timeout_s=1800), "mesh-release")["timeout"] == 1800


def test_what_is_insecure_in_the_chart_is_not_so_here() -> None:
    given = values()
    common = given["global"]
    assert common["tls"] == {"enabled": True, "enableAutoEncrypt": True, "verify": True, "httpsOnly": True}
    assert common["acls"] == {"manageSystemACLs": True}
    assert common["gossipEncryption"] == {"autoGenerate": True}
    assert json.loads(given["server"]["extraConfig"]) == {"default_intention_policy": "deny"}
    assert given["connectInject"]["aclBindingRuleSelector"] == "serviceaccount.name!=default"
    assert given["ui"]["service"] == {"type": "ClusterIP"}
    assert given["ui"]["ingress"] == {"enabled": False}
    assert given["server"]["limits"] == {"requestLimits": {"mode": "permissive"}}
    assert given["client"] == given["syncCatalog"] == {"enabled": False}


def test_the_gateway_api_has_another_owner() -> None:
    common = values()["global"]
    assert common["installK8sNetworkingCRDs"] is False
    # The standard bundle has no TCPRoute, and an injector that watches it would crash.
    assert common["crds"] == {"enableTcpRoute": False}


def test_servers_survive_a_loss_and_nodes_can_be_drained() -> None:
    given = values(servers=5, storage={"size": "50Gi", "storage_class": "gp3", "retain": False})
    servers = given["server"]
    assert servers["replicas"] == 5
    assert servers["disruptionBudget"] == {"enabled": True}
    assert servers["storage"] == "50Gi"
    assert servers["storageClass"] == "gp3"
    assert servers["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Delete", "whenScaled": "Retain"}
    assert servers["resources"] == {
        "requests": {"cpu": "500m", "memory": "1Gi"},
        "limits": {"cpu": None, "memory": "1Gi"},
    }
    assert "topology.kubernetes.io/zone" in servers["topologySpreadConstraints"]
    assert given["connectInject"]["replicas"] == 3
    assert given["connectInject"]["disruptionBudget"] == {"enabled": True, "maxUnavailable": 1}
    assert "topologySpreadConstraints" not in values(spread_zones=False)["server"]


def test_one_of_each_has_no_budget_that_blocks_drains() -> None:
    given = values(servers=1, injectors=1)
    assert given["server"]["disruptionBudget"] == {"enabled": False}
    assert given["connectInject"]["disruptionBudget"]["enabled"] is False
    assert "topologySpreadConstraints" not in given["server"]


def test_the_injector_takes_namespaces_that_say_so_and_all_of_their_pods() -> None:
    inject = values()["connectInject"]
    assert inject["default"] is True
    assert inject["namespaceSelector"] == "matchLabels:\n  connect-inject: enabled\n"
    assert values(transparent_proxy=False)["dns"] == {"enabled": True, "enableRedirection": False}


@pytest.mark.parametrize(
    ("platform", "cni"),
    [
        ("eks", {"enabled": True, "namespace": "kube-system"}),
        ("gke", {"enabled": True, "namespace": "kube-system", "cniBinDir": "/home/kubernetes/bin"}),
    ],
)
def test_the_cni_plugin_lies_where_the_platform_has_it(platform: str, cni: dict[str, Any]) -> None:
    assert values(platform=platform, cni=True)["connectInject"]["cni"] == cni
    assert values(platform=platform)["connectInject"]["cni"] == {"enabled": False}


def test_without_the_plugin_nodes_are_not_asked_for() -> None:
    assert values(platform="eks", compute=["fargate"])["connectInject"]["cni"] == {"enabled": False}


def test_openshift_is_told_to_the_chart() -> None:
    given = values(platform="openshift", cni=True)
    assert given["global"]["openshift"] == {"enabled": True}
    assert given["connectInject"]["cni"]["multus"] is True


def test_metrics_and_graphs() -> None:
    assert values()["global"]["metrics"] == {
        "enabled": True,
        "enableAgentMetrics": True,
        "disableAgentHostName": True,
        "agentMetricsRetentionTime": "5m",
    }
    assert values(metrics=False)["global"]["metrics"] == {"enabled": False}
    assert values()["ui"]["metrics"] == {"enabled": False}
    assert values(prometheus_url="http://p:9090")["ui"]["metrics"] == {"enabled": True, "baseURL": "http://p:9090"}
    assert values(ui=False)["ui"] == {"enabled": False}


def test_images_come_from_a_registry_of_ones_own() -> None:
    common = values(hub="registry.example/hashicorp", pull_secrets=["pull"], recursors=["10.0.0.2"])["global"]
    assert common["image"] == "registry.example/hashicorp/consul:2.0.3"
    assert common["imageK8S"] == "registry.example/hashicorp/consul-k8s-control-plane:2.0.3"
    assert common["imageConsulDataplane"] == "registry.example/hashicorp/consul-dataplane:2.0.3"
    assert common["imagePullSecrets"] == [{"name": "pull"}]
    assert common["recursors"] == ["10.0.0.2"]


def test_the_servers_configuration_is_added_to() -> None:
    text = values(server_config={"log_level": "debug", "default_intention_policy": "allow"})["server"]["extraConfig"]
    assert json.loads(text) == {"default_intention_policy": "allow", "log_level": "debug"}


def test_vault_keeps_the_secrets() -> None:
    given = values(vault=VAULT)
    assert given["global"]["secretsBackend"]["vault"]["consulServerRole"] == "consul-server"
    assert given["global"]["gossipEncryption"] == {"secretName": "consul/data/gossip", "secretKey": "key"}
    assert given["global"]["acls"]["bootstrapToken"] == {"secretName": "consul/data/bootstrap", "secretKey": "token"}
    assert given["global"]["acls"]["manageSystemACLs"] is True
    assert given["server"]["serverCert"] == {"secretName": "pki/issue/consul-server"}


def test_servers_elsewhere() -> None:
    given = values(
        external_servers={**EXTERNAL, "tls_server_name": "server.dc1.consul", "ca": EXTERNAL["bootstrap_token"]}
    )
    assert given["server"] == {"enabled": False}
    assert given["externalServers"] == {
        "enabled": True,
        "hosts": ["consul.internal"],
        "tlsServerName": "server.dc1.consul",
        "k8sAuthMethodHost": "https://api.example:6443",
    }
    secret = {"secretName": "consul-bootstrap", "secretKey": "token"}
    assert given["global"]["acls"] == {"manageSystemACLs": True, "bootstrapToken": secret}
    assert given["global"]["tls"]["caCert"] == secret
    assert "gossipEncryption" not in given["global"]
    assert "ui" not in given
    assert given["global"]["metrics"] == {"enabled": True, "agentMetricsRetentionTime": "5m"}
    assert "caCert" not in values(external_servers=EXTERNAL)["global"]["tls"]


def test_gateways() -> None:
    given = values(
        peering=True,
        mesh_gateway={"replicas": 3, "annotations": {"b": "2", "a": "1"}, "port": 8443},
        api_gateway={"replicas": 4, "service_type": "ClusterIP"},
        terminating_gateways=[{"name": "out"}, {"name": "lambda", "replicas": 3}],
    )
    mesh_gateway = given["meshGateway"]
    assert mesh_gateway["replicas"] == 3
    assert mesh_gateway["service"] == {"type": "LoadBalancer", "annotations": '"a": "1"\n"b": "2"', "port": 8443}
    assert mesh_gateway["wanAddress"] == {"source": "Service"}
    managed = given["connectInject"]["apiGateway"]["managedGatewayClass"]
    assert managed["serviceType"] == "ClusterIP"
    assert managed["deployment"] == {"defaultInstances": 4, "minInstances": 4, "maxInstances": 4}
    assert given["terminatingGateways"]["gateways"] == [
        {"name": "out", "replicas": 2},
        {"name": "lambda", "replicas": 3},
    ]
    on_nodes = {"service_type": "NodePort", "node_port": 30443, "address": "gw.example"}
    static = values(mesh_gateway=on_nodes)["meshGateway"]
    assert static["service"] == {"type": "NodePort", "nodePort": 30443}
    assert static["wanAddress"] == {"source": "Static", "static": "gw.example", "port": 30443}
    forwarded = values(mesh_gateway={**on_nodes, "port": 443})["meshGateway"]
    assert forwarded["wanAddress"] == {"source": "Static", "static": "gw.example", "port": 443}
    assert values(mesh_gateway={})["meshGateway"]["service"] == {"type": "LoadBalancer", "port": 443}
    assert "meshGateway" not in values()


def managed(**api: Any) -> dict[str, Any]:
    found: dict[str, Any] = values(api_gateway=api)["connectInject"]["apiGateway"]["managedGatewayClass"]
    return found


def test_gateways_that_nothing_is_said_of_are_two_and_need_no_privileges() -> None:
    """The chart's is one, and may gain privileges for port 443: a restricted namespace would have no pod of it."""
    without = values()["connectInject"]["apiGateway"]["managedGatewayClass"]
    assert without == managed()
    assert without["deployment"] == {"defaultInstances": 2, "minInstances": 2, "maxInstances": 2}
    assert without["mapPrivilegedContainerPorts"] == 8000
    assert "copyAnnotations" not in without


def test_a_gateways_service_gets_the_annotations_that_are_named() -> None:
    name = "service.beta.kubernetes.io/aws-load-balancer-scheme"
    copied = managed(service_annotations=[name])["copyAnnotations"]["service"]["annotations"]
    assert copied == f'- "external-dns.alpha.kubernetes.io/hostname"\n- "{name}"'


def test_nothing_that_traffic_waits_for_is_throttled() -> None:
    given = values(mesh_gateway={}, terminating_gateways=[{"name": "out"}])
    of_gateways = (
        given["meshGateway"]["resources"],
        given["terminatingGateways"]["defaults"]["resources"],
        given["connectInject"]["apiGateway"]["managedGatewayClass"]["resources"],
    )
    for resources in of_gateways:
        assert resources["limits"] == {"cpu": None, "memory": "512Mi"}
    assert given["connectInject"]["resources"] == {"limits": {"cpu": None}}


def test_names_follow_the_arguments() -> None:
    names = names_of({"platform": "kind", "namespace": "mesh", "datacenter": "eu", "domain": "corp"})
    assert names.server_common_name == "server.eu.corp"
    assert names.server_host == "consul-server.mesh.svc"


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (
            {"servers": 4},
            (
                "Consul mesh: 4 servers need 3 of them to agree, and bear the loss of 1: as one less do; use 3 or 5"
                " (MW-E230)"
            ),
        ),
        ({"servers": 2}, "bear the loss of 0: as one less do; use 1 or 3 (MW-E230)"),
        ({"servers": 0}, "0 servers keep nothing; use 3 or 5 (MW-E230)"),
        (
            {"values": {"connectInject": {"disruptionBudget": {"maxUnavailable": None}, "replicas": 2}}},
            (
                "Consul mesh: the budget of 2 injectors lets no node be drained; use 3 injectors, or allow one to be away: "
                "connectInject.disruptionBudget.maxUnavailable: 1 (MW-E231)"
            ),
        ),
        (
            {"peering": True, "values": {"meshGateway": {"enabled": False}}, "mesh_gateway": {}},
            (
                "Consul mesh: the chart's values can't work: global.peering.enabled needs meshGateway.enabled; "
                "add mesh_gateway (MW-E232)"
            ),
        ),
        (
            {"peering": True},
            "peering needs the mesh gateway, which its traffic goes through; add mesh_gateway (MW-E232",
        ),
        ({"values": {"server": {"extraConfig": "{}"}}}, "write it as server_config, which is added to it (MW-E232)"),
        (
            {"version": "1.9"},
            "Consul mesh: Consul 1.9.11 is checked, and not deployed: its chart takes other values; use 2.0 or newer (MW-E233)",
        ),
        ({"version": "7.0"}, "(MW-E030)"),
        ({"platform": "moon"}, "the platform 'moon' is unknown"),
        ({"kubernetes_version": "1.29"}, "consul 2.0.3 does not run on Kubernetes 1.29; upgrade the cluster to 1.30"),
        (
            {"platform": "eks", "cni": True, "compute": ["nodes", "fargate"]},
            "Consul mesh: consul-cni runs on every node, and fargate has none to run it on; leave cni out, or run the",
        ),
        ({"injectors": 0}, "no injector gives pods no proxies; use 3 (MW-E050)"),
        ({"request_limits": "off"}, "the request limits 'off' are unknown; one of: disabled, permissive, enforce (MW"),
        ({"request_limits": "enforce"}, "the servers enforce request limits, and there is none: both rates are unlim"),
        (
            {"vault": {**VAULT, "auth_path": "k8s-eu"}, "terminating_gateways": [{"name": "out"}]},
            "would neither write a TerminatingGateway to Consul nor let one be deleted; mount Vault's auth method as",
        ),
        ({"api_gateway": {"service_type": "None"}}, "api_gateway has the service type 'None', which is unknown"),
        ({"mesh_gateway": {"service_type": "NodePort"}}, "can't tell others where it is; add node_port (MW-E232)"),
        ({"terminating_gateways": [{"name": "a"}] * 2}, "the terminating gateway a is there 2 times; name each once"),
        ({"terminating_gateways": [{"name": ""}]}, "a terminating gateway has no name; name it (MW-E232)"),
        ({"external_servers": {**EXTERNAL, "hosts": []}}, "external_servers names no hosts; name them, or leave"),
        (
            {"external_servers": EXTERNAL, "servers": 3},
            "servers is for servers in the cluster, and external_servers has them elsewhere; keep one of the two",
        ),
        ({"charts": {"source": "oci"}}, "consul 2.0.3 is not published as oci; use the source 'repository' (MW-E053)"),
    ],
)
def test_what_cannot_work_is_refused(args: dict[str, Any], line: str) -> None:
    with pytest.raises(ComponentError) as error:
        mesh(**args)
    assert line in str(error.value)


def test_a_misspelt_value_is_found_in_a_chart_at_hand(tmp_path: Path) -> None:
    chart = tmp_path / "consul"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("name: consul\n")
    (chart / "values.yaml").write_text("{}\n")
    with pytest.raises(ComponentError, match="the chart consul doesn't know the value global"):
        mesh(charts={"source": "path", "address": str(tmp_path)})


def system_namespace(**args: Any) -> Graph:
    return with_provider(lambda opts: ConsulSystemNamespace("consul", args, opts))  # type: ignore[arg-type]


def test_the_namespace_stays_with_the_volumes() -> None:
    graph = system_namespace()
    made = find(graph, "consul-namespace")
    assert made.options.retain_on_delete
    assert made.inputs["metadata"] == {"name": "consul", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}
    assert not find(system_namespace(retain=False), "consul-namespace").options.retain_on_delete


def test_vaults_agents_need_the_profile_baseline() -> None:
    metadata = inputs(system_namespace(vault=True, namespace="mesh"), "consul-namespace")["metadata"]
    assert metadata == {"name": "mesh", "labels": {"pod-security.kubernetes.io/enforce": "baseline"}}


def test_an_adopted_namespace_gives_its_labels_back() -> None:
    made = find(system_namespace(adopt=True), "consul-namespace")
    assert made.type == "kubernetes:core/v1:NamespacePatch"
    assert not made.options.retain_on_delete


def test_nothing_is_registered_before_all_is_checked() -> None:
    def run(opts: Any) -> None:
        with pytest.raises(ComponentError):
            Consul("mesh", {"platform": "kind", "servers": 4}, opts)

    assert shape(with_provider(run)) == []
    assert "cluster" in names(tuple(each.urn for each in with_provider(run)))
