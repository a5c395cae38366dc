"""Consul's config entries before those who judge them: an API server with the CRDs, and a real Consul server.

Consul is asked with its default of allowing everything: what is refused then, the entries refuse.
"""

from collections.abc import Iterator
from contextlib import suppress
from itertools import product
from typing import Any

import pulumi
import pytest

from meshwright import ConsulIntentions, ConsulMeshDefaults, ConsulNamespace, ConsulServiceTraffic
from meshwright.consul.intentions.checks import intention_troubles
from meshwright.consul.intentions.compile import entries
from meshwright.consul.service_defaults import service_defaults
from meshwright.consul.traffic import specs
from meshwright.consul.traffic.checks import circles, traffic_troubles
from tests.conformance import checks
from tests.servers.cluster import Cluster
from tests.servers.consul import Consul, ConsulError
from tests.servers.programs import require_programs
from tests.unit.consul.traffic.test_traffic import ALL as TRAFFIC
from tests.unit.graphs import with_provider

SERVICES: dict[str, Any] = {
    "api": {"protocol": "http", "max_connections": 100, "request_timeout_ms": 2000},
    "web": {"protocol": "http", "calls": {"max_connections": 8, "max_failures": 5, "connect_timeout_ms": 100}},
    "db": {},
}
LINES: list[Any] = [
    {"source": "*", "to": "api", "allow": [{"path_exact": "/healthz"}]},
    {"source": "web", "to": "api", "allow": [{"path_prefix": "/v1/", "methods": ["GET"], "headers": {"x-a": "b"}}]},
    {
        "source": "api",
        "to": "web",
        "allow": [
            {
                "path_regex": "/v[0-9]+",
                "tokens": [{"provider": "login", "claims": [{"path": ["a", "b"], "value": "c"}]}],
            },
            {"tokens": [{"provider": "other"}]},
        ],
    },
    {"source": "api", "to": "db"},
    {"source": "ops", "to": "*"},
    {"source": "orders", "peer": "east", "to": "db"},
]
JWT: dict[str, Any] = {
    "login": {
        "issuer": "i",
        "jwks": '{"keys": [{"kty": "EC"}]}',
        "header": "x-t",
        "header_prefix": "T ",
        "cookie": "c",
    },
    "other": {"issuer": "j", "audiences": ["a"], "jwks_uri": "https://login.example/keys", "clock_skew_seconds": 5},
}


def entries_of(phase: str = "permissive", **limited: Any) -> list[dict[str, Any]]:
    """All kinds of objects that there are, in the order in which they are registered."""

    def program(opts: Any) -> None:
        permissive = phase == "permissive"
        made: list[pulumi.Resource] = []

        def after() -> Any:
            return pulumi.ResourceOptions.merge(opts, _on(*made))

        defaults = ConsulMeshDefaults(
            "defaults",
            {"namespace": "default", "allow_permissive": permissive, "strict_headers": True, "access_logs": "stdout"},
            opts,
        )
        space: Any = {"namespace": "default", "phase": phase, "adopt": True, "enterprise": bool(limited)}
        space |= {"services": {**SERVICES, **limited}, **({"deadline": "2026-12-11"} if permissive else {})}
        made += [defaults, ConsulNamespace("space", space, pulumi.ResourceOptions.merge(opts, _on(defaults)))]
        for service, traffic in (("api", {}), ("web", TRAFFIC)):
            known = {"services": {"api": {"protocol": "http", "subsets": ["old"]}}}
            given: Any = {"service": service, "namespace": "default", "protocol": "http", **known, **traffic}
            if service == "api":
                given["subsets"] = {"old": {}}
            made.append(ConsulServiceTraffic(f"traffic-{service}", given, after()))
        facts = {name: {"protocol": each.get("protocol", "tcp")} for name, each in SERVICES.items()}
        calls: Any = {"namespace": "default", "intentions": LINES, "services": facts, "callers": ["ops"], "jwt": JWT}
        ConsulIntentions("calls", calls, after())

    graph = with_provider(program)
    found = [each for each in graph if str(each.inputs.get("apiVersion")).startswith("consul.hashicorp.com")]
    return [{**each.inputs, "patch": each.type.endswith("Patch")} for each in found]


def _on(*resources: pulumi.Resource) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions(depends_on=list(resources))


def test_the_api_server_takes_all_of_them_strictly(mesh_cluster: Cluster) -> None:
    rates = {"requests_per_second": 9, "burst": 9, "routes": [{"path_prefix": "/a", "requests_per_second": 1}]}
    slow = {"protocol": "grpc", "rate_limit": rates}
    objects = [{key: value for key, value in each.items() if key != "patch"} for each in entries_of(slow=slow)]
    assert {each["kind"] for each in objects} == {
        "JWTProvider",
        "Mesh",
        "ProxyDefaults",
        "ServiceDefaults",
        "ServiceIntentions",
        "ServiceResolver",
        "ServiceRouter",
        "ServiceSplitter",
    }
    assert checks.accepted(mesh_cluster.api, objects) == []


def test_the_leave_to_be_permissive_goes_with_its_patch(mesh_cluster: Cluster) -> None:
    mesh, leave = (each for each in entries_of() if each["kind"] == "Mesh")
    assert (mesh.pop("patch"), leave.pop("patch")) == (False, True)
    api, flag = mesh_cluster.api, "allowEnablingPermissiveMutualTLS"
    api.apply(mesh, manager="mesh")
    stored = api.apply(leave, manager="leave")
    assert stored["spec"][flag] is True
    assert stored["spec"]["tls"] == mesh["spec"]["tls"]
    # As Pulumi deletes a patch: its manager applies the object without what it said.
    assert flag not in api.apply({**leave, "spec": {}}, manager="leave")["spec"]
    assert api.apply(mesh, manager="mesh")["spec"] == mesh["spec"]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consul]:
    require_programs("consul")
    with Consul(tmp_path_factory.mktemp("consul"), {}) as consul:
        yield consul


KINDS = (
    "service-intentions",
    "service-router",
    "service-splitter",
    "service-resolver",
    "service-defaults",
    "jwt-provider",
    "mesh",
    "proxy-defaults",
)


@pytest.fixture
def consul(running: Consul) -> Consul:
    """Without any entry. What others lead to goes last."""
    for kind in (*KINDS, *KINDS):
        for each in running.listed(f"config/{kind}"):
            with suppress(ConsulError):  # a resolver that another one leads to; the second round has it
                running.request("DELETE", f"config/{kind}/{each.get('Name', kind)}")
    assert [each for kind in KINDS for each in running.listed(f"config/{kind}")] == []
    return running


def write(consul: Consul, kind: str, name: str, spec: dict[str, Any]) -> None:
    """As consul-k8s does. Consul reads keys whatever their case."""
    told = {key: value for key, value in spec.items() if key != "destination" or kind != "ServiceIntentions"}
    dashed = {"JWTProvider": "jwt-provider", "ProxyDefaults": "proxy-defaults", "Mesh": "mesh"}
    known = dashed.get(kind) or f"service-{kind.removeprefix('Service').lower()}"
    consul.request("PUT", "config", {**told, "Kind": known, **({} if known == "mesh" else {"Name": name})})


def write_object(consul: Consul, body: dict[str, Any]) -> None:
    name = body["metadata"]["name"].replace("any.service", "*")
    spec = body["spec"]
    if body["patch"]:
        (stored,) = consul.listed("config/mesh")
        spec = {**stored, **spec}
    write(consul, body["kind"], name, spec)


def test_a_real_consul_takes_every_entry_in_the_order_of_its_dependencies(consul: Consul) -> None:
    made = entries_of()
    for body in made:
        write_object(consul, body)
    assert {each["Name"] for each in consul.listed("config/service-intentions")} == {"api", "web", "db", "*"}
    assert [each["MutualTLSMode"] for each in consul.listed("config/service-defaults")] == ["permissive"] * 3
    # To strict: services first, and the leave after them.
    for body in entries_of("strict"):
        if body["kind"] == "ServiceDefaults":
            write_object(consul, body)
    (mesh,) = (each for each in entries_of("strict") if each["kind"] == "Mesh")
    write_object(consul, mesh)
    assert [each["MutualTLSMode"] for each in consul.listed("config/service-defaults")] == ["strict"] * 3
    assert "AllowEnablingPermissiveMutualTLS" not in consul.listed("config/mesh")[0]


def test_without_the_leave_no_service_becomes_permissive(consul: Consul) -> None:
    with pytest.raises(ConsulError, match="AllowEnablingPermissiveMutualTLS=false"):
        write(consul, "ServiceDefaults", "api", service_defaults({}, "permissive"))


def test_consuls_own_answer_for_each_pair_is_the_graph(consul: Consul) -> None:
    for body in entries_of():
        write_object(consul, body)
    asked = product(["api", "web", "db", "ops", "stranger"], ["api", "web", "db", "elsewhere"])
    for source, to in asked:
        answer = consul.request("GET", f"connect/intentions/check?source={source}&destination={to}")
        whole = any(
            line["source"] in (source, "*") and line["to"] in (to, "*") and "peer" not in line and "allow" not in line
            for line in LINES
        )
        assert answer["Allowed"] == whole, (source, to)


def traffic(**args: Any) -> Any:
    return {"service": "web", "protocol": "http", "services": {"db": {}, "api": {"protocol": "http"}}, **args}


def write_traffic(consul: Consul, args: Any) -> None:
    for kind in ("resolver", "splitter", "router"):
        if spec := getattr(specs, kind)(args):
            write(consul, f"Service{kind.title()}", "web", spec)


@pytest.mark.parametrize(
    "args",
    [
        traffic(split=[{"weight": 60}, {"weight": 50, "service": "api"}]),
        traffic(split=[{"weight": 50}, {"weight": 50, "service": "web"}]),
        traffic(split=[{"weight": 50}, {"weight": 50, "service": "db"}]),
        traffic(split=[{"weight": 100, "subset": "v1"}]),
        traffic(protocol="tcp", split=[{"weight": 100}]),
        traffic(protocol="tcp", routes=[{"subset": "v1"}]),
        traffic(routes=[{"service": "db"}]),
        traffic(routes=[{"match": {"path": "/a", "path_prefix": "/b"}}]),
        traffic(routes=[{"match": {"path": "a"}}]),
        traffic(routes=[{"match": {"methods": ["GET", "GET"]}}]),
        traffic(routes=[{"match": {"methods": ["GET"]}, "prefix_rewrite": "/"}]),
        traffic(routes=[{"match": {"methods": ["GET"]}, "retries": {"on": ["503"]}}]),
        traffic(subsets={"V_1": {}}),
        traffic(subsets={"v1": {"filter": 'Service.Meta.a == "b'}}),
        traffic(subsets={"v1": {"filter": "version"}}),
        traffic(default_subset="v1"),
        traffic(redirect={"subset": "v1"}, subsets={"v1": {}}),
        traffic(redirect={"service": "api"}, failover={"*": {"service": "api"}}),
        traffic(redirect={"service": "api", "peer": "p", "datacenter": "dc2"}),
        traffic(failover={"v9": {"service": "api"}}),
        traffic(failover={"*": {"targets": [{"service": "api"}], "datacenters": ["dc2"]}}),
        traffic(failover={"*": {"targets": [{"peer": "p", "subset": "v1"}]}}),
        traffic(load_balancer={"policy": "fastest"}),
        traffic(load_balancer={"policy": "random", "choices": 2}),
        traffic(load_balancer={"policy": "random", "hash": [{"header": "a"}]}),
        traffic(load_balancer={"policy": "maglev", "hash": [{"cookie": "a", "ttl": "1s", "session": True}]}),
    ],
)
def test_what_we_refuse_of_traffic_consul_refuses(consul: Consul, args: Any) -> None:
    assert list(traffic_troubles(args))
    write(consul, "ServiceDefaults", "web", {"protocol": args["protocol"]})
    write(consul, "ServiceDefaults", "api", {"protocol": "http"})
    with pytest.raises(ConsulError):
        write_traffic(consul, args)


def test_a_circle_that_we_refuse_consul_refuses(consul: Consul) -> None:
    made: list[Any] = [traffic(redirect={"service": "api"}), traffic(service="api", redirect={"service": "web"})]
    assert list(circles(made)) == [("api", "web", "api")]
    write(consul, "ServiceResolver", "web", specs.resolver(made[0]) or {})
    with pytest.raises(ConsulError, match="circular"):
        write(consul, "ServiceResolver", "api", specs.resolver(made[1]) or {})


@pytest.mark.parametrize(
    ("to", "allow"),
    [
        ("*", [{"methods": ["GET"]}]),
        ("db", [{"methods": ["GET"]}]),
        ("api", [{"path_exact": "/a", "path_prefix": "/b"}]),
        ("api", [{"path_exact": "a"}]),
        ("api", [{"methods": ["get it"]}]),
        ("api", [{"methods": ["GET", "GET"]}]),
        ("api", [{"tokens": [{"provider": "nobody"}]}]),
    ],
)
def test_what_we_refuse_of_intentions_consul_refuses(consul: Consul, to: str, allow: Any) -> None:
    line: Any = {"source": "web", "to": to, "allow": allow}
    facts: Any = {"api": {"protocol": "http"}, "web": {}, "db": {}}
    assert list(intention_troubles({"intentions": [line], "services": facts}))
    write(consul, "ServiceDefaults", "api", {"protocol": "http"})
    with pytest.raises(ConsulError):
        write(consul, "ServiceIntentions", *next(entries([line])))


def test_the_community_edition_refuses_rates(consul: Consul) -> None:
    limited = service_defaults({"protocol": "http", "rate_limit": {"requests_per_second": 1}}, "strict")
    with pytest.raises(ConsulError, match="enterprise"):
        write(consul, "ServiceDefaults", "api", limited)
