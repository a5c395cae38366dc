# finds: MW-IST-036 violated istiod-open: istiod may run as one replica, and then has no disruption budget
# finds: MW-IST-042 violated istiod-open: the Release istiod-open comes from registry.istio.io, which is being switched off
# finds: MW-VER-002 violated istiod-open: it installs istio 1.30.5, which is open to ISTIO-SECURITY-2026-007
from pulumi_kubernetes.helm.v3 import Release

Release("istiod-open", chart="oci://ghcr.io/istio/release/charts/istiod", version="1.30.5")
