"""What a Consul stack has outside of its cluster, in which order, and what is refused with file and line."""

from pathlib import Path
from typing import Any

import pytest

from meshwright.config import load_stack, parse_config
from meshwright.engine.graph import Graph, Secret
from meshwright.engine.record import record
from meshwright.errors import ConfigError
from tests.unit.graphs import find, inputs, names

ROOT = Path(__file__).parents[3]
ARN = "arn:aws:lambda:eu-central-1:123456789012:function:resize"
PEERED: dict[str, Any] = {
    "gateways": {"mesh": {}},
    "proxies": {"peer_through_mesh_gateways": True},
    "peers": [{"name": "us", "role": "accepts"}],
}


@pytest.fixture(autouse=True)
def _as_pulumi_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "stacks"))
    monkeypatch.setattr("pulumi.runtime.get_root_directory", lambda: str(ROOT))


def run(config: dict[str, str] | None = None, **wanted: Any) -> Graph:
    import consul

    plain = {"kind": "consul", "version": "2.0.3", "cluster": {"context": "c", "platform": "kind"}}
    mesh = parse_config({**plain, **wanted}, None, None).mesh
    return record(
        lambda: consul.deploy(mesh, "stacks/Pulumi.x.yaml"),  # type: ignore[arg-type]
        stack="x",
        config=config or {},
        secret_keys=frozenset(config or {}),
    )


def of_type(graph: Graph, end: str) -> list[Any]:
    return [each for each in graph if each.type.endswith(f":{end}")]


def test_services_outside_come_before_the_intentions_that_name_them() -> None:
    graph = run(
        external=[{"name": "billing", "host": "billing.corp", "port": 443, "protocol": "http", "tls": {}}],
        functions=[{"name": "resize", "arn": ARN, "asynchronous": True}],
        elsewhere=[{"name": "ledger", "protocol": "grpc"}, {"name": "invoices"}],
        intentions=[
            {"from": "ledger", "to": "billing", "allow": [{"path_prefix": "/v1/"}]},
            {"from": "invoices", "to": "resize"},
        ],
    )
    (gateway,) = of_type(graph, "TerminatingGateway")
    assert gateway.inputs["spec"]["services"] == [
        {"name": "billing", "caFile": "/etc/ssl/certs/ca-certificates.crt", "sni": "billing.corp"},
        {"name": "resize"},
    ]
    assert inputs(graph, "ledger-defaults")["spec"] == {"protocol": "grpc"}
    assert inputs(graph, "invoices-defaults")["spec"] == {"protocol": "tcp"}
    made = names(find(graph, "intentions-to-billing").dependencies)
    assert {"billing-defaults", "ledger-defaults", "resize-defaults"} <= made
    chart = inputs(graph, "mesh-release")["values"]["terminatingGateways"]
    assert chart["gateways"] == [{"name": "terminating-gateway", "replicas": 2}]


def test_each_gateway_has_its_own_list() -> None:
    annotations = {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/functions"}
    graph = run(
        gateways={"terminating": [{"name": "out"}, {"name": "lambda", "service_account_annotations": annotations}]},
        external=[{"name": "billing", "host": "billing.corp", "port": 443}],
        functions=[{"name": "resize", "arn": ARN, "gateway": "lambda"}],
    )
    lists = {
        each.inputs["metadata"]["name"]: each.inputs["spec"]["services"]
        for each in of_type(graph, "TerminatingGateway")
    }
    assert lists == {"out": [{"name": "billing"}], "lambda": [{"name": "resize"}]}
    (_, second) = inputs(graph, "mesh-release")["values"]["terminatingGateways"]["gateways"]
    assert second["serviceAccount"]["annotations"] == (
        '"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/functions"'
    )


def test_peers_come_after_the_mesh_says_how_they_speak() -> None:
    graph = run(
        {"consul:us-token": "from-asia"},
        **{**PEERED, "peers": [*PEERED["peers"], {"name": "asia", "role": "dials", "token": "config:consul:us-token"}]},
        namespaces=[{"name": "shop", "phase": "strict", "services": ["api"]}],
        exports=[{"service": "api", "peers": ["us", "asia"]}],
    )
    assert inputs(graph, "mesh-release")["values"]["global"]["peering"] == {"enabled": True}
    (acceptor,), (dialer,) = of_type(graph, "PeeringAcceptor"), of_type(graph, "PeeringDialer")
    assert "defaults-mesh" in names(acceptor.dependencies)
    assert "defaults-mesh" in names(dialer.dependencies)
    assert isinstance(graph.outputs["peering_tokens"]["us"], Secret)
    assert isinstance(inputs(graph, "asia-token")["stringData"], Secret | dict)
    (exports,) = of_type(graph, "ExportedServices")
    assert exports.inputs["spec"]["services"] == [{"name": "api", "consumers": [{"peer": "us"}, {"peer": "asia"}]}]
    assert {"us", "asia"} <= names(exports.dependencies)


def test_enterprise_has_sameness_groups() -> None:
    graph = run(**PEERED, enterprise=True, sameness={"group": "shops", "peers": ["us"], "default_for_failover": True})
    (group,) = of_type(graph, "SamenessGroup")
    assert group.inputs["spec"]["members"] == [{"peer": "us"}]


def test_the_catalog_is_synced_for_chosen_services() -> None:
    values = inputs(run(catalog_sync={"to_consul": True, "namespaces": ["shop"]}), "mesh-release")["values"]
    assert values["syncCatalog"] == {
        "enabled": True,
        "toConsul": True,
        "toK8S": False,
        "default": False,
        "k8sAllowNamespaces": ["shop"],
    }
    assert inputs(run(), "mesh-release")["values"]["syncCatalog"] == {"enabled": False}


def test_the_clusters_dns_asks_consuls() -> None:
    graph = run(dns_forwarding={"address": "10.0.0.53"}, cluster={"context": "c", "platform": "k3s"})
    assert inputs(graph, "mesh-release")["values"]["dns"]["clusterIP"] == "10.0.0.53"
    assert "proxy" not in inputs(graph, "mesh-release")["values"]["dns"]
    servers = {
        "hosts": ["consul.internal"],
        "kubernetes_host": "https://api.example:6443",
        "bootstrap_token": {"secret": "bootstrap", "key": "token"},
    }
    elsewhere = run(
        dns_forwarding={"address": "10.0.0.53"},
        cluster={"context": "c", "platform": "k3s"},
        external_servers=servers,
    )
    assert inputs(elsewhere, "mesh-release")["values"]["dns"]["proxy"] == {"enabled": True, "replicas": 2}
    (made,) = [each for each in of_type(graph, "ConfigMap") if each.inputs["metadata"]["name"] == "coredns-custom"]
    assert "forward . 10.0.0.53" in made.inputs["data"]["consul.server"]
    assert "mesh-release" in names(made.dependencies)


def test_the_example_is_what_it_says() -> None:
    mesh = load_stack(ROOT / "stacks" / "Pulumi.consul-hybrid.yaml").mesh
    assert mesh.kind == "consul"
    assert {each.name for each in mesh.external} == {"payments", "directory"}


@pytest.mark.parametrize(
    ("wanted", "line"),
    [
        (
            {"external": [{"name": "a", "host": "localhost", "port": 1}]},
            'mesh.external[0].host is "localhost", which is the gateway itself; write the host by which others reach it',
        ),
        (
            {"external": [{"name": "a", "host": "a.b", "port": 1, "check": {}}]},
            "mesh.external[0].check has 0 kinds, and takes one",
        ),
        (
            {"external": [{"name": "a", "host": "a.b", "port": 1, "gateway": "out"}]},
            'mesh.external[0].gateway is "out", and there is no such terminating gateway; one of: terminating-gateway; or',
        ),
        (
            {"functions": [{"name": "a", "arn": "resize"}]},
            'mesh.functions[0].arn is "resize", which is no ARN of a func',
        ),
        ({"functions": [{"name": "a", "arn": ARN}] * 2}, 'mesh.functions[1].name is "a", as is functions[0].name'),
        (
            {"functions": [{"name": "a", "arn": ARN}], "elsewhere": [{"name": "a"}]},
            'mesh.elsewhere[0].name is "a", as is one of functions: to Consul both are one; give one of them another name',
        ),
        (
            {"elsewhere": [{"name": "a"}], "namespaces": [{"name": "n", "phase": "strict", "services": ["a"]}]},
            'mesh.namespaces[0] has the service "a", as has elsewhere: to Consul both are one',
        ),
        (
            {**PEERED, "gateways": {}},
            "mesh.peers need the mesh gateway, which their traffic goes through; add gateways.mesh: {} (MW-E264)",
        ),
        (
            {**PEERED, "proxies": {}},
            "mesh.peers would dial the servers' pods, which other clusters don't reach; set proxies.peer_through_mesh_gat",
        ),
        ({**PEERED, "peers": [{"name": "us", "role": "dials"}]}, "mesh.peers[0] dials, and has no token; add token:"),
        (
            {**PEERED, "peers": [{"name": "us", "role": "accepts", "token": "config:a:b"}]},
            "mesh.peers[0].token is for the side that dials; remove it (MW-E018)",
        ),
        ({"exports": [{"service": "a"}]}, "mesh.exports[0] exports a to nobody; name peers, or remove it (MW-E264)"),
        (
            {"exports": [{"service": "a", "peers": ["us"]}]},
            'mesh.exports[0].peers[0] is "us", and there is no such peer; add it to peers (MW-E264)',
        ),
        (
            {"exports": [{"service": "a", "sameness_group": "g"}]},
            "mesh.exports[0].sameness_group is a sameness group, which Consul Enterprise has",
        ),
        (
            {**PEERED, "sameness": {"group": "g", "peers": ["us"]}},
            (
                "mesh.sameness.group is a sameness group, which Consul Enterprise has, and this mesh runs the community "
                "edition; name peers in exports, and in the failover of a service's traffic; or set enterprise: true (MW-E265)"
            ),
        ),
        (
            {"dns_forwarding": {"address": "10.0.0.53"}},
            "mesh.dns_forwarding is for kind, whose CoreDNS has one text, which belongs to who installed it; add this to i",
        ),
        (
            {"dns_forwarding": {"address": "dns"}},
            'mesh.dns_forwarding.address is "dns", which is no address; write a free',
        ),
        ({"catalog_sync": {}}, "mesh.catalog_sync syncs nothing; set to_consul or to_kubernetes: true, or remove it"),
    ],
)
def test_what_leads_nowhere_is_refused_in_the_file(wanted: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError) as error:
        run(**wanted)
    assert line in str(error.value)
