"""The recorded graph of AmbientNetworkPolicy, and what its two kinds of policies let through."""

from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple

import pytest

from meshwright import AmbientNetworkPolicy
from meshwright.engine.graph import Graph
from meshwright.kubernetes.errors import ComponentError
from tests.unit.graphs import find, inputs, shape, with_provider

WAYPOINT_LABELS = {
    "gateway.networking.k8s.io/gateway-name": "waypoint",
    "gateway.networking.k8s.io/gateway-class-name": "istio-waypoint",
}
NAMESPACES: dict[str, dict[str, str]] = {
    "shop": {"istio.io/dataplane-mode": "ambient"},
    "web": {"istio.io/dataplane-mode": "ambient"},
    "legacy": {},
    "sidecars": {"istio-injection": "enabled"},
    "istio-ingress": {},
    "istio-system": {},
    "kube-system": {},
    "monitoring": {},
    "observability": {},
}


class End(NamedTuple):
    """One end of a connection: a pod, or with an address alone, none."""

    namespace: str = ""
    labels: Mapping[str, str] = {}
    address: str = ""


POD, WAYPOINT = End("shop", {"app": "cart"}), End("shop", WAYPOINT_LABELS)
DNS = End("kube-system", {"k8s-app": "kube-dns"})
ISTIOD = End("istio-system", {"app": "istiod"})
EXTRA: dict[str, Any] = {
    "peers": ["sidecars"],
    "dns_addresses": ["169.254.20.10"],
    "prometheus_namespace": "monitoring",
    "waypoint_backends": [{"namespace": "observability", "port": 4317}],
}
# Direction, the namespace's own pod, the other end, port, protocol, whether it is let through.
CONNECTIONS = [
    ("ingress", POD, End("web", {"app": "web"}), 15008, "TCP", True),
    ("ingress", POD, End("web", {"app": "web"}), 8080, "TCP", False),
    ("ingress", POD, End("legacy"), 15008, "TCP", False),
    ("ingress", POD, End("legacy", {"istio.io/dataplane-mode": "ambient"}), 15008, "TCP", True),
    ("ingress", POD, End("istio-ingress", {"gateway.networking.k8s.io/gateway-name": "public"}), 15008, "TCP", True),
    ("ingress", POD, End("istio-ingress", {"app": "other"}), 15008, "TCP", False),
    ("ingress", POD, WAYPOINT, 15008, "TCP", True),
    ("ingress", POD, End("sidecars"), 15008, "TCP", True),
    ("ingress", POD, End(address="169.254.7.127"), 8080, "TCP", True),
    ("ingress", POD, End(address="fd16:9254:7127:1337:ffff:ffff:ffff:ffff"), 8080, "TCP", True),
    ("ingress", POD, End(address="10.0.0.1"), 8080, "TCP", False),
    ("ingress", POD, End("monitoring"), 15020, "TCP", False),
    ("ingress", WAYPOINT, End("monitoring"), 15020, "TCP", True),
    ("ingress", WAYPOINT, End("web"), 15008, "TCP", True),
    ("egress", POD, End("web"), 15008, "TCP", True),
    ("egress", POD, WAYPOINT, 15008, "TCP", True),
    ("egress", POD, End("web"), 5432, "TCP", False),
    ("egress", POD, DNS, 53, "UDP", True),
    ("egress", POD, DNS, 53, "TCP", True),
    ("egress", POD, DNS, 443, "TCP", False),
    ("egress", POD, End(address="169.254.20.10"), 53, "UDP", True),
    ("egress", POD, ISTIOD, 15012, "TCP", False),
    ("egress", WAYPOINT, ISTIOD, 15012, "TCP", True),
    ("egress", WAYPOINT, End("observability"), 4317, "TCP", True),
    ("egress", POD, End("observability"), 4317, "TCP", False),
    ("egress", WAYPOINT, DNS, 53, "UDP", True),
    ("egress", WAYPOINT, POD, 15008, "TCP", True),
]


def policy(**args: Any) -> Graph:
    return with_provider(lambda opts: AmbientNetworkPolicy("n", {"namespace": "shop", **args}, opts))  # type: ignore[typeddict-item]


def specs(graph: Graph) -> list[dict[str, Any]]:
    return [
        dict(each.inputs["spec"]) for each in graph if each.type.endswith("NetworkPolicy") and each.inputs.get("spec")
    ]


def selected(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    judge: dict[str, Callable[[str, list[str]], bool]] = {
        "Exists": lambda key, _: key in labels,
        "In": lambda key, values: labels.get(key) in values,
    }
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        judge[each["operator"]](each["key"], each.get("values", [])) for each in selector.get("matchExpressions", ())
    )


def kubernetes_allows(spec: dict[str, Any], direction: str, own: End, other: End, port: int, protocol: str) -> bool:
    def meant(peer: dict[str, Any]) -> bool:
        if "ipBlock" in peer:
            return bool(other.address) and ip_address(other.address) in ip_network(peer["ipBlock"]["cidr"])
        if not other.namespace:
            return False
        namespace = {**NAMESPACES[other.namespace], "kubernetes.io/metadata.name": other.namespace}
        return selected(peer["namespaceSelector"], namespace) and selected(peer.get("podSelector", {}), other.labels)

    side = "from" if direction == "ingress" else "to"
    return selected(spec["podSelector"], own.labels) and any(
        any(meant(peer) for peer in rule[side])
        and ("ports" not in rule or {"port": port, "protocol": protocol} in rule["ports"])
        for rule in spec.get(direction, ())
    )


def cilium_allows(spec: dict[str, Any], direction: str, own: End, other: End, port: int, protocol: str) -> bool:
    def as_cilium_has_them(end: End) -> dict[str, str]:
        if not end.namespace:
            return {}
        of_namespace = {
            f"io.cilium.k8s.namespace.labels.{key}": value for key, value in NAMESPACES[end.namespace].items()
        }
        known = {"io.kubernetes.pod.namespace": end.namespace, **of_namespace, **end.labels}
        return {f"k8s:{key}": value for key, value in known.items()}

    side = "from" if direction == "ingress" else "to"
    return selected(spec["endpointSelector"], own.labels) and any(
        (
            any(selected(endpoint, as_cilium_has_them(other)) for endpoint in rule.get(f"{side}Endpoints", ()))
            or any(
                other.address and ip_address(other.address) in ip_network(network)
                for network in rule.get(f"{side}CIDR", ())
            )
        )
        and (
            "toPorts" not in rule
            or any({"port": str(port), "protocol": protocol} in each["ports"] for each in rule["toPorts"])
        )
        for rule in spec.get(direction, ())
    )


@pytest.mark.parametrize(("kind", "allows"), [("kubernetes", kubernetes_allows), ("cilium", cilium_allows)])
def test_what_is_let_through(kind: str, allows: Callable[..., bool]) -> None:
    policies = specs(policy(kind=kind, **EXTRA))
    for *connection, expected in CONNECTIONS:
        assert any(allows(spec, *connection) for spec in policies) is expected, connection


@pytest.mark.parametrize(("kind", "allows"), [("kubernetes", kubernetes_allows), ("cilium", cilium_allows)])
def test_nobody_else_is_let_through_unless_asked(kind: str, allows: Callable[..., bool]) -> None:
    policies = specs(policy(kind=kind))
    for connection in (
        ("ingress", POD, End("sidecars"), 15008, "TCP"),
        ("ingress", WAYPOINT, End("monitoring"), 15020, "TCP"),
        ("egress", WAYPOINT, End("observability"), 4317, "TCP"),
        ("egress", POD, End(address="169.254.20.10"), 53, "UDP"),
    ):
        assert not any(allows(spec, *connection) for spec in policies), connection


def test_two_policies_for_all_pods_and_for_the_waypoints() -> None:
    graph = policy()
    assert shape(graph) == [
        ("meshwright:index:AmbientNetworkPolicy", "n", "test-dev"),
        ("kubernetes:networking.k8s.io/v1:NetworkPolicy", "n-ambient", "n"),
        ("kubernetes:networking.k8s.io/v1:NetworkPolicy", "n-ambient-waypoints", "n"),
    ]
    assert inputs(graph, "n-ambient-waypoints")["metadata"] == {"name": "ambient-waypoints", "namespace": "shop"}
    assert inputs(graph, "n-ambient")["spec"]["podSelector"] == {}
    assert inputs(graph, "n-ambient")["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert inputs(graph, "n-ambient-waypoints")["spec"]["policyTypes"] == ["Egress"]


def test_ciliums_are_of_its_own_kind() -> None:
    graph = policy(kind="cilium")
    assert find(graph, "n-ambient").type == "kubernetes:cilium.io/v2:CiliumNetworkPolicy"
    assert inputs(graph, "n-ambient")["spec"]["ingress"][1] == {
        "fromCIDR": ["169.254.7.127/32", "fd16:9254:7127:1337:ffff:ffff:ffff:ffff/128"]
    }


@pytest.mark.parametrize(
    ("isolate", "expected"),
    [("ingress", {"n-ambient": {"ingress"}}), ("egress", {"n-ambient": {"egress"}, "n-ambient-waypoints": {"egress"}})],
)
@pytest.mark.parametrize("kind", ["kubernetes", "cilium"])
def test_a_direction_that_is_not_isolated_stays_open(kind: str, isolate: str, expected: dict[str, set[str]]) -> None:
    graph = policy(kind=kind, isolate=isolate)
    made = {each.name: each.inputs["spec"] for each in graph if each.name.startswith("n-")}
    assert {name: set(spec) & {"ingress", "egress"} for name, spec in made.items()} == expected
    if kind == "kubernetes":
        assert {tuple(spec["policyTypes"]) for spec in made.values()} == {(isolate.capitalize(),)}


def test_dns_that_is_elsewhere() -> None:
    labels = {"dns.operator.openshift.io/daemonset-dns": "default"}
    graph = policy(dns={"namespace": "openshift-dns", "labels": labels, "port": 5353.0})
    assert inputs(graph, "n-ambient")["spec"]["egress"][1] == {
        "to": [
            {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "openshift-dns"}},
                "podSelector": {"matchLabels": labels},
            }
        ],
        "ports": [{"port": 5353, "protocol": "UDP"}, {"port": 5353, "protocol": "TCP"}],
    }


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"kind": "calico"}, "kind 'calico' is unknown; one of: kubernetes, cilium"),
        ({"isolate": "none"}, "isolate 'none' is unknown; one of: ingress, egress, both"),
        ({"dns_addresses": ["dns.local"]}, "the DNS address 'dns.local' is no IP address; write it as 169.254.20.10"),
    ],
)
def test_arguments_that_cannot_work(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ComponentError) as caught:
        policy(**args)
    assert str(caught.value) == f"AmbientNetworkPolicy n: {message} (MW-E050)"


def test_no_provider_no_policy() -> None:
    with pytest.raises(ComponentError, match="MW-E051"):
        AmbientNetworkPolicy("n", {"namespace": "shop"})
