"""One mesh over two clusters: an istiod in each, one root, and a catalogue that both serve.

In each cluster there is cert-manager with a ClusterIssuer ``mesh``, whose authority the one root signed, and the
namespace ``catalog`` with a Service ``products``.
"""

from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_kubernetes as kubernetes

from meshwright import (
    AmbientNamespace,
    EastWestGateway,
    GatewayApiCrds,
    GlobalServices,
    IstioAmbient,
    RemoteReader,
    RemoteSecret,
)
from meshwright.istio.multicluster.membership import MembershipArgs
from meshwright.istio.multicluster.together import Member, check_together

VERSION = "1.6.1"
BUNDLE = f"https://github.com/kubernetes-sigs/gateway-api/releases/download/v{VERSION}/standard-install.yaml"
ROOT = Path(__file__).with_name("root-cert.pem").read_text("utf-8")


@dataclass
class Cluster:
    """One cluster of the mesh, and the mesh in it."""

    name: str
    provider: kubernetes.Provider
    mesh: IstioAmbient
    reader: RemoteReader


def membership(name: str) -> MembershipArgs:
    """The cluster's place: its pods are on a network of their own, called as the cluster is."""
    return {"mesh": "shop", "cluster": name, "network": name}


def cluster(name: str) -> Cluster:
    """Istio in one cluster, its gateway for the other one, and what the other one reads it by."""
    config = pulumi.Config()
    provider = kubernetes.Provider(name, context=config.require(name))
    here = pulumi.ResourceOptions(providers=[provider])
    crds = GatewayApiCrds(f"{name}-gateway-api", {"mode": "create", "version": VERSION, "manifest": BUNDLE}, here)
    mesh = IstioAmbient(
        f"{name}-mesh",
        {
            "version": "1.31",
            "platform": "eks",
            "multicluster": membership(name),
            "certificates": {
                "source": "istio-csr",
                "istio_csr": {
                    "root": ROOT,
                    "issuer": {
                        "type": "existing",
                        "name": "mesh",
                        "kind": "ClusterIssuer",
                        "group": "cert-manager.io",
                    },
                },
            },
        },
        pulumi.ResourceOptions.merge(here, pulumi.ResourceOptions(depends_on=[crds])),
    )
    after = pulumi.ResourceOptions.merge(here, pulumi.ResourceOptions(depends_on=[mesh]))
    EastWestGateway(f"{name}-east-west", {"network": name, "platform": "eks"}, after)
    catalog = AmbientNamespace(
        f"{name}-catalog",
        {
            "namespace": "catalog",
            "adopt": True,
            "phase": "permissive",
            "since": "2026-11-16",
            "waypoint": {"reason": "header routing for the beta cohort"},
        },
        after,
    )
    GlobalServices(
        f"{name}-shared",
        {"namespace": "catalog", "services": ["products"], "waypoints": ["waypoint"]},
        pulumi.ResourceOptions.merge(after, pulumi.ResourceOptions(depends_on=[catalog])),
    )
    reader = RemoteReader(f"{name}-reader", {"cluster": name, "server": config.require(f"{name}Server")}, after)
    return Cluster(name, provider, mesh, reader)


check_together([Member(membership(name), root=ROOT, waypoints={"catalog": ("waypoint",)}) for name in ("eu", "us")])
eu, us = cluster("eu"), cluster("us")
for one, other in ((eu, us), (us, eu)):
    RemoteSecret(
        f"{one.name}-reads-{other.name}",
        {"cluster": other.name, "kubeconfig": other.reader.kubeconfig},
        pulumi.ResourceOptions(providers=[one.provider], depends_on=[one.mesh]),
    )
