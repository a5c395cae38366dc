"""A small mesh as its components register it, for the tests of every format."""

from __future__ import annotations

from meshwright.engine.graph import Options, Resource, Secret
from tests.unit.render.graphs import component, kubernetes, release, resource

CRDS = "https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.6.1/standard-install.yaml"
MESH = component("meshwright:index:IstioAmbient", "mesh")
CHECKOUT = component("meshwright:index:AmbientNamespace", "checkout", dependencies=(MESH.urn,))


def provider(name: str = "cluster", context: str = "prod-eu") -> Resource:
    return resource("pulumi:providers:kubernetes", name, {"context": context})


def mesh() -> tuple[Resource, ...]:
    """Bundle, namespace, two releases, and a namespace whose waypoint label waits for the waypoint."""
    cluster = provider()
    crds = resource(
        "kubernetes:yaml/v2:ConfigFile",
        "gateway-api",
        {"file": CRDS},
        custom=False,
        remote=True,
        parent=MESH.urn,
        provider=cluster.urn,
    )
    system = kubernetes("v1", "Namespace", "istio-system", parent=MESH.urn, provider=cluster.urn)
    base = release("base", logical="istio-base", parent=MESH.urn, dependencies=(system.urn,), provider=cluster.urn)
    istiod = release(
        "istiod",
        parent=MESH.urn,
        provider=cluster.urn,
        dependencies=(base.urn, crds.urn),
        inputs={
            "chart": "oci://ghcr.io/istio/release/charts/istiod",
            "name": "istiod",
            "repositoryOpts": {},
            "timeout": 600.0,
            "values": {"profile": "ambient", "autoscaleMin": 2.0},
        },
    )
    return (cluster, MESH, crds, system, base, istiod, CHECKOUT, *namespace(cluster))


def namespace(cluster: Resource) -> tuple[Resource, ...]:
    """What is in the component of a namespace with a waypoint."""
    around = {"parent": CHECKOUT.urn, "provider": cluster.urn}
    labels = {"metadata": {"name": "checkout", "labels": {"istio.io/dataplane-mode": "ambient"}}}
    made = kubernetes("v1", "Namespace", "checkout", body=labels, **around)
    parameters = kubernetes("v1", "ConfigMap", "waypoint-1", "checkout", body={"immutable": True}, **around)
    gateway = kubernetes(
        "gateway.networking.k8s.io/v1",
        "Gateway",
        "waypoint",
        dependencies=(made.urn, parameters.urn),
        body={
            "metadata": {
                "name": "waypoint",
                "namespace": "checkout",
                "annotations": {"pulumi.com/waitFor": "condition=Programmed"},
            }
        },
        **around,
    )
    patch = resource(
        "kubernetes:core/v1:NamespacePatch",
        "checkout-waypoint",
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "checkout", "labels": {"use": "waypoint"}}},
        dependencies=(gateway.urn,),
        **around,
    )
    kept = kubernetes("v1", "ConfigMap", "kept", "checkout", options=Options(retain_on_delete=True), **around)
    secret = kubernetes("v1", "Secret", "ca", "checkout", body={"data": Secret({"ca.key": "aGVsbG8="})}, **around)
    return made, parameters, gateway, patch, kept, secret
