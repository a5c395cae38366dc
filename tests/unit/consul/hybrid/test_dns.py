"""ConsulDnsForwarding: where each platform's DNS is told of Consul's names."""

from typing import Any

import pytest

from meshwright import ConsulDnsForwarding
from tests.unit.consul.hybrid.asked import refused, run

BLOCK = "consul:53 {\n    errors\n    cache 30\n    forward . 10.0.0.53\n}\n"
CUSTOM = {"name": "coredns-custom", "namespace": "kube-system"}


def forwarding(**args: Any) -> Any:
    said: Any = {"address": "10.0.0.53", **args}
    return lambda opts: ConsulDnsForwarding("dns", said, opts)


@pytest.mark.parametrize(
    ("platform", "kind", "metadata", "told"),
    [
        ("aks", "core/v1:ConfigMapPatch", CUSTOM, {"data": {"consul.server": BLOCK}}),
        ("k3s", "core/v1:ConfigMap", CUSTOM, {"data": {"consul.server": BLOCK}}),
        (
            "gke",
            "core/v1:ConfigMapPatch",
            {"name": "kube-dns", "namespace": "kube-system"},
            {"data": {"stubDomains": '{"consul": ["10.0.0.53"]}'}},
        ),
        (
            "openshift",
            "operator.openshift.io/v1:DNSPatch",
            {"name": "default"},
            {
                "spec": {
                    "servers": [{"name": "consul", "zones": ["consul"], "forwardPlugin": {"upstreams": ["10.0.0.53"]}}]
                }
            },
        ),
    ],
)
def test_each_platform_has_its_place(platform: str, kind: str, metadata: dict[str, str], told: dict[str, Any]) -> None:
    (made,) = [each for each in run(forwarding(platform=platform), "kubernetes") if each.type.startswith("kubernetes:")]
    assert made.type == f"kubernetes:{kind}"
    assert made.inputs["metadata"] == metadata
    assert told.items() <= dict(made.inputs).items()


def test_what_has_no_place_is_told_what_to_add() -> None:
    assert refused(forwarding(platform="eks", domain="mesh"), "kubernetes") == (
        "ConsulDnsForwarding dns: platform is eks, whose CoreDNS has one text, which belongs to who installed it; add this "
        "to its Corefile: mesh:53 { errors cache 30 forward . 10.0.0.53 } (MW-E050)"
    )
    assert 'address is "consul-dns", which is no address' in refused(
        forwarding(platform="aks", address="consul-dns"), "kubernetes"
    )
