"""Istio's own control plane takes the routes, tries them as we say, and binds hosts outside to their waypoint."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from hypothesis import HealthCheck, assume, given, settings

from meshwright import TrafficPolicy
from meshwright.istio.traffic.arguments import TrafficPolicyArgs
from meshwright.istio.traffic.gateway_api import route_spec
from meshwright.istio.traffic.precedence import rank
from meshwright.istio.traffic.rules import rules_of
from tests.conformance import checks
from tests.conformance.stacks import example_stacks, manager_of, objects_of, releases_of, rendering_of
from tests.servers import helm
from tests.servers.cluster import Cluster
from tests.servers.istiod import Istiod
from tests.servers.kubernetes import Identity, Object, condition
from tests.servers.programs import require_programs
from tests.unit.graphs import with_provider
from tests.unit.istio.traffic.any_policy import ANY, WILD, accepted

TRAFFIC = next(each for each in example_stacks() if each.name == "istio-traffic")


def service(name: str, namespace: str, port: int) -> Object:
    """A Service that is the application's own."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"ports": [{"name": "http", "port": port}], "selector": {"app": name}},
    }


def bodies(*kinds: str) -> list[Object]:
    """The stack's objects, of all kinds or of some."""
    return [body for _, body in objects_of(rendering_of(TRAFFIC)) if not kinds or body["kind"] in kinds]


@pytest.fixture
def istiod(mesh_cluster: Cluster, tmp_path: Path) -> Iterator[Istiod]:
    """Istio at work in a cluster, installed with the values of the stack."""
    require_programs("pilot-discovery", "helm")
    release = next(each for each in releases_of(rendering_of(TRAFFIC)) if each.chart == "istiod")
    rendered = helm.template(helm.istio_chart("istiod"), release.name, release.namespace, release.values)
    objects = helm.objects(rendered)
    mesh_cluster.api.apply_all([*checks.namespaces(bodies()), *objects])
    deployment = next(each for each in objects if each["kind"] == "Deployment")
    with Istiod(mesh_cluster, tmp_path / "istiod", deployment) as started:
        yield started


def test_routes_are_resolved_and_hosts_are_bound(istiod: Istiod) -> None:
    api, rendering = istiod.cluster.api, rendering_of(TRAFFIC)

    def stored(body: Object) -> Object:
        return api.get(Identity.of(body)) or {}

    def of_parent(route: Object, kind: str) -> str:
        parents = stored(route).get("status", {}).get("parents", [])
        return condition({"status": parents[0]}, kind) if parents else ""

    payment, reviews = service("payment", "checkout", 8080), service("reviews", "catalog", 9080)
    api.apply(payment)
    for path, body in objects_of(rendering):
        api.apply(body, manager=manager_of(rendering, path))
    (route,) = bodies("HTTPRoute")
    api.wait(lambda: of_parent(route, "Accepted") == "False", "a route without its service is refused", 60)
    api.apply(reviews)
    for kind in ("Accepted", "ResolvedRefs"):
        api.wait(lambda: of_parent(route, kind) == "True", f"with it the route is {kind}", 60)  # noqa: B023
    for bound in (payment, reviews, *bodies("Service", "ServiceEntry")):
        name = bound["metadata"]["name"]
        api.wait(lambda: condition(stored(bound), "istio.io/WaypointBound") == "True", f"{name} has a waypoint", 60)  # noqa: B023
    for policy in bodies("AuthorizationPolicy"):
        api.wait(lambda: condition(stored(policy), "WaypointAccepted"), "the waypoint judges the policy")  # noqa: B023
        (judged,) = stored(policy)["status"]["conditions"]
        assert (judged["type"], judged["status"], judged["reason"]) == ("WaypointAccepted", "True", "Accepted")


@settings(derandomize=True, max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(config=ANY | WILD)
def test_the_api_server_takes_whatever_the_config_takes(mesh_cluster: Cluster, config: dict[str, Any]) -> None:
    """Its rules in CEL are those that no JSON Schema has."""
    args = accepted(config)
    assume(args is not None)
    assert args is not None
    mesh_cluster.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": args["namespace"]}})
    graph = with_provider(lambda opts: TrafficPolicy("it", args, opts))
    objects = [dict(each.inputs) for each in graph if "apiVersion" in each.inputs]
    assert checks.accepted(mesh_cluster.api, objects) == []


def in_disorder(protocol: str, matches: list[dict[str, Any]]) -> TrafficPolicyArgs:
    """Routes that a policy would refuse, for they are not in the order in which Istio tries them."""
    return {
        "namespace": "catalog",
        "service": f"of-{protocol}",
        "port": 80,
        "protocol": protocol,
        "routes": [{"match": [each], "to": [{"service": "other"}]} for each in matches],  # type: ignore[list-item]
    }


OF_HTTP = in_disorder(
    "http",
    [
        {"path_regex": "/any/thing/that/is/long"},
        {"headers": {"x-a": "1"}},
        {"path_prefix": "/a"},
        {"query": {"q": "1"}},
        {"path_prefix": "/a", "headers": {"x-a": "1"}, "query": {"q": "1"}},
        {"path": "/a"},
        {"methods": ["GET"]},
        {"path_prefix": "/a/longer", "query": {"q": "1"}},
        {"headers": {"x-a": "1", "x-b": "2"}},
        {"path": "/a/longer"},
        {"methods": ["GET"], "headers": {"x-a": "1"}},
        {"path_prefix": "/a", "methods": ["PUT"]},
        {"path_regex": "/.*", "headers": {"x-a": "1"}},
    ],
)
OF_GRPC = in_disorder(
    "grpc",
    [
        {"headers": {"x-a": "1"}},
        {"grpc_method": "Get"},
        {"grpc_service": "shop.v1.Cart"},
        {"grpc_service": "a", "grpc_method": "b"},
        {"grpc_service": "shop.v1.Cart", "headers": {"x-a": "1"}},
        {"grpc_service": "shop.v1.Cart", "grpc_method": "Get"},
    ],
)


def test_istio_tries_the_rules_of_a_route_in_the_order_that_we_reckon_with(istiod: Istiod) -> None:
    api = istiod.cluster.api
    api.apply(service("other", "catalog", 80))
    for args, kind in ((OF_HTTP, "HTTPRoute"), (OF_GRPC, "GRPCRoute")):
        api.apply(service(args["service"], "catalog", 80))
        metadata = {"name": args["service"], "namespace": "catalog"}
        version = "gateway.networking.k8s.io/v1"
        api.apply({"apiVersion": version, "kind": kind, "metadata": metadata, "spec": route_spec(args)})
    for args in (OF_HTTP, OF_GRPC):
        grpc, rules = args["protocol"] == "grpc", rules_of(args)
        ranks = [rank(each.conditions[0], grpc=grpc) for each in rules]
        expected = sorted(range(len(rules)), key=lambda place: ranks[place], reverse=True)
        api.wait(lambda: tried(istiod, args["service"]), f"Istio knows {args['service']}")  # noqa: B023
        assert tried(istiod, args["service"]) == expected


def tried(istiod: Istiod, name: str) -> list[int]:
    """The places of a route's rules, in the order in which Istio has put them: what `/debug/configz` shows of it."""
    answer = urllib3.request("GET", f"{istiod.url}/debug/configz", timeout=10.0).data
    found = [each for each in json.loads(answer) if each["spec"].get("hosts") == [f"{name}.catalog.svc.cluster.local"]]
    return [int(rule["name"].rpartition(".")[2]) for each in found for rule in each["spec"]["http"]]
