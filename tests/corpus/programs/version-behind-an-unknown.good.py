from pulumi_kubernetes.helm.v3 import Release

Release("istiod-later", chart="oci://ghcr.io/istio/release/charts/istiod", version="v1.31.1")
