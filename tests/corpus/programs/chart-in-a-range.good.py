from pulumi_kubernetes.helm.v3 import Release

Release("ztunnel-range", chart="oci://ghcr.io/istio/release/charts/ztunnel", version="1.31.1")
