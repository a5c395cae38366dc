"""Gateways of a Consul stack: what is registered, in which order, who may call, and what is refused with its key."""

from typing import Any

import pytest

from meshwright.errors import ConfigError
from tests.unit.graphs import find, inputs, names
from tests.unit.stacks.test_consul_access import _as_pulumi_runs_it, mesh_of, run

__all__ = ["_as_pulumi_runs_it"]
FRONT: dict[str, Any] = {
    "name": "front",
    "phase": "strict",
    "services": ["db"],
    "workloads": {"web": {"protocol": "http"}, "cart": {"protocol": "http"}},
}
REPORTS: dict[str, Any] = {"name": "reports", "phase": "unmeshed", "workloads": {"nightly": {"protocol": "http"}}}
ROUTE: dict[str, Any] = {"name": "shop", "rules": [{"to": [{"service": "web"}, {"service": "cart", "weight": 0}]}]}
EDGE: dict[str, Any] = {
    "name": "edge",
    "listeners": [{"name": "https", "port": 443, "certificates": [{"secret": "tls"}]}],
    "routes": [ROUTE],
}


def gateways(*given: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"gateways": {"api": {"gateways": list(given)}, **more}}


def refusal(*namespaces: Any, **more: Any) -> list[str]:
    with pytest.raises(ConfigError) as error:
        mesh_of(*namespaces, **more)
    return str(error.value).splitlines()


def test_a_gateway_is_registered_with_what_its_routes_name() -> None:
    graph = run(FRONT, **gateways({**EDGE, "annotations": {"b": "1", "a": "2"}}))
    assert inputs(graph, "edge") == {
        "gateway": "edge",
        "annotations": {"b": "1", "a": "2"},
        "listeners": EDGE["listeners"],
        "routes": [ROUTE],
        "services": {
            "web": {"namespace": "front", "protocol": "http"},
            "cart": {"namespace": "front", "protocol": "http"},
        },
    }
    managed = inputs(graph, "mesh-release")["values"]["connectInject"]["apiGateway"]["managedGatewayClass"]
    copied = managed["copyAnnotations"]["service"]["annotations"].splitlines()
    assert copied == ['- "external-dns.alpha.kubernetes.io/hostname"', '- "a"', '- "b"']


def test_it_comes_after_its_services_and_their_protocol_and_goes_before_consul() -> None:
    dependencies = names(find(run(FRONT, **gateways(EDGE)), "edge-gateway").dependencies)
    assert {"front-web", "mesh-release"} <= dependencies


def test_intentions_let_a_gateway_call_what_its_routes_lead_to() -> None:
    graph = run(FRONT, **gateways(EDGE), callers=["edge", "machine"])
    told = inputs(graph, "intentions")
    assert told["intentions"] == [{"source": "edge", "to": "web"}, {"source": "edge", "to": "cart"}]
    assert told["callers"] == ["edge", "machine"]


@pytest.mark.parametrize(
    "line",
    [
        {"from": "edge", "to": "web", "allow": [{"methods": ["GET"]}]},
        {"from": "*", "to": "web", "allow": [{"methods": ["GET"]}]},
        {"from": "*", "to": "*"},
    ],
)
def test_a_line_of_the_stacks_own_is_not_widened(line: dict[str, Any]) -> None:
    route = {**ROUTE, "rules": [{"to": [{"service": "web"}]}]}
    told = inputs(run(FRONT, **gateways({**EDGE, "routes": [route]}), intentions=[line]), "intentions")["intentions"]
    assert [each["source"] for each in told] == [line["from"]]


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (gateways(EDGE, EDGE), 'mesh.gateways.api.gateways[1].name is "edge", as is gateways[0].name'),
        (
            gateways({**EDGE, "name": "web"}),
            'mesh.gateways.api.gateways[0].name is "web", as a service is: its Service and its account would be taken',
        ),
        (
            gateways(EDGE, terminating=[{"name": "edge"}]),
            'mesh.gateways.api.gateways[0].name is "edge", as another service of Consul\'s is; give the gateway a name',
        ),
        (
            gateways({**EDGE, "listeners": [{"name": "https", "port": 443}]}),
            "mesh.gateways.api.gateways[0].listeners[0] has no certificate, and Consul would serve https in plain text",
        ),
        (
            gateways({**EDGE, "routes": [{**ROUTE, "rules": [{"to": [{"service": "nowhere"}]}]}]}),
            'routes[0].rules[0].to[0].service is "nowhere", and no namespace lists such a service',
        ),
        (
            gateways({**EDGE, "routes": [{**ROUTE, "rules": [{"to": [{"service": "nightly"}]}]}]}),
            "gateways[0].routes leads to nightly, and reports is unmeshed: gateways find meshed pods alone; make",
        ),
        (
            gateways({**EDGE, "listeners": [{**EDGE["listeners"][0], "hostname": "*"}]}),
            'listeners[0].hostname is "*", which is no host name; write "shop.example.com" or "*.example.com"',
        ),
    ],
)
def test_what_cannot_work_is_refused_by_its_key(more: dict[str, Any], line: str) -> None:
    told = refusal(FRONT, REPORTS, **more)
    assert any(line in each for each in told), told
    assert all("gateways" in each for each in told), told


def test_the_meshs_protocol_counts() -> None:
    route = {**ROUTE, "rules": [{"to": [{"service": "db"}]}]}
    graph = run(FRONT, **gateways({**EDGE, "routes": [route]}), proxies={"protocol": "http"})
    assert inputs(graph, "edge")["default_protocol"] == "http"
