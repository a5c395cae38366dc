"""What the keys of the control plane become: tags, upgrades, images, node agents, firewalls."""

from typing import Any

import pytest

from tests.unit.graphs import find, inputs, names, shape
from tests.unit.stacks.test_program import run, settings_of

OLD: dict[str, Any] = {"version": "1.30.7", "revision": "1-30-7"}
DIGEST = f"sha256:{'a' * 64}"


def test_an_upgrade_reaches_the_component_whole() -> None:
    graph = run(
        **OLD,
        tags={"stable": "1-30-7"},
        upgrade={
            "to": "1.31.1",
            "step": "cni",
            "revision": "next",
            "charts": {"source": "mirror", "url": "oci://m.example/c"},
            "digests": {"install-cni": DIGEST},
        },
        images={"variant": "distroless", "pull_secrets": ["mirror"], "digests": {"pilot": DIGEST}},
        node_agents={
            "grace_period": "5m",
            "ztunnel_update": "on-delete",
            "dns_capture": False,
            "ipv6": False,
            "untaint": True,
        },
        workload={"pods": 45_000},
        environment="production",
    )
    assert inputs(graph, "mesh") == {
        "version": "1.30.7",
        "platform": "kind",
        "istiod_replicas": 3,
        "revision": "1-30-7",
        "tags": {"stable": "1-30-7"},
        "upgrade": {
            "to": "1.31.1",
            "step": "cni",
            "revision": "next",
            "charts": {"source": "mirror", "address": "oci://m.example/c"},
            "image_digests": {"install-cni": DIGEST},
        },
        "image_variant": "distroless",
        "image_pull_secrets": ["mirror"],
        "image_digests": {"pilot": DIGEST},
        "node_agents": {
            "grace_period_seconds": 300,
            "ztunnel_on_delete": True,
            "dns_capture": False,
            "ipv6": False,
            "untaint": True,
        },
        "workloads": 45_000,
    }


def test_a_bundle_of_crds_suits_both_control_planes_and_is_raised_when_the_old_one_is_gone() -> None:
    assert inputs(run(**OLD, upgrade={"to": "1.31"}), "gateway-api")["version"] == "1.5.1"
    assert inputs(run(version="1.31", revision="1-31-1"), "gateway-api")["version"] == "1.6.1"


@pytest.mark.parametrize(
    ("tags", "tag", "follows"),
    [
        ({}, None, "1-30-7"),
        ({"stable": "1-30-7"}, None, "stable"),
        ({"stable": "1-30-7", "early": "1-30-7"}, "early", "early"),
    ],
)
def test_a_waypoint_follows_its_tag(tags: dict[str, str], tag: str | None, follows: str) -> None:
    shop: dict[str, Any] = {"name": "shop", "phase": "permissive", "waypoint": {"reason": "retries"}}
    graph = run(**OLD, tags=tags, namespaces=[shop | ({"tag": tag} if tag else {})])
    gateway = inputs(graph, "shop-waypoint-gateway")
    assert gateway["metadata"]["labels"]["istio.io/rev"] == follows


def test_istiod_has_three_replicas_in_production_unless_it_is_said_otherwise() -> None:
    assert inputs(run(environment="production"), "mesh")["istiod_replicas"] == 3
    assert inputs(run(environment="production", istiod={"min_replicas": 2}), "mesh")["istiod_replicas"] == 2


def test_the_firewall_of_eks_is_open_before_the_mesh_is_there() -> None:
    graph = run(
        cluster={"context": "c", "platform": "eks"},
        eks={
            "region": "eu-west-1",
            "node_security_group": "sg-0123456789abcdef0",
            "control_plane_security_group": "sg-0fedcba9876543210",
        },
    )
    assert settings_of(graph, "cluster-network")["region"] == "eu-west-1"
    assert inputs(graph, "mesh-firewall") == {
        "node_security_group": "sg-0123456789abcdef0",
        "control_plane_security_group": "sg-0fedcba9876543210",
    }
    assert "mesh-firewall-control-plane-15017" in names(find(graph, "mesh-istiod").dependencies)


def test_facts_of_eks_alone_open_nothing() -> None:
    graph = run(cluster={"context": "c", "platform": "eks"}, eks={"security_groups_for_pods": "strict"})
    assert not any(token.startswith("aws:") for token, _, _ in shape(graph))


def test_the_firewall_of_gke_is_open_before_the_mesh_is_there() -> None:
    graph = run(
        cluster={"context": "c", "platform": "gke"},
        gke={
            "project": "shop",
            "network": "prod",
            "control_plane_cidr": "172.16.0.0/28",
            "node_tags": ["gke-prod"],
            "pod_cidrs": ["10.8.0.0/14"],
        },
    )
    assert settings_of(graph, "cluster-network") == {"project": "shop"}
    assert inputs(graph, "mesh-firewall") == {
        "network": "prod",
        "control_plane_cidr": "172.16.0.0/28",
        "node_tags": ["gke-prod"],
        "pod_cidrs": ["10.8.0.0/14"],
    }
    assert find(graph, "mesh-firewall-webhooks").provider.endswith("::cluster-network")
    assert {"mesh-firewall-webhooks", "mesh-firewall-pods"} <= names(find(graph, "mesh-istiod").dependencies)


@pytest.mark.parametrize(
    ("mesh", "present"),
    [
        ({"cluster": {"context": "c", "platform": "aks", "cni": "cilium"}}, True),
        ({"cluster": {"context": "c", "platform": "aks", "cni": "cilium"}, "cilium": {"allow_probes": False}}, False),
        ({"cluster": {"context": "c", "platform": "aks"}}, False),
    ],
)
def test_probes_get_through_where_cilium_is(mesh: dict[str, Any], present: bool) -> None:
    assert any(token == "meshwright:index:CiliumProbePolicy" for token, _, _ in shape(run(**mesh))) is present


def test_gke_without_pods_of_its_own_opens_the_webhooks_alone() -> None:
    gke = {"project": "p", "control_plane_cidr": "172.16.0.0/28", "node_tags": ["n"]}
    graph = run(cluster={"context": "c", "platform": "gke"}, gke=gke)
    assert [name for token, name, _ in shape(graph) if token.startswith("gcp:")] == ["mesh-firewall-webhooks"]
