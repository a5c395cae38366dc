# finds: MW-VER-002 violated istiod-old: it installs istio 1.29.9, which has had no fixes since 2026-10-15
from pulumi_kubernetes.helm.v3 import Release

Release(
    "istiod-old",
    chart="oci://ghcr.io/istio/release/charts/istiod",
    version="1.29.9",
    values={"pilot": {"autoscaleMin": 2}},
)
