"""A Linkerd stack: what is registered, in which order, and what is refused before anything is."""

import json
from pathlib import Path
from typing import Any

import pytest

from meshwright.config import parse_config
from meshwright.engine.graph import Graph
from meshwright.engine.project import load_project
from meshwright.engine.run import run_program
from meshwright.engine.stack import StackSettings
from meshwright.errors import ConfigError, ProgramError
from tests.unit.graphs import find, inputs, names

ROOT = Path(__file__).parents[3]
CLUSTER = {"context": "c", "platform": "kind"}
SECRET = "meshwright:licence"


def run(**mesh: Any) -> Graph:
    wanted = {"kind": "linkerd", "version": "edge-26.8.3", "cluster": CLUSTER, **mesh}
    config = {"meshwright:mesh": json.dumps(wanted), SECRET: "the-key"}
    return run_program(load_project(ROOT), StackSettings("x", config=config, secret_keys=frozenset({SECRET})), None)


def values(graph: Graph, name: str) -> Any:
    return inputs(graph, name)["values"]


def test_each_part_comes_after_what_it_needs() -> None:
    graph = run(cni={}, viz={}, nodes=3)
    release = names(find(graph, "mesh-control-plane").dependencies)
    assert release >= {"gateway-api-bundle", "linkerd-namespace", "cni-plugin", "identity-certificate", "mesh-crds"}
    assert "mesh-control-plane" in names(find(graph, "viz-extension").dependencies)
    assert inputs(graph, "linkerd-namespace")["metadata"] == {
        "name": "linkerd",
        "annotations": {"linkerd.io/inject": "disabled"},
        "labels": {
            "linkerd.io/is-control-plane": "true",
            "config.linkerd.io/admission-webhooks": "disabled",
            "linkerd.io/control-plane-ns": "linkerd",
            "pod-security.kubernetes.io/enforce": "restricted",
        },
    }
    assert graph.outputs["versions"]["linkerd"] == "edge-26.8.3"


def test_what_a_stack_says_of_the_control_plane_reaches_the_charts() -> None:
    graph = run(
        trust_domain="td.example",
        cni={"validator_address": "10.255.255.1:20001"},
        viz={"prometheus_credentials": "prometheus"},
        control_plane={
            "cluster_networks": ["10.0.0.0/8"],
            "probe_networks": ["10.1.0.0/16"],
            "inbound_policy": "all-authenticated",
            "opaque_ports": [4222],
            "heartbeat": "off",
            "prometheus_url": "http://prometheus:9090",
            "hub": "registry.example/linkerd",
            "pull_secrets": ["pull"],
        },
        values={"control_plane": {"controllerLogLevel": "debug"}, "viz": {"defaultLogLevel": "debug"}, "cni": {}},
    )
    control = values(graph, "mesh-control-plane")
    assert control["identityTrustDomain"] == "td.example"
    assert control["clusterNetworks"] == "10.0.0.0/8"
    assert control["policyController"]["probeNetworks"] == ["10.1.0.0/16"]
    assert control["proxy"]["defaultInboundPolicy"] == "all-authenticated"
    assert control["disableHeartBeat"] is True
    assert control["networkValidator"]["connectAddr"] == "10.255.255.1:20001"
    assert control["imagePullSecrets"] == [{"name": "pull"}]
    assert control["controllerLogLevel"] == "debug"
    viz = values(graph, "viz-extension")
    assert viz["prometheus"] == {"enabled": False}
    assert viz["prometheusUrl"] == "http://prometheus:9090"
    assert viz["prometheusCredsSecret"] == "prometheus"
    assert viz["defaultLogLevel"] == "debug"


def test_the_licence_is_a_secret_of_the_stack() -> None:
    graph = run(channel="enterprise", version="enterprise-2.20.2", licence=f"config:{SECRET}")
    assert inputs(graph, "mesh-control-plane")["chart"] == "linkerd-enterprise-control-plane"
    assert "the-key" not in repr(graph)


def test_viz_says_which_prometheus_it_reads() -> None:
    graph = run(viz={}, control_plane={"prometheus_url": "http://prometheus:9090"})
    annotations = inputs(graph, "viz-namespace")["metadata"]["annotations"]
    assert annotations == {"viz.linkerd.io/external-prometheus": "http://prometheus:9090"}


def test_the_api_server_of_a_private_gke_cluster_reaches_the_webhooks() -> None:
    gke = {"project": "p", "control_plane_cidr": "172.16.0.0/28", "node_tags": ["node"]}
    graph = run(cluster={"context": "c", "platform": "gke"}, gke=gke)
    (rule,) = (each for each in graph.resources if each.type.startswith("gcp:"))
    ports = {port for allowed in inputs(graph, rule.name)["allows"] for port in allowed["ports"]}
    assert {"8443", "8089", "9443"} <= ports


@pytest.mark.parametrize(
    ("mesh", "code"),
    [
        ({"nodes": 2}, "MW-E180"),
        ({"charts": {"source": "mirror", "url": "https://helm.linkerd.io/stable"}}, "MW-E181"),
        ({"licence": "config:meshwright:licence"}, "MW-E182"),
        ({"viz": {"prometheus_credentials": "x"}}, "MW-E018"),
        ({"cni": {}, "cilium": {"exclusive": True}}, "MW-E112"),
        ({"cilium": {"host_namespace_only": False}}, "MW-E112"),
        ({"control_plane": {"opaque_ports": [1, 1]}}, "MW-E017"),
    ],
)
def test_what_cannot_work_is_refused_in_the_file(mesh: dict[str, Any], code: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_config({"kind": "linkerd", "version": "edge-26.8.3", "cluster": CLUSTER} | mesh, None)
    assert code in str(refused.value)


@pytest.mark.parametrize(
    ("mesh", "code"),
    [
        ({"cluster": {"context": "c", "platform": "eks", "compute": ["fargate"]}, "cni": {}}, "MW-E057"),
        ({"channel": "enterprise", "version": "2.20"}, "MW-E182"),
        ({"viz": {}, "channel": "enterprise", "licence": f"config:{SECRET}", "version": "2.20"}, "MW-E183"),
    ],
)
def test_a_part_that_cannot_work_keeps_the_others_out(mesh: dict[str, Any], code: str) -> None:
    with pytest.raises(ProgramError, match=code):
        run(**mesh)
