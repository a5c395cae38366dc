from pulumi_kubernetes.helm.v3 import Release

Release(
    "istiod-old",
    chart="oci://ghcr.io/istio/release/charts/istiod",
    version="1.31.1",
    values={"pilot": {"autoscaleMin": 2}},
)
