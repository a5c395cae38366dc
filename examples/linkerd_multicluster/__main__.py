"""Two linked clusters: Linkerd in each below one trust anchor, and a catalogue that both use of each other.

In each cluster there is cert-manager, which renews the Secret ``linkerd-identity-issuer`` below the one anchor, and the
namespace ``catalog`` with a Service ``products``.
"""

from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_kubernetes as kubernetes

from meshwright import (
    Linkerd,
    LinkerdExports,
    LinkerdLink,
    LinkerdMulticluster,
    LinkerdReader,
    LinkerdSystemNamespace,
)
from meshwright.linkerd.multicluster.together import Member, check_together

ANCHOR = Path(__file__).with_name("trust-anchor.pem").read_text("utf-8")
NETWORKS = {"eu": "10.20.0.0/16", "us": "10.40.0.0/16"}
"""Where each cluster's calls come from."""


@dataclass
class Cluster:
    """One of the clusters, and Linkerd in it."""

    name: str
    provider: kubernetes.Provider
    multicluster: LinkerdMulticluster
    reader: LinkerdReader


def cluster(name: str, other: str) -> Cluster:
    """Linkerd in one cluster, its gateway for the other one, and what the other one reads it by."""
    config = pulumi.Config()
    provider = kubernetes.Provider(name, context=config.require(name))
    here = pulumi.ResourceOptions(providers=[provider])
    namespace = LinkerdSystemNamespace(f"{name}-linkerd-namespace", {}, here)
    mesh = Linkerd(
        f"{name}-linkerd",
        {"platform": "eks", "nodes": 3, "identity": {"external_ca": False, "anchors": ANCHOR}},
        pulumi.ResourceOptions.merge(here, pulumi.ResourceOptions(depends_on=[namespace])),
    )
    multicluster = LinkerdMulticluster(
        f"{name}-multicluster",
        {"links": [other], "readers": [other], "nodes": 3, "gateway": {"source_ranges": [NETWORKS[other]]}},
        pulumi.ResourceOptions.merge(here, pulumi.ResourceOptions(depends_on=[mesh])),
    )
    after = pulumi.ResourceOptions.merge(here, pulumi.ResourceOptions(depends_on=[multicluster]))
    LinkerdExports(f"{name}-catalog", {"namespace": "catalog", "services": ["products"], "mode": "hierarchical"}, after)
    server = config.require(f"{name}Server")
    reader = LinkerdReader(f"{name}-reader", {"cluster": name, "reader": other, "server": server}, after)
    return Cluster(name, provider, multicluster, reader)


check_together([Member(name, ANCHOR) for name in NETWORKS])
eu, us = cluster("eu", "us"), cluster("us", "eu")
for one, another in ((eu, us), (us, eu)):
    LinkerdLink(
        f"{one.name}-uses-{another.name}",
        {
            "cluster": another.name,
            "kubeconfig": another.reader.kubeconfig,
            "bundles": {"here": ANCHOR, "there": ANCHOR},
            "modes": ["hierarchical"],
            "gateway": {
                "addresses": another.multicluster.gateway_addresses,
                "identity": another.multicluster.gateway_identity,
            },
        },
        pulumi.ResourceOptions(providers=[one.provider], depends_on=[one.multicluster]),
    )
