# finds: MW-VER-002 violated istiod-open: it installs istio 1.30.5, which is open to ISTIO-SECURITY-2026-007
from pulumi_kubernetes.helm.v3 import Release

Release("istiod-open", chart="oci://ghcr.io/istio/release/charts/istiod", version="1.30.5")
