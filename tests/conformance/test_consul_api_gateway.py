"""A gateway's objects, translated as consul-k8s does, by a real Consul: what it takes of them, and refuses of others."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from meshwright.consul.api_gateway.checks import gateway_troubles
from meshwright.consul.api_gateway.specs import gateway_spec, route_spec
from tests.servers.consul import Consul, ConsulError
from tests.servers.programs import require_programs

PATHS = {"Exact": "exact", "PathPrefix": "prefix"}
LISTENER: dict[str, Any] = {"name": "http", "port": 8080, "protocol": "http", "hostname": "*.example.com"}
RULES: list[dict[str, Any]] = [
    {"to": [{"service": "web"}]},
    {"to": [{"service": "web"}], "match": [{"path_prefix": "/v1", "methods": ["GET"]}]},
]
ROUTE: dict[str, Any] = {"name": "shop", "hosts": ["shop.example.com"], "rules": RULES}


def args(**route: Any) -> Any:
    services = {
        name: {"namespace": "front", "protocol": protocol} for name, protocol in (("web", "http"), ("rpc", "grpc"))
    }
    return {"gateway": "in", "listeners": [LISTENER], "routes": [{**ROUTE, **route}], "services": services}


@pytest.fixture(scope="module")
def consul(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consul]:
    require_programs("consul")
    with Consul(tmp_path_factory.mktemp("consul"), {}) as server:
        for name, protocol in (("web", "http"), ("rpc", "grpc")):
            server.request("PUT", "config", {"Kind": "service-defaults", "Name": name, "Protocol": protocol})
        yield server


def write(consul: Consul, given: Any) -> None:
    """As ``control-plane/api-gateway/common/translation.go`` translates them, without ports of pods and certificates."""
    listeners = [
        {
            "Name": each["name"],
            "Port": each["port"],
            "Protocol": "http",
            "Hostname": each.get("hostname", ""),
            "TLS": {},
        }
        for each in gateway_spec(given)["listeners"]
    ]
    consul.request("PUT", "config", {"Kind": "api-gateway", "Name": "in", "Listeners": listeners})
    spec = route_spec(given["routes"][0], given)
    route = {
        "Kind": "http-route",
        "Name": "in-shop",
        "Hostnames": spec["hostnames"],
        "Parents": [{"Kind": "api-gateway", "Name": "in"}],
        "Rules": [
            {
                "Matches": [_match(each) for each in rule["matches"]],
                "Services": [{"Name": each["name"], "Weight": each["weight"]} for each in rule["backendRefs"]],
            }
            for rule in spec["rules"]
        ],
    }
    consul.request("PUT", "config", route)


def _match(given: dict[str, Any]) -> dict[str, Any]:
    path = {"Match": PATHS[given["path"]["type"]], "Value": given["path"]["value"]}
    return {"Path": path, **({"Method": given["method"]} if "method" in given else {})}


def conditions(consul: Consul) -> dict[str, str]:
    """Type of each condition of the route -> its status, and why."""
    read = consul.request("GET", "config/http-route/in-shop")
    return {each["Type"]: f"{each['Status']} {each['Reason']}" for each in read["Status"]["Conditions"] or ()}


def come_to(consul: Consul, wanted: dict[str, str]) -> bool:
    """Whether the route's conditions become these: a controller of Consul's writes them a little later."""
    end = time.monotonic() + 20
    while not (found := wanted.items() <= conditions(consul).items()) and time.monotonic() < end:
        time.sleep(0.2)
    return found


def test_a_route_is_bound_to_its_gateway(consul: Consul) -> None:
    assert list(gateway_troubles(args())) == []
    write(consul, args())
    assert come_to(consul, {"Accepted": "True Accepted", "Bound": "True Bound"}), conditions(consul)


def test_a_service_of_another_protocol_is_led_to_by_nobody(consul: Consul) -> None:
    given = args(rules=[{"to": [{"service": "rpc"}], "match": [{"path": "/"}]}])
    assert [each.code for each in gateway_troubles(given)] == ["MW-E251"]
    write(consul, given)
    assert come_to(consul, {"Accepted": "False InvalidDiscoveryChain"}), conditions(consul)


def test_a_wildcard_among_a_routes_hosts_is_refused(consul: Consul) -> None:
    given = args(hosts=["*.example.com"])
    assert [each.code for each in gateway_troubles(given)] == ["MW-E281"]
    with pytest.raises(ConsulError, match="must not be a wildcard"):
        write(consul, given)
