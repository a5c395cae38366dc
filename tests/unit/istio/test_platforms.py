"""What platforms need beside charts: the recorded rules, ports and policies."""

import pulumi
import pulumi_aws as aws
import pytest

from meshwright import CiliumProbePolicy, EksMeshFirewall, GkeMeshFirewall
from meshwright.engine.record import record
from meshwright.kubernetes.errors import ComponentError
from tests.unit.graphs import find, inputs, shape, with_provider

RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
FIREWALL = "gcp:compute/firewall:Firewall"


def test_eks_opens_hbone_and_xds_between_nodes_and_the_webhooks_to_the_api_server() -> None:
    def program() -> None:
        provider = aws.Provider("aws", region="eu-west-1")
        args = {"node_security_group": "sg-nodes", "control_plane_security_group": "sg-cluster"}
        EksMeshFirewall("f", args, pulumi.ResourceOptions(providers=[provider]))  # type: ignore[arg-type]

    graph = record(program)
    rules = {
        (str(each.inputs["referencedSecurityGroupId"]), each.inputs["fromPort"], each.inputs["toPort"]): each
        for each in graph
        if each.type == RULE
    }
    assert set(rules) == {
        ("sg-nodes", 15008, 15008),
        ("sg-nodes", 15012, 15012),
        ("sg-cluster", 15012, 15012),
        ("sg-cluster", 15017, 15017),
    }
    for rule in rules.values():
        assert (rule.inputs["securityGroupId"], rule.inputs["ipProtocol"]) == ("sg-nodes", "tcp")
        assert rule.parent.endswith("::f")
        # What AWS takes in a description (EC2 API, IpRange).
        allowed = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789. _-:/()#,@[]+=&;{}!$*")
        assert set(str(rule.inputs["description"])) <= allowed


def test_eks_nodes_in_the_clusters_own_group_get_no_rule_twice() -> None:
    def program() -> None:
        provider = aws.Provider("aws", region="eu-west-1")
        args = {"node_security_group": "sg-cluster", "control_plane_security_group": "sg-cluster"}
        EksMeshFirewall("f", args, pulumi.ResourceOptions(providers=[provider]))  # type: ignore[arg-type]

    rules = [each for each in record(program) if each.type == RULE]
    assert sorted(int(each.inputs["fromPort"]) for each in rules) == [15008, 15012, 15017]


def test_gke_opens_the_webhooks_to_the_api_server() -> None:
    def program() -> None:
        provider = pulumi.ProviderResource("gcp", "gcp", {"project": "shop"})
        opts = pulumi.ResourceOptions(providers=[provider])
        GkeMeshFirewall(
            "f",
            {
                "network": "prod",
                "control_plane_cidr": "172.16.0.0/28",
                "node_tags": ["n"],
                "pod_cidrs": ["10.8.0.0/14"],
            },
            opts,
        )

    graph = record(program)
    assert shape(graph) == [
        ("meshwright:index:GkeMeshFirewall", "f", "test-dev"),
        (FIREWALL, "f-webhooks", "f"),
        (FIREWALL, "f-pods", "f"),
    ]
    assert inputs(graph, "f-webhooks") == {
        "network": "prod",
        "direction": "INGRESS",
        "description": "API server to istiod's webhooks",
        "sourceRanges": ["172.16.0.0/28"],
        "targetTags": ["n"],
        "allows": [{"protocol": "tcp", "ports": ["15017"]}],
    }
    pods = inputs(graph, "f-pods")
    assert pods["sourceRanges"] == ["10.8.0.0/14"]
    assert pods["allows"] == [{"protocol": "tcp", "ports": ["15008", "15012"]}]


def test_gke_lets_pods_reach_each_other_by_itself_unless_ranges_are_given() -> None:
    def program() -> None:
        provider = pulumi.ProviderResource("gcp", "gcp", {"project": "shop"})
        opts = pulumi.ResourceOptions(providers=[provider])
        GkeMeshFirewall("f", {"network": "n", "control_plane_cidr": "172.16.0.0/28", "node_tags": ["n"]}, opts)

    assert [name for token, name, _ in shape(record(program)) if token == FIREWALL] == ["f-webhooks"]


def test_cilium_lets_probes_from_both_addresses_through_and_denies_nothing() -> None:
    graph = with_provider(lambda opts: CiliumProbePolicy("c", {}, opts))
    policy = find(graph, "c-policy")
    assert policy.type == "kubernetes:cilium.io/v2:CiliumClusterwideNetworkPolicy"
    spec = policy.inputs["spec"]
    assert spec["enableDefaultDeny"] == {"egress": False, "ingress": False}
    assert spec["endpointSelector"] == {}
    assert spec["ingress"] == [{"fromCIDR": ["169.254.7.127/32", "fd16:9254:7127:1337:ffff:ffff:ffff:ffff/128"]}]


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: EksMeshFirewall("f", {"node_security_group": "a", "control_plane_security_group": "b"}), r"EksMeshFirewall f: no AWS provider was given; pass one: .*pulumi_aws"),
        (lambda: GkeMeshFirewall("f", {"network": "a", "control_plane_cidr": "b", "node_tags": ["n"]}), r"GkeMeshFirewall f: no Google Cloud provider was given; pass one: .*pulumi_gcp"),
        (lambda: CiliumProbePolicy("f", {}), r"CiliumProbePolicy f: no Kubernetes provider was given"),
    ],
)  # fmt: skip
def test_a_provider_is_asked_for(make: object, line: str) -> None:
    assert callable(make)
    with pytest.raises(ComponentError, match=rf"{line}.*\(MW-E051\)"):
        record(make)
