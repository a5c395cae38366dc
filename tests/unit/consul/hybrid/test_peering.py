"""Peerings, exports and sameness groups."""

import json
from typing import Any

import pulumi
import pytest

from meshwright import ConsulExports, ConsulPeeringAcceptor, ConsulPeeringDialer, ConsulSamenessGroup
from meshwright.consul.hybrid.exports import failover_to
from meshwright.engine.graph import Graph
from tests.unit.consul.hybrid.asked import refused, run
from tests.unit.graphs import find, names


def of_type(graph: Graph, end: str) -> Any:
    (found,) = [each for each in graph if each.type.endswith(end)]
    return found


def test_both_halves_in_kubernetes() -> None:
    def program(opts: pulumi.ResourceOptions) -> None:
        here = ConsulPeeringAcceptor("us", {"peer": "us", "namespace": "consul"}, opts)
        ConsulPeeringDialer("eu", {"peer": "eu", "namespace": "consul", "token": here.token}, opts)

    graph = run(program, "kubernetes")
    for kind, peer in (("PeeringAcceptor", "us"), ("PeeringDialer", "eu")):
        made = of_type(graph, f":{kind}")
        assert made.inputs["metadata"] == {
            "name": peer,
            "namespace": "consul",
            "annotations": {"pulumi.com/waitFor": "condition=Synced"},
        }
        secret = {"name": f"{peer}-peering-token", "key": "data", "backend": "kubernetes"}
        assert made.inputs["spec"] == {"peer": {"secret": secret}}
    kept = find(graph, "eu-token")
    assert kept.inputs["metadata"]["labels"] == {"consul.hashicorp.com/peering-token": "true"}
    assert "eu-token" in names(of_type(graph, ":PeeringDialer").dependencies)
    assert "token" not in of_type(graph, ":ConsulPeeringDialer").inputs


def test_both_halves_by_the_api() -> None:
    def program(opts: pulumi.ResourceOptions) -> None:
        here = ConsulPeeringAcceptor("us", {"peer": "us", "server_addresses": ["eu.test:443"]}, opts)
        ConsulPeeringDialer("eu", {"peer": "eu", "token": here.token}, opts)

    graph = run(program, "consul")
    token = of_type(graph, ":PeeringToken")
    assert (token.inputs["peerName"], token.inputs["serverExternalAddresses"]) == ("us", ["eu.test:443"])
    assert "peeringToken" in token.options.additional_secret_outputs
    assert of_type(graph, ":Peering").inputs["peerName"] == "eu"


def test_a_peer_that_cannot_be() -> None:
    bad: Any = {"peer": "US", "namespace": "consul"}
    assert 'peer is "US", which is no name' in refused(lambda opts: ConsulPeeringAcceptor("a", bad, opts), "kubernetes")
    said: Any = {"peer": "us", "namespace": "consul", "server_addresses": ["a:1"]}
    line = "server_addresses is for Consul off Kubernetes: the chart's mesh gateway tells its address"
    assert line in refused(lambda opts: ConsulPeeringAcceptor("a", said, opts), "kubernetes")
    dial: Any = {"peer": "", "token": "t"}
    assert "(MW-E264)" in refused(lambda opts: ConsulPeeringDialer("a", dial, opts), "consul")


def exports(**args: Any) -> Any:
    said: Any = {"namespace": "consul", **args}
    return lambda opts: ConsulExports("exports", said, opts)


def test_exports_are_one_list() -> None:
    services = [{"service": "api", "peers": ["us", "asia"]}, {"service": "db", "sameness_group": "shops"}]
    made = of_type(run(exports(services=services, enterprise=True), "kubernetes"), ":ExportedServices")
    assert made.inputs["metadata"] == {"name": "default", "namespace": "consul"}
    assert made.inputs["spec"]["services"] == [
        {"name": "api", "consumers": [{"peer": "us"}, {"peer": "asia"}]},
        {"name": "db", "consumers": [{"samenessGroup": "shops"}]},
    ]


def test_off_kubernetes_they_are_written_to_the_api() -> None:
    args: Any = {"services": [{"service": "api", "peers": ["us"]}]}
    made = of_type(run(lambda opts: ConsulExports("exports", args, opts), "consul"), ":ConfigEntry").inputs
    assert (made["kind"], made["name"]) == ("exported-services", "default")
    assert json.loads(made["configJson"]) == {"Services": [{"Name": "api", "Consumers": [{"Peer": "us"}]}]}


@pytest.mark.parametrize(
    ("services", "line"),
    [
        (
            [{"service": "*", "peers": ["us"]}],
            (
                "ConsulExports exports: services[0].service is *: every service would be seen by peers, those to come among "
                "them; name the services (MW-E264)"
            ),
        ),
        ([{"service": "api"}], "services[0] exports api to nobody; name peers, or remove it (MW-E264)"),
        ([{"service": "api", "peers": ["us"]}] * 2, "services has api 2 times; name it once (MW-E264)"),
        (
            [{"service": "api", "sameness_group": "x"}],
            "services[0].sameness_group is a sameness group, which Consul Ent",
        ),
    ],
)
def test_exports_that_cannot_be(services: list[Any], line: str) -> None:
    assert line in refused(exports(services=services), "kubernetes")


def group(**args: Any) -> Any:
    said: Any = {"group": "shops", "peers": ["us"], **args}
    return lambda opts: ConsulSamenessGroup("shops", said, opts)


def test_sameness_groups_are_enterprises() -> None:
    made = of_type(run(group(enterprise=True, default_for_failover=True), "kubernetes"), ":SamenessGroup")
    assert made.inputs["spec"] == {"defaultForFailover": True, "includeLocal": True, "members": [{"peer": "us"}]}
    assert refused(group(), "kubernetes") == (
        "ConsulSamenessGroup shops: group is a sameness group, which Consul Enterprise has, and this mesh runs the "
        "community edition; export to peers, and let traffic fail over: failover_to([...]); or set enterprise: true "
        "(MW-E265)"
    )
    assert "peers is empty" in refused(group(peers=[], enterprise=True), "kubernetes")


def test_every_edition_fails_over_to_peers() -> None:
    assert failover_to(["us", "asia"]) == {"*": {"targets": [{"peer": "us"}, {"peer": "asia"}]}}
