"""Istio ambient and one namespace, composed in a program of your own."""

import pulumi
import pulumi_kubernetes as kubernetes

from meshwright import AmbientNamespace, GatewayApiCrds, IstioAmbient

cluster = kubernetes.Provider("cluster", context=pulumi.Config().require("context"))

crds = GatewayApiCrds(
    "gateway-api",
    {
        "mode": "create",
        "version": "1.6.1",
        "manifest": "https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.6.1/standard-install.yaml",
    },
    pulumi.ResourceOptions(providers=[cluster]),
)

mesh = IstioAmbient(
    "mesh",
    {"version": "1.31", "platform": "kind", "values": {"istiod": {"traceSampling": 5}}},
    pulumi.ResourceOptions(providers=[cluster], depends_on=[crds]),
)

shop = AmbientNamespace(
    "shop",
    {
        "namespace": "shop",
        "phase": "permissive",
        "since": "2026-11-16",
        "waypoint": {"reason": "retries for the payment provider"},
    },
    pulumi.ResourceOptions(providers=[cluster], depends_on=[mesh]),
)

pulumi.export("istio", mesh.version)
pulumi.export("shop", shop.phase)
