"""What the namespaces, intentions and traffic of a Consul stack become, and what is refused with file and line."""

from typing import Any

import pytest

from meshwright.config import parse_config
from meshwright.config.consul import ConsulMesh
from meshwright.engine.graph import Graph
from meshwright.engine.record import record
from meshwright.errors import ConfigError
from tests.unit.graphs import find, inputs, names
from tests.unit.stacks.test_program import ROOT

SHOP: dict[str, Any] = {
    "name": "shop",
    "phase": "permissive",
    "since": "2026-11-16",
    "previous": {"phase": "unmeshed", "since": "2026-11-02"},
    "adopt": True,
    "transparent_proxy": True,
    "services": ["db"],
    "workloads": {"api": {"protocol": "http", "selector": {"app": "api"}}, "old": {"protocol": "http"}},
    "traffic": [
        {
            "service": "api",
            "subsets": {"v1": {"filter": 'Service.Meta.version == "v1"'}},
            "split": [{"weight": 50, "subset": "v1"}, {"weight": 50, "service": "old", "subset": "v0"}],
        },
        {"service": "old", "subsets": {"v0": {}}, "redirect": {"service": "api"}},
        {"service": "db", "failover": {"*": {"targets": [{"peer": "east"}]}}},
    ],
}
FRONT: dict[str, Any] = {"name": "front", "phase": "strict", "workloads": {"web": {}}}
RESTART_FRONT = "all workloads of front, to get proxies"
CALL = {"from": "web", "to": "api", "allow": [{"path_prefix": "/v1/", "headers": {"x-a": "b"}}]}


@pytest.fixture(autouse=True)
def _as_pulumi_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "stacks"))
    monkeypatch.setattr("pulumi.runtime.get_root_directory", lambda: str(ROOT))
    monkeypatch.setenv("MESHWRIGHT_AS_OF", "2026-11-23")


def mesh_of(*namespaces: Any, **more: Any) -> ConsulMesh:
    wanted = {"kind": "consul", "cluster": {"context": "c", "platform": "kind"}, "namespaces": list(namespaces), **more}
    mesh = parse_config(wanted, None, None).mesh
    assert isinstance(mesh, ConsulMesh)
    return mesh


def run(*namespaces: Any, **more: Any) -> Graph:
    import consul

    mesh = mesh_of(*namespaces, **more)
    return record(lambda: consul.deploy(mesh, "x"))


def refusal(*namespaces: Any, **more: Any) -> list[str]:
    with pytest.raises(ConfigError) as error:
        mesh_of(*namespaces, **more)
    return str(error.value).splitlines()


def test_everything_that_a_stack_says_reaches_the_components() -> None:
    graph = run(
        SHOP,
        FRONT,
        intentions=[CALL, {"from": "gateway", "to": "web"}],
        callers=["gateway"],
        jwt={"login": {"issuer": "i", "jwks": '{"keys": [{"kty": "EC"}]}'}},
        proxies={"protocol": "http2", "access_logs": "stderr", "peer_through_mesh_gateways": True},
        enterprise=True,
    )
    assert inputs(graph, "shop") == {
        "namespace": "shop",
        "phase": "permissive",
        "since": "2026-11-16",
        "deadline": "2026-12-16",
        "previous": {"phase": "unmeshed", "since": "2026-11-02"},
        "adopt": True,
        "transparent_proxy": True,
        "services": {"db": {}, "api": {"protocol": "http", "selector": {"app": "api"}}, "old": {"protocol": "http"}},
        "enterprise": True,
    }
    assert inputs(graph, "defaults") == {
        "tls_min_version": "1.2",
        "strict_paths": True,
        "strict_headers": True,
        "mesh_destinations_only": False,
        "allow_permissive": True,
        "protocol": "http2",
        "access_logs": "stderr",
        "peer_through_mesh_gateways": True,
    }
    assert inputs(graph, "intentions") == {
        "intentions": [
            {"source": "web", "to": "api", "allow": CALL["allow"]},
            {"source": "gateway", "to": "web"},
        ],
        "services": {"db": {}, "api": {"protocol": "http"}, "old": {"protocol": "http"}, "web": {}},
        "callers": ["gateway"],
        "default_protocol": "http2",
        "jwt": {"login": {"issuer": "i", "jwks": '{"keys": [{"kty": "EC"}]}'}},
        "namespace": "consul",
    }
    assert inputs(graph, "traffic-api")["services"] == {"old": {"protocol": "http", "subsets": ["v0"]}}
    assert graph.outputs["restart"] == {"shop": "all workloads of shop, to get proxies", "front": RESTART_FRONT}
    ready = "make shop strict, if its last 7 days saw no plaintext; it is permissive until 2026-12-16"
    assert graph.outputs["next"] == ready


def test_a_service_is_permissive_after_the_mesh_allows_it_and_looked_at_after_its_protocol() -> None:
    graph = run(SHOP, FRONT, intentions=[CALL])
    assert "defaults-allow-permissive" in names(find(graph, "shop-api").dependencies)
    assert {"shop-api", "front-web"} <= names(find(graph, "intentions-to-api").dependencies)
    assert "shop-api" in names(find(graph, "traffic-api-resolver").dependencies)
    strict = run({**FRONT, "previous": {"phase": "permissive"}})
    assert "defaults-allow-permissive" not in {each.name for each in strict}
    assert graph.outputs["restart"]["front"] == RESTART_FRONT
    assert strict.outputs["restart"] == {}
    assert inputs(strict, "defaults")["strict_paths"] is False


def test_the_mesh_allows_permissive_services_until_the_last_proxy_is_gone() -> None:
    back = {**FRONT, "phase": "unmeshed", "previous": {"phase": "permissive"}}
    graph = run(back)
    assert "defaults-allow-permissive" in names(find(graph, "front-web").dependencies)
    assert graph.outputs["restart"] == {"front": "all workloads of front, to run without proxies"}
    assert "defaults-allow-permissive" not in {each.name for each in run({**FRONT, "phase": "unmeshed"})}


def test_a_mesh_without_namespaces_has_no_intentions() -> None:
    graph = run()
    assert "intentions" not in {each.name for each in graph}
    assert inputs(graph, "defaults-mesh")["spec"]["transparentProxy"] == {"meshDestinationsOnly": False}


TWICE = {"name": "b", "phase": "strict", "services": ["api"]}
OUTSIDE = {"name": "out", "phase": "unmeshed", "services": ["job"]}


@pytest.mark.parametrize(
    ("namespaces", "more", "message"),
    [
        ([SHOP, TWICE], {}, 'mesh.namespaces[1] has the service "api", as has shop: to Consul both are one'),
        (
            [{**FRONT, "services": ["bill"]}],
            {"external": [{"name": "bill", "host": "a.b", "port": 443}]},
            'mesh.namespaces[0] has the service "bill", as has external',
        ),
        (
            [{**SHOP, "traffic": [*SHOP["traffic"], {"service": "api"}]}],
            {},
            'traffic[3].service is "api", as is namespaces[0].traffic[0].service; write all of it in one place (MW-E017)',
        ),
        (
            [{**SHOP, "traffic": [{"service": "zzz"}]}],
            {},
            'mesh.namespaces[0].traffic[0].service is "zzz", and the namespace lists no such service',
        ),
        (
            [{**OUTSIDE, "traffic": [{"service": "job"}]}],
            {},
            "mesh.namespaces[0].traffic[0] is for a namespace that is unmeshed",
        ),
        (
            [
                {
                    **SHOP,
                    "traffic": [
                        {"service": "api", "redirect": {"service": "old"}},
                        {"service": "old", "redirect": {"service": "api"}},
                    ],
                }
            ],
            {},
            "mesh.namespaces[0].traffic[0] leads in a circle: api to old to api",
        ),
        (
            [OUTSIDE, FRONT],
            {"intentions": [{"from": "job", "to": "web"}]},
            "mesh.intentions[0].from is job, and out is unmeshed: web is strict, and would refuse its calls",
        ),
        ([FRONT], {"intentions": [{"from": "wbe", "to": "web"}]}, 'mesh.intentions[0].from is "wbe", and no service'),
        (
            [SHOP, FRONT],
            {"intentions": [CALL], "proxies": {"strict_paths": False}},
            "mesh.proxies.strict_paths is false, and intentions look at paths",
        ),
        (
            [SHOP, FRONT],
            {
                "intentions": [{"from": "web", "to": "api", "allow": [{"path_regex": "/v1/.*"}]}],
                "proxies": {"strict_paths": False},
            },
            "mesh.proxies.strict_paths is false, and intentions look at paths",
        ),
        (
            [SHOP],
            {"proxies": {"mesh_destinations_only": True}},
            "mesh.proxies.mesh_destinations_only is true, and shop has services that are not in the mesh yet",
        ),
        ([{**FRONT, "name": "kube-system"}], {}, "mesh.namespaces[0].name is kube-system, which is not for workloads"),
        (
            [{**FRONT, "workloads": {"web": {"service_account": "www"}}}],
            {},
            'mesh.namespaces[0].workloads.web.service_account is "www": Consul would let its pods register www',
        ),
        ([FRONT], {"callers": ["a", "a"]}, 'mesh.callers[1] is "a"'),
    ],
)
def test_what_can_not_work_together_is_refused_where_it_is_said(namespaces: Any, more: Any, message: str) -> None:
    lines = refusal(*namespaces, **more)
    assert any(message in line for line in lines), lines


@pytest.mark.parametrize(
    "more",
    [
        {"control_plane": {"transparent_proxy": False}},
        {"values": {"connectInject": {"transparentProxy": {"defaultEnabled": False}}}},
    ],
)
def test_permissive_mode_without_transparent_proxies_is_refused_wherever_they_were_turned_off(more: Any) -> None:
    shop = {key: value for key, value in SHOP.items() if key != "transparent_proxy"}
    (line,) = refusal(shop, **more)
    assert "mesh.namespaces[0].phase is permissive, which works with transparent proxies alone" in line
    assert line.endswith("(MW-E250)")
    assert inputs(run(FRONT, **more), "front")["transparent_proxy"] is False


def test_a_permissive_phase_ends_on_its_deadline_or_after_thirty_days() -> None:
    first, second, third = mesh_of(
        {**SHOP, "deadline": "2026-12-01"}, {**FRONT, "name": "a", "workloads": {}}, FRONT
    ).namespaces
    assert str(first.ends) == "2026-12-01"
    assert (second.ends, third.ends) == (None, None)
    (line,) = refusal({key: value for key, value in SHOP.items() if key not in ("since", "previous")})
    assert "mesh.namespaces[0].deadline is missing" in line
    (line,) = refusal({**FRONT, "deadline": "2026-12-01"})
    assert "deadline is for the phase permissive, and the namespace is strict" in line


def test_traffic_comes_after_the_subsets_that_it_names_and_of_a_pair_one_is_first() -> None:
    graph = run(SHOP, FRONT, intentions=[CALL])
    assert "traffic-old-resolver" in names(find(graph, "traffic-api-resolver").dependencies)
    assert "traffic-api-resolver" not in names(find(graph, "traffic-old-resolver").dependencies)
